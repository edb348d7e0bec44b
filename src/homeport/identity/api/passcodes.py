"""Routes of a new password by a code that comes by mail."""

from typing import Any

from litestar import post

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.schemas import ChangePasswordWithOneTimePasscodeRequest, RequestOneTimePasscodeRequest
from homeport.identity.service import passcodes
from homeport.kit.routes import public


@post(
    "/users/otp/request",
    opt={**public("whoever forgot the password cannot sign in"), "rate_limit": "login"},
    status_code=204,
    tags=["Authorization"],
    summary="Request one-time passcode",
)
async def request_passcode(data: RequestOneTimePasscodeRequest, db: Database, settings: Settings) -> None:
    """Mail a one-time passcode to somebody who signs in by password; the answer is the same for everybody."""
    await passcodes.request_passcode(db, settings, email=data.email)


@post(
    "/users/otp/change-password",
    opt={**public("whoever forgot the password cannot sign in"), "rate_limit": "login"},
    status_code=204,
    tags=["Authorization"],
    summary="Change password with a one-time passcode",
)
async def change_password(data: ChangePasswordWithOneTimePasscodeRequest, db: Database, settings: Settings) -> None:
    """Set a password by a one-time passcode; every session and token of the account ends."""
    await passcodes.change_password(db, settings, email=data.email, code=data.one_time_passcode, password=data.password)


routes: list[Any] = [request_passcode, change_password]
