"""Sign-in sync: what the claims of the provider mean, for the deployment and for an organization's groups and roles."""

from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.types import Identity
from homeport.kit.errors import HomeportError
from homeport.kit.routes import requires
from homeport.organizations.rules import sync_object
from homeport.organizations.schemas import GroupSyncSettings, OrganizationSyncSettings, RoleSyncSettings
from homeport.organizations.service import groups, organizations
from homeport.organizations.service.syncing import changing, claims, wire
from homeport.organizations.service.syncing.defaults import defaults_of
from homeport.organizations.types import GroupSync, OrganizationSync, RoleSync
from homeport.rbac import Action, Subject, is_allowed
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form, remaining
from homeport.web.rendering import View
from homeport.web.syncing import mapping_lines, problems_of, read_lines, target_reader
from homeport.web.tenancy import Place, load_place

_READ = requires("idpsync_settings:read", is_page=True)
_UPDATE = requires("idpsync_settings:update", is_page=True)
SITE: Final = "/deployment/sync"
_PATH: Final = "/organizations/{organization:str}/sync"
_SITE_FIELDS = ("field", "mapping", "assign_default")
_GROUP_FIELDS = ("group_field", "group_mapping", "group_names", "regex_filter", "auto_create")
_ROLE_FIELDS = ("role_field", "role_mapping")
# What the request calls a field, and what the form does: two forms of one page have no field in common.
_GROUP_NAMES: Final = MappingProxyType(
    {
        "field": "group_field",
        "mapping": "group_mapping",
        "legacy_group_name_mapping": "group_names",
        "regex_filter": "regex_filter",
    }
)
_ROLE_NAMES: Final = MappingProxyType({"field": "role_field", "mapping": "role_mapping"})
_MOST_CLAIMS = 100
Page = Response[str] | Redirect


@get(SITE, opt=_READ, include_in_schema=False)
async def show_site(view: View, db: Database, settings: Settings, subject: Subject) -> Response[str]:
    """Show which claim says to which organizations people belong."""
    found = await changing.get_organization_sync(db, defaults_of(settings), subject=subject)
    return await _site_page(view, db, subject, await _site_values(db, subject, found), NO_PROBLEMS)


