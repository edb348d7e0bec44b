"""The template that a page is about: what the head of its pages shows, its versions by name, and what may be done with it."""

from urllib.parse import quote

import msgspec

from homeport.database import Connection, Database
from homeport.organizations.schemas import Organization
from homeport.organizations.service.organizations import list_organizations
from homeport.rbac import Action, Subject, is_allowed
from homeport.templates.schemas import Template, TemplateVersion
from homeport.templates.service import access
from homeport.templates.service.versions import read_version_by_name
from homeport.web.places import find_template
from homeport.web.rendering import View
from homeport.web.tenancy import Tab


class TemplatePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A template as the head of its pages shows it. `path` has no query; `query` names the organization."""

    template: Template
    path: str
    query: str
    tabs: list[Tab]
    can_update: bool
    can_delete: bool

    def address(self, part: str = "", **more: str) -> str:
        """Return the address of one of its pages; `more` are further words of the query."""
        rest = "".join(f"&{name}={quote(value, safe='')}" for name, value in more.items())
        return f"{self.path}{part}{self.query}{rest}"

    def version_address(self, version: TemplateVersion, part: str = "", **more: str) -> str:
        """Return the address of one of the pages of a version."""
        return self.address(f"/versions/{quote(version.name, safe='')}{part}", **more)


async def load_template_place(view: View, conn: Connection, subject: Subject, name: str, tab: str) -> TemplatePlace:
    """Return the template that a path names; `tab` is the page's own part of the path. Raises 404."""
    template = await find_template(conn, subject, name, view.request.query_params.get("organization", ""))
    target = access.template_object(await access.get_template(conn, subject, template.id))
    can_update = is_allowed(subject, Action.UPDATE, target)
    path = f"/templates/{quote(template.name)}"
    query = f"?organization={quote(template.organization_name)}"
    shown = (
        ("Overview", "", True),
        ("Versions", "versions", True),
        ("Settings", "settings", can_update),
        ("Permissions", "permissions", can_update),
    )
    return TemplatePlace(
        template=template,
        path=path,
        query=query,
        tabs=[
            Tab(words, f"{path}/{part}{query}" if part else f"{path}{query}", part == tab)
            for words, part, is_shown in shown
            if is_shown
        ],
        can_update=can_update,
        can_delete=is_allowed(subject, Action.DELETE, target),
    )


async def load_version(
    view: View, db: Database, subject: Subject, template: str, version: str
) -> tuple[TemplatePlace, TemplateVersion]:
    """Return a template and one of its versions, as a path names them. Raises 404."""
    async with db.connection() as conn:
        place = await load_template_place(view, conn, subject, template, "versions")
        row = await access.get_template(conn, subject, place.template.id)
        return place, await read_version_by_name(conn, subject=subject, template=row, name=version)


async def places_for_templates(db: Database, subject: Subject) -> list[Organization]:
    """Return the organizations in which a person may make templates, their own first."""
    found = [
        each
        for each in await list_organizations(db, subject=subject)
        if is_allowed(subject, Action.CREATE, access.organization_object(each.id))
    ]
    return sorted(found, key=lambda each: each.id not in subject.organization_ids)
