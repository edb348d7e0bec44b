"""HTTP route of questions about permissions, below /api/v2."""

from typing import Any

from litestar import post

from homeport.access.routes import authenticated
from homeport.access.schemas import AuthorizationRequest
from homeport.access.service.checks import check_permissions
from homeport.database import Database
from homeport.rbac import Subject


@post(
    "/authcheck",
    opt=authenticated(),
    status_code=200,
    tags=["Authorization"],
    summary="Check authorization",
    description="Answers for the caller's own session, with its scopes. What does not exist is answered like what is refused.",
)
async def check_authorization(data: AuthorizationRequest, subject: Subject, db: Database) -> dict[str, bool]:
    """Say of each check whether the caller may."""
    return await check_permissions(db, subject=subject, request=data)


routes: list[Any] = [check_authorization]
