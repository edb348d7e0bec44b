"""One user, for those who administer users: profile, status, roles, password, organizations, the end of the account."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.rules import key_object, unassignable_roles, user_object
from homeport.identity.schemas import UpdateRoles, UpdateUserPasswordRequest, UpdateUserProfileRequest, User
from homeport.identity.service import accounts, roles, users
from homeport.identity.service.history import list_status_changes
from homeport.identity.service.sessions import list_sessions
from homeport.identity.types import Identity
from homeport.kit.errors import HomeportError
from homeport.kit.routes import requires
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, require
from homeport.web.forms import NO_PROBLEMS, Form, Problems, mistyped, read_form
from homeport.web.memberships import RoleBox, list_memberships, load_member, role_boxes, wanted_roles
from homeport.web.pages.account import LIFETIMES
from homeport.web.rendering import View

_PATH = "/users/{user:str}"
_UPDATE = requires("user:update", is_page=True)
_DELETE = requires("user:delete", is_page=True)
_PROFILE = frozenset({"username", "name"})
_STATUSES = {"active": (accounts.activate_user, "activated"), "suspended": (accounts.suspend_user, "suspended")}
Page = Response[str] | Redirect


class Buttons(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done with an account. `rank` says why an account of higher rank is left alone."""

    can_update: bool
    can_suspend: bool
    can_delete: bool
    can_reset_password: bool
    can_give_roles: bool
    can_see_keys: bool
    can_end_keys: bool
    can_make_tokens: bool
    rank: str


@get(_PATH, opt=requires("user:read", is_page=True), include_in_schema=False)
async def show_user(view: View, user: str, db: Database, identity: Identity) -> Response[str]:
    """Show an account, and what may be done with it."""
    return await person_page(view, db, identity, user)


