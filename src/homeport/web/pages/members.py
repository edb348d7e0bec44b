"""Members of an organization: the list, adding somebody, one member with roles, groups and quota, and leaving."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.rules import user_object
from homeport.identity.schemas import AssignableRoles, UpdateRoles
from homeport.identity.types import Identity
from homeport.kit.errors import BadRequest, HomeportError, NotFound
from homeport.kit.routes import requires
from homeport.organizations.errors import MemberNotFound
from homeport.organizations.rules import member_object
from homeport.organizations.schemas import PaginatedMembersResponse
from homeport.organizations.service import members, roles
from homeport.organizations.types import ResolvedMember
from homeport.rbac import Action, is_allowed, require
from homeport.web.forms import NO_PROBLEMS, Form, Problems, field_problem, read_form
from homeport.web.memberships import Membership, list_memberships, load_member, role_boxes, wanted_roles
from homeport.web.pages.workspaces import PAGE_SIZE, asked, window
from homeport.web.rendering import View
from homeport.web.tenancy import Place, load_place

_READ = requires("organization_member:read", is_page=True)
_DELETE = requires("organization_member:delete", is_page=True)
_PATH = "/organizations/{organization:str}/members"
_ONE = f"{_PATH}/{{user:str}}"
Page = Response[str] | Redirect


class Member(msgspec.Struct, frozen=True):
    """A member that a page is about."""

    place: Place
    user: ResolvedMember
    membership: Membership
    stored_roles: list[str]

    @property
    def path(self) -> str:
        """The path of the page."""
        return f"{self.place.path}/members/{quote(self.user.username)}"


@get(_PATH, opt=_READ, include_in_schema=False)
async def show_members(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show the members that one may read, and a search among them."""
    return await _list_page(view, db, identity, await load_place(db, identity, organization, "members"))


@post(_PATH, opt=requires("organization_member:create", is_page=True), include_in_schema=False, status_code=200)
async def add_member(view: View, organization: str, db: Database, identity: Identity) -> Page:
    """Add somebody by username; the next page gives roles."""
    form = await read_form(view.request)
    place = await load_place(db, identity, organization, "members")
    require(identity.subject, Action.CREATE, member_object(place.organization.id), noun="member")
    username = form.text("username")
    try:
        await members.add_member(db, subject=identity.subject, organization=str(place.organization.id), user=username)
    except NotFound:
        words = "There is nobody of this username, or you may not see them."
        return await _list_page(view, db, identity, place, username=username, problems=field_problem("username", words))
    except HomeportError as error:
        problems = Problems(error, known=frozenset())
        problems.fields["username"], problems.summary = problems.summary, ""
        return await _list_page(view, db, identity, place, username=username, problems=problems)
    return view.go(f"{place.path}/members/{quote(username)}?notice=member-added")


@get(_ONE, opt=_READ, include_in_schema=False)
async def show_member(view: View, organization: str, user: str, db: Database, identity: Identity) -> Response[str]:
    """Show what a member has in the organization."""
    return await _member_page(view, db, identity, await _load(db, identity, organization, user))


@post(f"{_ONE}/roles", opt=requires("assign_org_role:assign", is_page=True), include_in_schema=False, status_code=200)
async def save_roles(view: View, organization: str, user: str, db: Database, identity: Identity) -> Page:
    """Make the chosen roles the member's roles in the organization."""
    form = await read_form(view.request)
    member = await _load(db, identity, organization, user)
    boxes = role_boxes(await _assignable(db, identity, member.place), member.stored_roles)
    try:
        await roles.update_member_roles(
            db,
            subject=identity.subject,
            organization=str(member.place.organization.id),
            user=str(member.user.user_id),
            request=UpdateRoles(wanted_roles(boxes, form.all_of("roles"))),
        )
    except HomeportError as error:
        problems = Problems(error, known=frozenset({"roles"}))
        return await _member_page(view, db, identity, member, form=form, problems=problems)
    return view.go(f"{member.path}?notice=roles")


@get(f"{_ONE}/remove", opt=_DELETE, include_in_schema=False)
async def confirm_removal(view: View, organization: str, user: str, db: Database, identity: Identity) -> Response[str]:
    """Ask before somebody leaves."""
    return _removal_page(view, await _removable(db, identity, organization, user), NO_PROBLEMS)


