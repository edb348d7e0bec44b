"""Routes of users."""

from typing import Annotated, Any, cast

import msgspec
from litestar import asgi, delete, get, post, put
from litestar.exceptions import MethodNotAllowedException
from litestar.params import Parameter
from litestar.types import Receive, Scope, Send

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.errors import OwnAccount
from homeport.identity.schemas import (
    AssignableRoles,
    CreateUserRequestWithOrgs,
    GetUsersResponse,
    UpdateRoles,
    UpdateUserAppearanceSettingsRequest,
    UpdateUserPasswordRequest,
    UpdateUserProfileRequest,
    UpdateUserQuietHoursScheduleRequest,
    User,
    UserAppearanceSettings,
    UserLoginType,
    UserQuietHoursScheduleResponse,
    UserRoles,
)
from homeport.identity.service import accounts, quiet_hours, roles, users
from homeport.identity.types import IDENTITY_KEY, Identity
from homeport.kit.http import AfterParameter, LimitParameter, OffsetParameter, Response, page
from homeport.kit.routes import requires
from homeport.rbac import Subject

encode = msgspec.json.Encoder().encode
SearchParameter = Annotated[
    str,
    Parameter(
        query="q",
        max_length=2048,
        description="Words, and keys with values: status:, role:, login_type:, username:, email:, name:, organization:, "
        "created_before:, created_after:, last_seen_before:, last_seen_after:, include_system:, is_system:.",
    ),
]


@get("/users", opt=requires("user:read"), tags=["Users"], summary="Get users")
async def list_users(
    subject: Subject,
    db: Database,
    q: SearchParameter = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
    after_id: AfterParameter = None,
) -> GetUsersResponse:
    """List the users that the caller may read, by username."""
    return await users.list_users(
        db, subject=subject, query=q, page=page(limit=limit, offset=offset, after_id=after_id)
    )


@post("/users", opt=requires("user:create"), tags=["Users"], summary="Create new user")
async def create_user(data: CreateUserRequestWithOrgs, subject: Subject, db: Database) -> User:
    """Create an account."""
    return await users.create_user(db, subject=subject, request=data)


@get(
    "/users/roles",
    opt=requires("assign_role:read"),
    tags=["Members"],
    summary="Get site member roles",
    sync_to_thread=False,
)
def list_site_roles(subject: Subject) -> list[AssignableRoles]:
    """List the deployment's roles and whether the caller may give them."""
    return roles.list_assignable_roles(subject)


@asgi("/users/me", opt=requires("user:read"), copy_scope=False)
async def get_me(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - the signature of ASGI
    """Return the caller: what `/users/{user}` answers to `me`. Raw ASGI, for no question is asked more often."""
    identity: Identity = cast("Any", scope)[IDENTITY_KEY]
    user = users.get_self(identity)
    # A WebSocket comes here as well, and has none.
    method = cast("Any", scope).get("method", "")
    if method == "DELETE":
        raise OwnAccount("You cannot delete yourself.")
    if method not in {"GET", "HEAD"}:
        raise MethodNotAllowedException(headers={"Allow": "DELETE, GET, HEAD"})
    body = encode(user)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body if method == "GET" else b"", "more_body": False})


@get("/users/{user:str}", opt=requires("user:read"), tags=["Users"], summary="Get user by name")
async def get_user(user: str, subject: Subject, db: Database) -> User:
    """Return a user by `me`, id or username."""
    return await users.get_user(db, subject=subject, value=user)


@delete("/users/{user:str}", opt=requires("user:delete"), status_code=200, tags=["Users"], summary="Delete user")
async def delete_user(user: str, subject: Subject, db: Database) -> Response:
    """Delete an account."""
    await users.delete_user(db, subject=subject, value=user)
    return Response(message="The user has been deleted.")


@put("/users/{user:str}/profile", opt=requires("user:update_personal"), tags=["Users"], summary="Update user profile")
async def update_profile(user: str, data: UpdateUserProfileRequest, subject: Subject, db: Database) -> User:
    """Set username and display name."""
    return await accounts.update_profile(db, subject=subject, value=user, request=data)