@post(f"{_PATH}/profile", opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_profile(view: View, user: str, db: Database, identity: Identity) -> Page:
    """Set username and name."""
    form = await read_form(view.request)
    request = UpdateUserProfileRequest(username=form.text("username"), name=form.text("name"))
    try:
        changed = await accounts.update_profile(db, subject=identity.subject, value=user, request=request)
    except HomeportError as error:
        return await person_page(view, db, identity, user, form=form, profile=Problems(error, known=_PROFILE))
    return view.go(f"{path_of(changed)}?notice=user-changed")


@post(f"{_PATH}/status", opt=_UPDATE, include_in_schema=False, status_code=200)
async def set_status(view: View, user: str, db: Database, identity: Identity) -> Page:
    """Suspend an account, or make it active."""
    form = await read_form(view.request)
    known = await users.get_user(db, subject=identity.subject, value=user)
    change, notice = _STATUSES["suspended" if form.get("status") == "suspended" else "active"]
    try:
        await change(db, subject=identity.subject, value=str(known.id))
    except HomeportError as error:
        return await person_page(view, db, identity, user, status=Problems(error, known=frozenset()))
    return view.go(f"{path_of(known)}?notice={notice}")


@post(f"{_PATH}/roles", opt=requires("assign_role:assign", is_page=True), include_in_schema=False, status_code=200)
async def save_roles(view: View, user: str, db: Database, identity: Identity) -> Page:
    """Make the chosen roles the account's roles in the deployment."""
    form = await read_form(view.request)
    known = await users.get_user(db, subject=identity.subject, value=user)
    boxes = _boxes(identity.subject, known)
    request = UpdateRoles(wanted_roles(boxes, form.all_of("roles")))
    try:
        await roles.update_roles(db, subject=identity.subject, value=str(known.id), request=request)
    except HomeportError as error:
        return await person_page(
            view, db, identity, user, form=form, roles_problems=Problems(error, known=frozenset({"roles"}))
        )
    return view.go(f"{path_of(known)}?notice=roles")


@post(f"{_PATH}/password", opt=_UPDATE, include_in_schema=False, status_code=200)
async def reset_password(view: View, user: str, db: Database, identity: Identity) -> Page:
    """Set somebody else's password; sessions and tokens of the account end."""
    form = await read_form(view.request)
    known = await users.get_user(db, subject=identity.subject, value=user)
    request = UpdateUserPasswordRequest(password=form.get("password", ""))
    try:
        await accounts.update_password(db, view.settings, identity=identity, value=str(known.id), request=request)
    except HomeportError as error:
        found = Problems(error, known=frozenset({"password"}))
        return await person_page(view, db, identity, user, password=found)
    return view.go(f"{path_of(known)}?notice=user-password")


@get(f"{_PATH}/delete", opt=_DELETE, include_in_schema=False)
async def confirm_deletion(view: View, user: str, db: Database, subject: Subject) -> Response[str]:
    """Ask before an account goes."""
    return _deletion_page(view, await _deletable(db, subject, user), NO_PROBLEMS)


@post(f"{_PATH}/delete", opt=_DELETE, include_in_schema=False, status_code=200)
async def delete_user(view: View, user: str, db: Database, subject: Subject) -> Page:
    """Delete an account once its username was typed."""
    form = await read_form(view.request)
    known = await _deletable(db, subject, user)
    if form.text("confirm") != known.username:
        return _deletion_page(view, known, mistyped("user"))
    try:
        await users.delete_user(db, subject=subject, value=str(known.id))
    except HomeportError as error:
        return _deletion_page(view, known, Problems(error, known=frozenset({"confirm"})))
    return view.go("/users?notice=user-gone")


async def person_page(
    view: View,
    db: Database,
    identity: Identity,
    user: str,
    *,
    form: Form | None = None,
    profile: Problems = NO_PROBLEMS,
    status: Problems = NO_PROBLEMS,
    roles_problems: Problems = NO_PROBLEMS,
    password: Problems = NO_PROBLEMS,
    token: Problems = NO_PROBLEMS,
    secret: str = "",
) -> Response[str]:
    """Show the page of a user, with what was wrong with one of its forms, or with a token that is shown this once."""
    subject = identity.subject
    known = await users.get_user(db, subject=subject, value=user)
    given = form if form and profile else None
    can = _buttons(subject, known)
    return view.page(
        "user.html",
        status=max(each.status for each in (profile, status, roles_problems, password, token)),
        user=known,
        base=path_of(known),
        is_self=known.id == identity.user_id,
        username=given.text("username") if given else known.username,
        name=given.text("name") if given else known.name,
        can=can,
        boxes=_boxes(subject, known, form.all_of("roles") if form and roles_problems else None),
        memberships=await list_memberships(db, subject, await load_member(db, subject, str(known.id))),
        history=await list_status_changes(db, subject=subject, value=str(known.id)),
        can_read_audit=is_allowed(subject, Action.READ, Object(ResourceType.AUDIT_LOG)),
        profile=profile,
        status_problems=status,
        roles_problems=roles_problems,
        password=password,
        keys=await list_sessions(db, identity=identity, value=str(known.id)) if can.can_see_keys else [],
        lifetimes=LIFETIMES,
        token_name=form.text("token_name") if form and token else "",
        token_problems=token,
        secret=secret,
    )


def _buttons(subject: Subject, user: User) -> Buttons:
    target, keys, is_self = user_object(user.id), key_object(user.id), user.id == subject.id
    lacking = [] if is_self else unassignable_roles(subject.role_names, [role.name for role in user.roles])
    can_update = is_allowed(subject, Action.UPDATE, target) and not lacking
    rank = (
        f"It has the role {', '.join(lacking)}, which you cannot give away, so you cannot change it." if lacking else ""
    )
    return Buttons(
        can_update=is_allowed(subject, Action.UPDATE, target),
        can_suspend=can_update and not is_self,
        can_delete=is_allowed(subject, Action.DELETE, target) and not lacking and not is_self,
        can_reset_password=can_update and not is_self and user.login_type == "password",
        can_give_roles=is_allowed(subject, Action.ASSIGN, Object(ResourceType.ASSIGN_ROLE)) and not is_self,
        can_see_keys=is_allowed(subject, Action.READ, keys) and not is_self,
        can_end_keys=is_allowed(subject, Action.DELETE, keys) and not is_self,
        # A person makes their own; nobody signs in to a service account to do so.
        can_make_tokens=user.login_type == "none" and is_allowed(subject, Action.CREATE, keys),
        rank=rank,
    )


def _boxes(subject: Subject, user: User, chosen: list[str] | None = None) -> list[RoleBox]:
    """Return the deployment's roles as boxes; everybody has `member`, so it is none."""
    held = [role.name for role in user.roles] if chosen is None else chosen
    offered = [role for role in roles.list_assignable_roles(subject) if role.name != roles.MEMBER]
    return role_boxes(offered, held)


async def _deletable(db: Database, subject: Subject, user: str) -> User:
    known = await users.get_user(db, subject=subject, value=user)
    require(subject, Action.DELETE, user_object(known.id), noun="user")
    return known


def _deletion_page(view: View, user: User, problems: Problems) -> Response[str]:
    return view.page(
        "confirm.html",
        status=problems.status,
        heading=f"Delete the user {user.username}",
        consequences=[
            "Sessions, tokens, memberships and groups of the account end at once, and its username becomes free. This cannot be undone.",
            "It is refused while the account has workspaces: delete those first.",
        ],
        problems=problems,
        action=f"{path_of(user)}/delete",
        typed=f"the username {user.username}",
        button="Delete user",
        back=path_of(user),
        keep="Keep it",
    )


def path_of(user: User) -> str:
    """Return the address of a user's page."""
    return f"/users/{quote(user.username)}"


routes: list[Any] = [
    show_user,
    save_profile,
    set_status,
    save_roles,
    reset_password,
    confirm_deletion,
    delete_user,
]
