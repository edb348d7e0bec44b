"""HTTP routes of groups."""

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.params import QueryParameter

from homeport.database import Database
from homeport.kit.http import LimitParameter, OffsetParameter, Page, Response
from homeport.kit.http import page as build_page
from homeport.kit.routes import requires
from homeport.organizations.schemas import CreateGroupRequest, Group, PatchGroupRequest
from homeport.organizations.service import groups
from homeport.rbac import Subject

_TAGS = ["Enterprise"]
_IN_ORGANIZATION = "/organizations/{organization:str}/groups"
Search = Annotated[str, QueryParameter(name="q", description="A part of the name or display name.")]


@get("/groups", opt=requires("group:read"), tags=_TAGS, summary="Get groups")
async def list_groups(
    subject: Subject,
    db: Database,
    organization: Annotated[str, QueryParameter(description="Only of this organization: an id or a name.")] = "",
    has_member: Annotated[str, QueryParameter(description="Only with this user: `me`, an id or a username.")] = "",
    group_ids: Annotated[
        list[str] | None, QueryParameter(description="Only these: ids, repeated or with commas.")
    ] = None,
    search: Search = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
) -> list[Group]:
    """List the groups that the caller may read, by name: all of them without a limit."""
    return await groups.list_groups(
        db,
        subject=subject,
        organization=organization,
        has_member=has_member,
        group_ids=group_ids or (),
        query=search,
        page=_page(limit, offset),
    )


@get(_IN_ORGANIZATION, opt=requires("group:read"), tags=_TAGS, summary="Get groups by organization")
async def list_groups_of_organization(
    organization: str,
    subject: Subject,
    db: Database,
    search: Search = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
) -> list[Group]:
    """List an organization's groups that the caller may read, by name: all of them without a limit."""
    return await groups.list_groups_of_organization(
        db, subject=subject, organization=organization, query=search, page=_page(limit, offset)
    )


@post(_IN_ORGANIZATION, opt=requires("group:create"), tags=_TAGS, summary="Create group for organization")
async def create_group(organization: str, data: CreateGroupRequest, subject: Subject, db: Database) -> Group:
    """Make a group without members."""
    return await groups.create_group(db, subject=subject, organization=organization, request=data)


@get(
    f"{_IN_ORGANIZATION}/{{groupname:str}}",
    opt=requires("group:read"),
    tags=_TAGS,
    summary="Get group by organization and group name",
)
async def get_group_by_name(organization: str, groupname: str, subject: Subject, db: Database) -> Group:
    """Return an organization's group with its members."""
    return await groups.get_group_by_name(db, subject=subject, organization=organization, name=groupname)


@get("/groups/{group:str}", opt=requires("group:read"), tags=_TAGS, summary="Get group by ID")
async def get_group(group: UUID, subject: Subject, db: Database) -> Group:
    """Return a group with its members."""
    return await groups.get_group(db, subject=subject, group_id=group)


@patch("/groups/{group:str}", opt=requires("group:update"), tags=_TAGS, summary="Update group")
async def update_group(group: UUID, data: PatchGroupRequest, subject: Subject, db: Database) -> Group:
    """Change a group and its members, all or nothing."""
    return await groups.update_group(db, subject=subject, group_id=group, request=data)


@delete("/groups/{group:str}", opt=requires("group:delete"), status_code=200, tags=_TAGS, summary="Delete group")
async def delete_group(group: UUID, subject: Subject, db: Database) -> Response:
    """Delete a group."""
    await groups.delete_group(db, subject=subject, group_id=group)
    return Response("The group has been deleted.")


def _page(limit: int, offset: int) -> Page | None:
    """Without a limit a list holds all groups, as programs of the reference expect; an offset alone begins a page."""
    return build_page(limit=limit, offset=offset) if limit or offset else None


routes: list[Any] = [
    list_groups,
    list_groups_of_organization,
    create_group,
    get_group_by_name,
    get_group,
    update_group,
    delete_group,
]