@put(
    "/users/{user:str}/password",
    opt=requires("user:update_personal"),
    status_code=204,
    tags=["Users"],
    summary="Update user password",
)
async def update_password(
    user: str, data: UpdateUserPasswordRequest, identity: Identity, db: Database, settings: Settings
) -> None:
    """Set a password; all other sessions and tokens of the account end."""
    await accounts.update_password(db, settings, identity=identity, value=user, request=data)


@put("/users/{user:str}/status/suspend", opt=requires("user:update"), tags=["Users"], summary="Suspend user account")
async def suspend_user(user: str, subject: Subject, db: Database) -> User:
    """Suspend an account: its keys stop working at once."""
    return await accounts.suspend_user(db, subject=subject, value=user)


@put("/users/{user:str}/status/activate", opt=requires("user:update"), tags=["Users"], summary="Activate user account")
async def activate_user(user: str, subject: Subject, db: Database) -> User:
    """Make an account active."""
    return await accounts.activate_user(db, subject=subject, value=user)


@get("/users/{user:str}/roles", opt=requires("user:read_personal"), tags=["Users"], summary="Get user roles")
async def get_roles(user: str, subject: Subject, db: Database) -> UserRoles:
    """Return the names of a user's roles."""
    return await roles.get_roles(db, subject=subject, value=user)


@put("/users/{user:str}/roles", opt=requires("assign_role:assign"), tags=["Users"], summary="Assign role to user")
async def update_roles(user: str, data: UpdateRoles, subject: Subject, db: Database) -> User:
    """Set a user's deployment roles."""
    return await roles.update_roles(db, subject=subject, value=user, request=data)


@get("/users/{user:str}/login-type", opt=requires("user:read_personal"), tags=["Users"], summary="Get user login type")
async def get_login_type(user: str, subject: Subject, db: Database) -> UserLoginType:
    """Tell how a user signs in."""
    return await accounts.get_login_type(db, subject=subject, value=user)


@get(
    "/users/{user:str}/appearance",
    opt=requires("user:read_personal"),
    tags=["Users"],
    summary="Get user appearance settings",
)
async def get_appearance(user: str, subject: Subject, db: Database) -> UserAppearanceSettings:
    """Return theme and terminal font."""
    return await accounts.get_appearance(db, subject=subject, value=user)


@put(
    "/users/{user:str}/appearance",
    opt=requires("user:update_personal"),
    tags=["Users"],
    summary="Update user appearance settings",
)
async def update_appearance(
    user: str, data: UpdateUserAppearanceSettingsRequest, subject: Subject, db: Database
) -> UserAppearanceSettings:
    """Set theme and terminal font."""
    return await accounts.update_appearance(db, subject=subject, value=user, request=data)


@get(
    "/users/{user:str}/quiet-hours",
    opt=requires("user:read_personal"),
    tags=["Enterprise"],
    summary="Get user quiet hours schedule",
)
async def get_quiet_hours(
    user: str, subject: Subject, db: Database, settings: Settings
) -> UserQuietHoursScheduleResponse:
    """Return when a required stop may interrupt the user."""
    return await quiet_hours.get_quiet_hours(db, settings, subject=subject, value=user)


@put(
    "/users/{user:str}/quiet-hours",
    opt=requires("user:update_personal"),
    tags=["Enterprise"],
    summary="Update user quiet hours schedule",
)
async def update_quiet_hours(
    user: str, data: UpdateUserQuietHoursScheduleRequest, subject: Subject, db: Database, settings: Settings
) -> UserQuietHoursScheduleResponse:
    """Set quiet hours of the user's own."""
    return await quiet_hours.update_quiet_hours(db, settings, subject=subject, value=user, request=data)


routes: list[Any] = [
    list_users,
    create_user,
    list_site_roles,
    get_me,
    get_user,
    delete_user,
    update_profile,
    update_password,
    suspend_user,
    activate_user,
    get_roles,
    update_roles,
    get_login_type,
    get_appearance,
    update_appearance,
    get_quiet_hours,
    update_quiet_hours,
]