@post(f"{_ONE}/remove", opt=_DELETE, include_in_schema=False, status_code=200)
async def remove_member(view: View, organization: str, user: str, db: Database, identity: Identity) -> Page:
    """Take somebody out of the organization and its groups."""
    await read_form(view.request)
    member = await _removable(db, identity, organization, user)
    place = member.place
    try:
        await members.remove_member(
            db, subject=identity.subject, organization=str(place.organization.id), user=str(member.user.user_id)
        )
    except HomeportError as error:
        return _removal_page(view, member, Problems(error, known=frozenset()))
    return view.go(f"{place.path}/members?notice=member-gone")


async def _list_page(
    view: View,
    db: Database,
    identity: Identity,
    place: Place,
    *,
    username: str = "",
    problems: Problems = NO_PROBLEMS,
) -> Response[str]:
    search, number = asked(view)
    search_problems, found = NO_PROBLEMS, PaginatedMembersResponse([], 0)
    try:
        found = await members.list_members(
            db,
            subject=identity.subject,
            organization=str(place.organization.id),
            query=search,
            page=window(number),
        )
    except BadRequest as error:
        search_problems = Problems(error, known=frozenset())
    return view.page(
        "members.html",
        status=problems.status if problems else search_problems.status,
        place=place,
        members=found.members,
        count=found.count,
        search=search,
        number=number,
        page_size=PAGE_SIZE,
        username=username,
        problems=problems,
        search_problems=search_problems,
    )


async def _member_page(
    view: View,
    db: Database,
    identity: Identity,
    member: Member,
    *,
    form: Form | None = None,
    problems: Problems = NO_PROBLEMS,
) -> Response[str]:
    place, is_self = member.place, member.user.user_id == identity.user_id
    offered = await _assignable(db, identity, place) if place.can.can_give_roles else []
    return view.page(
        "member.html",
        status=problems.status,
        place=place,
        base=member.path,
        username=member.user.username,
        name=member.user.name,
        own=member.membership,
        boxes=role_boxes(offered, member.stored_roles if form is None else form.all_of("roles")),
        why_not="Nobody changes their own roles; somebody else who administers this organization can."
        if is_self
        else "",
        problems=problems,
        can_remove=_may_remove(identity, member),
        is_user_readable=is_allowed(identity.subject, Action.READ, user_object(member.user.user_id)),
    )


def _removal_page(view: View, member: Member, problems: Problems) -> Response[str]:
    name = member.user.username
    return view.page(
        "confirm.html",
        status=problems.status,
        heading=f"Remove {name} from {member.place.organization.name}",
        consequences=[
            "The person loses the roles and groups of the organization at once, and with them what these allow.",
            "Workspaces in it stay, and are out of the person's reach until somebody adds them again.",
        ],
        problems=problems,
        action=f"{member.path}/remove",
        typed="",
        button="Remove member",
        back=member.path,
        keep="Keep them",
    )


async def _load(db: Database, identity: Identity, organization: str, user: str) -> Member:
    place = await load_place(db, identity, organization, "members")
    found = await load_member(db, identity.subject, user)
    own = await list_memberships(db, identity.subject, found, organization_id=place.organization.id, has_quota=True)
    stored = [row.roles for row in found.memberships if row.organization_id == place.organization.id]
    if not own or not stored:
        raise MemberNotFound
    return Member(place, found, own[0], stored[0])


async def _removable(db: Database, identity: Identity, organization: str, user: str) -> Member:
    member = await _load(db, identity, organization, user)
    target = member_object(member.place.organization.id, member.user.user_id)
    require(identity.subject, Action.DELETE, target, noun="member")
    return member


def _may_remove(identity: Identity, member: Member) -> bool:
    target = member_object(member.place.organization.id, member.user.user_id)
    is_other = member.user.user_id != identity.user_id and not member.user.is_system
    return is_other and is_allowed(identity.subject, Action.DELETE, target)


async def _assignable(db: Database, identity: Identity, place: Place) -> list[AssignableRoles]:
    return await roles.list_assignable_roles(db, subject=identity.subject, organization=str(place.organization.id))


routes: list[Any] = [show_members, add_member, show_member, save_roles, confirm_removal, remove_member]