@post(SITE, opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_site(view: View, db: Database, settings: Settings, subject: Subject) -> Page:
    """Set the claim, what its values mean, and whether everybody stays in the default organization."""
    form = await read_form(view.request)
    ids = {name.lower(): each for each, name in (await _organization_names(db, subject)).items()}
    try:
        request = OrganizationSyncSettings(
            field=form.text("field"),
            mapping=read_lines(form.get("mapping", ""), "mapping", target_reader(ids, "organization")),
            organization_assign_default=bool(form.text("assign_default")),
        )
        change = wire.organizations_of(request)
        await changing.change_organization_sync(db, defaults_of(settings), subject=subject, change=change)
    except HomeportError as error:
        problems = Problems(error, known=frozenset(_SITE_FIELDS))
        return await _site_page(view, db, subject, remaining(form, *_SITE_FIELDS), problems)
    return view.go(f"{SITE}?notice=sync")


@get(_PATH, opt=_READ, include_in_schema=False)
async def show_place(
    view: View, organization: str, db: Database, settings: Settings, identity: Identity
) -> Response[str]:
    """Show which claims say in which groups members are and which roles they have."""
    place = await load_place(db, identity, organization, "sync")
    return await _place_page(view, db, settings, identity.subject, place)


@post(f"{_PATH}/groups", opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_groups(view: View, organization: str, db: Database, settings: Settings, identity: Identity) -> Page:
    """Set what is said about groups."""
    form = await read_form(view.request)
    place, subject = await load_place(db, identity, organization, "sync"), identity.subject
    here = str(place.organization.id)
    try:
        change = wire.groups_of(_groups_asked(form, await _group_names(db, subject, place)))
        await changing.change_group_sync(db, defaults_of(settings), subject=subject, organization=here, change=change)
    except HomeportError as error:
        shown, problems = remaining(form, *_GROUP_FIELDS), problems_of(error, _GROUP_NAMES)
        return await _place_page(view, db, settings, subject, place, of_groups=shown, problems=problems)
    return view.go(f"{place.path}/sync?notice=sync")


@post(f"{_PATH}/roles", opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_roles(view: View, organization: str, db: Database, settings: Settings, identity: Identity) -> Page:
    """Set what is said about roles."""
    form = await read_form(view.request)
    place, subject = await load_place(db, identity, organization, "sync"), identity.subject
    try:
        request = RoleSyncSettings(
            field=form.text("role_field"),
            mapping=read_lines(form.get("role_mapping", ""), "role_mapping", str),
        )
        await changing.change_role_sync(
            db, subject=subject, organization=str(place.organization.id), change=wire.roles_of(request)
        )
    except HomeportError as error:
        shown = remaining(form, *_ROLE_FIELDS)
        return await _place_page(
            view, db, settings, subject, place, of_roles=shown, giving=problems_of(error, _ROLE_NAMES)
        )
    return view.go(f"{place.path}/sync?notice=sync")


def _groups_asked(form: Form, names: dict[UUID, str]) -> GroupSyncSettings:
    ids = {name.lower(): each for each, name in names.items()}
    renamed = read_lines(form.get("group_names", ""), "group_names", str)
    return GroupSyncSettings(
        field=form.text("group_field"),
        mapping=read_lines(form.get("group_mapping", ""), "group_mapping", target_reader(ids, "group")),
        regex_filter=form.text("regex_filter") or None,
        auto_create_missing_groups=bool(form.text("auto_create")),
        legacy_group_name_mapping={value: targets[-1] for value, targets in renamed.items()},
    )


async def _site_page(
    view: View, db: Database, subject: Subject, values: dict[str, str], problems: Problems
) -> Response[str]:
    return view.page(
        "sync.html",
        status=problems.status,
        values=values,
        problems=problems,
        known=(await claims.list_fields(db, subject=subject))[:_MOST_CLAIMS],
        can_update=is_allowed(subject, Action.UPDATE, sync_object()),
    )


async def _place_page(
    view: View,
    db: Database,
    settings: Settings,
    subject: Subject,
    place: Place,
    *,
    of_groups: dict[str, str] | None = None,
    of_roles: dict[str, str] | None = None,
    problems: Problems = NO_PROBLEMS,
    giving: Problems = NO_PROBLEMS,
) -> Response[str]:
    here = str(place.organization.id)
    group_sync = await changing.get_group_sync(db, defaults_of(settings), subject=subject, organization=here)
    role_sync = await changing.get_role_sync(db, subject=subject, organization=here)
    return view.page(
        "organization_sync.html",
        status=max(problems.status, giving.status),
        place=place,
        of_groups=of_groups or _group_values(group_sync, await _group_names(db, subject, place)),
        of_roles=of_roles or _role_values(role_sync),
        problems=problems,
        giving=giving,
        known=(await claims.list_fields(db, subject=subject, organization=here))[:_MOST_CLAIMS],
        can_update=is_allowed(subject, Action.UPDATE, sync_object(place.organization.id)),
    )


async def _site_values(db: Database, subject: Subject, found: OrganizationSync) -> dict[str, str]:
    return {
        "field": found.field,
        "mapping": mapping_lines(found.mapping, await _organization_names(db, subject)),
        "assign_default": "on" if found.assign_default else "",
    }


def _group_values(found: GroupSync, names: dict[UUID, str]) -> dict[str, str]:
    renamed = {value: [name] for value, name in found.legacy_group_name_mapping.items()}
    return {
        "group_field": found.field,
        "group_mapping": mapping_lines(found.mapping, names),
        "group_names": mapping_lines(renamed, {}),
        "regex_filter": found.regex_filter or "",
        "auto_create": "on" if found.auto_create_missing_groups else "",
    }


def _role_values(found: RoleSync) -> dict[str, str]:
    return {"role_field": found.field, "role_mapping": mapping_lines(found.mapping, {})}


async def _organization_names(db: Database, subject: Subject) -> dict[UUID, str]:
    return {each.id: each.name for each in await organizations.list_organizations(db, subject=subject)}


async def _group_names(db: Database, subject: Subject, place: Place) -> dict[UUID, str]:
    found = await groups.list_groups_of_organization(
        db, subject=subject, organization=str(place.organization.id), query="", page=None
    )
    return {each.id: each.name for each in found}


routes: list[Any] = [show_site, save_site, show_place, save_groups, save_roles]
