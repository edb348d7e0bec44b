"""Routes before and around a session: first user, sign-in, sign-out, ways to sign in."""

from typing import Any

from litestar import Response as LitestarResponse
from litestar import get, post

from homeport.config import Settings
from homeport.database import Database
from homeport.identity import rules
from homeport.identity.login.configured import Providers
from homeport.identity.login.cookies import sign_in_cookies, sign_out_cookies
from homeport.identity.login.password import sign_in
from homeport.identity.login.ways import ways_of
from homeport.identity.schemas import (
    AuthMethods,
    CreateFirstUserRequest,
    CreateFirstUserResponse,
    ExternalAPIKeyScopes,
    LoginWithPasswordRequest,
    LoginWithPasswordResponse,
    ValidateUserPasswordRequest,
    ValidateUserPasswordResponse,
)
from homeport.identity.service import keys, tokens, users
from homeport.identity.types import Identity
from homeport.kit.errors import NotFound
from homeport.kit.http import Response
from homeport.kit.routes import authenticated, public

# Read by the rate limit of `access`: attempts are counted per address.
LOGIN_LIMIT = {"rate_limit": "login"}


@get(
    "/users/first", opt=public("asked before anybody can sign in"), tags=["Users"], summary="Check initial user created"
)
async def get_first_user(db: Database) -> Response:
    """Answer 200 when the deployment has a user, else 404."""
    if not await users.has_first_user(db):
        raise NotFound("The first user has not been created yet.")
    return Response(message="The first user has been created already.")


@post(
    "/users/first",
    opt={**public("works once, before anybody can sign in"), **LOGIN_LIMIT},
    tags=["Users"],
    summary="Create initial user",
)
async def create_first_user(data: CreateFirstUserRequest, db: Database) -> CreateFirstUserResponse:
    """Create the owner of a fresh deployment."""
    return await users.create_first_user(db, data)


@post(
    "/users/login",
    opt={**public("this is how one signs in"), **LOGIN_LIMIT},
    tags=["Authorization"],
    summary="Log in user",
)
async def log_in(
    data: LoginWithPasswordRequest, db: Database, settings: Settings
) -> LitestarResponse[LoginWithPasswordResponse]:
    """Sign in by address and password; the token is in the body and in the session cookie."""
    _, token = await sign_in(db, settings, email=data.email, password=data.password)
    return LitestarResponse(
        LoginWithPasswordResponse(token),
        cookies=sign_in_cookies(settings, token),
        headers={"Cache-Control": "no-store"},
    )


@post("/users/logout", opt=authenticated(), status_code=200, tags=["Users"], summary="Log out user")
async def log_out(identity: Identity, db: Database, settings: Settings) -> LitestarResponse[Response]:
    """End this session."""
    await keys.sign_out(db, identity)
    return LitestarResponse(Response(message="You have been signed out."), cookies=sign_out_cookies(settings))


@get(
    "/users/authmethods",
    opt=public("the sign-in page asks"),
    tags=["Users"],
    summary="Get authentication methods",
    sync_to_thread=False,
)
def get_auth_methods(settings: Settings, providers: Providers) -> AuthMethods:
    """List the ways to sign in."""
    return ways_of(settings, providers)


@post(
    "/users/validate-password",
    opt=public("the first user's form asks"),
    status_code=200,
    tags=["Authorization"],
    summary="Validate user password",
    sync_to_thread=False,
)
def validate_password(data: ValidateUserPasswordRequest) -> ValidateUserPasswordResponse:
    """Judge a password."""
    problem = rules.password_problem(data.password)
    return ValidateUserPasswordResponse(valid=not problem, details=problem)


@get(
    "/auth/scopes",
    opt=public("names only"),
    tags=["Authorization"],
    summary="List API key scopes",
    sync_to_thread=False,
)
def list_scopes() -> ExternalAPIKeyScopes:
    """List the scopes that a token may ask for."""
    return ExternalAPIKeyScopes(tokens.list_public_scopes())


routes: list[Any] = [
    get_first_user,
    create_first_user,
    log_in,
    log_out,
    get_auth_methods,
    validate_password,
    list_scopes,
]
