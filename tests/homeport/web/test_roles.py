"""Roles of an organization in the dashboard: what they allow in words, and custom ones by boxes."""

from uuid import uuid4

import pytest

from homeport.identity.service.views import role_view
from homeport.rbac import ACTIONS, SITE_ONLY_TYPES, Role, built_in_roles
from homeport.web.permissions import TYPE_WORDS, levels, matrix
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK, check
from tests.homeport.web.test_organizations import RIGHT_TO_LEFT, links, make_organization, text_of

BASE = "/organizations/coder/roles"
GOOD = {"name": "helper", "display_name": RIGHT_TO_LEFT, "permission": ["workspace:read", "template:read"]}


def boxes(text: str, *, state: str) -> set[str]:
    """The permissions on a page that are `checked` or `disabled`."""
    return {box["value"] for box in Document(text).all("input") if box.get("name") == "permission" and state in box}


async def stored(site: Site) -> dict[str, set[str]]:
    """The custom roles, with what they grant."""
    rows = await site.db.fetch("select name, org_permissions from custom_roles")
    return {
        row["name"]: {f"{each['resource_type']}:{each['action']}" for each in row["org_permissions"]} for row in rows
    }


@pytest.mark.requirement("WEB-ORG-11")
async def test_a_custom_role_from_its_making_to_its_end(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    assert "None yet" in await text_of(site, owner, BASE)
    made = await site.post(owner, f"{BASE}/new", GOOD)
    assert made.headers["location"] == f"{BASE}?notice=role-made"
    assert await stored(site) == {"helper": {"workspace:read", "template:read"}}
    page = await text_of(site, owner, BASE)
    assert RIGHT_TO_LEFT in page
    assert "Workspaces, Templates: read" in Document(page).text.replace(
        "Templates, Workspaces", "Workspaces, Templates"
    )
    given = await site.post(owner, f"/organizations/coder/members/{person.username}/roles", {"roles": "helper"})
    assert given.status_code == 303
    form = await text_of(site, owner, f"{BASE}/helper")
    assert boxes(form, state="checked") == {"workspace:read", "template:read"}
    saved = await site.post(owner, f"{BASE}/helper", {"display_name": "", "permission": "workspace:ssh"})
    assert saved.headers["location"] == f"{BASE}?notice=role-changed"
    assert await stored(site) == {"helper": {"workspace:ssh"}}
    assert "lose it" in await text_of(site, owner, f"{BASE}/helper/delete")
    gone = await site.post(owner, f"{BASE}/helper/delete")
    assert gone.headers["location"] == f"{BASE}?notice=role-gone"
    assert await stored(site) == {}
    assert (await site.get(owner, f"{BASE}/helper")).status_code == 404
    empty = await site.post(owner, f"{BASE}/new", {"name": "nothing"})
    assert empty.status_code == 303
    assert "grants nothing yet" in await text_of(site, owner, BASE)


@pytest.mark.requirement("WEB-ORG-11")
@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": ""}, 400, "name"), ({"name": "a:b"}, 400, "name"), ({"name": "Owner"}, 400, "name"),
        ({"name": "organization-admin"}, 400, "name"), ({"name": "TAKEN"}, 409, "name"), ({"name": ATTACK}, 400, "name"),
        ({"display_name": "x" * 300}, 400, "display_name"),
        ({"permission": "*:*"}, 400, ""), ({"permission": "workspace:fly"}, 400, ""), ({"permission": "x"}, 400, ""),
        ({"permission": ATTACK}, 400, ""), ({"permission": "deployment_config:read"}, 400, ""),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_role_is_said(site: Site, changes: dict[str, str], status: int, field: str) -> None:
    owner = await site.accounts.make("owner")
    assert (await site.post(owner, f"{BASE}/new", {"name": "taken"})).status_code == 303
    reply = await site.post(owner, f"{BASE}/new", {**GOOD, "display_name": "Kept", **changes})
    assert reply.status_code == status
    page = Document(reply.text)
    assert page.runnables() == []
    if field:
        assert page.field(field)["aria-invalid"] == "true"
        assert boxes(reply.text, state="checked") == {"workspace:read", "template:read"}
    else:
        assert 'id="permissions-problem"' in reply.text
        assert page.field("display_name")["value"] == "Kept"
    assert set(await stored(site)) == {"taken"}


@pytest.mark.requirement("WEB-ORG-12")
async def test_nobody_grants_by_a_role_what_they_do_not_have(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await make_organization(site, owner)
    admin = await site.accounts.make("organization-admin", organization_ids=[made.id])
    base = f"/organizations/{made.name}/roles"
    page = await text_of(site, admin, f"{base}/new")
    closed = boxes(page, state="disabled")
    assert {"workspace:ssh", "workspace:application_connect"} <= closed
    assert not {"workspace:read", "template:create", "group:delete"} & closed
    assert boxes(await text_of(site, owner, f"{base}/new"), state="disabled") == {
        "workspace_dormant:start", "workspace_dormant:ssh", "workspace_dormant:application_connect", "workspace_dormant:share",
    }  # fmt: skip
    forged = await site.post(admin, f"{base}/new", {"name": "sly", "permission": "workspace:ssh"})
    assert forged.status_code == 400
    assert "workspace:ssh" in Document(forged.text).text
    # What a role grants already and its editor lacks stays open, to be taken out.
    entry = await site.post(owner, f"{base}/new", {"name": "entry", "permission": ["workspace:ssh", "workspace:read"]})
    assert entry.status_code == 303
    page = await text_of(site, admin, f"{base}/entry")
    assert boxes(page, state="checked") == {"workspace:ssh", "workspace:read"}
    assert "workspace:ssh" not in boxes(page, state="disabled")
    assert "beyond you" in page
    assert (await site.post(admin, f"{base}/entry", {"permission": "workspace:read"})).status_code == 303
    for kind in ("member", "organization-auditor", "organization-user-admin", "organization-template-admin"):
        person = await site.accounts.make(kind, organization_ids=[made.id])
        seen = await text_of(site, person, base)
        assert not {f"{base}/new", f"{base}/entry", f"{base}/entry/delete"} & links(seen), kind
        for path in (f"{base}/new", f"{base}/entry", f"{base}/entry/delete"):
            assert (await site.get(person, path)).status_code == 403, (kind, path)
            assert (await site.post(person, path, {"name": "mine"})).status_code == 403, (kind, path)
    for path in ("organization-admin", "no-such", "%00", "owner"):
        assert (await site.get(owner, f"{base}/{path}")).status_code == 404, path
        assert (await site.post(owner, f"{base}/{path}/delete")).status_code == 404, path


@pytest.mark.requirement("WEB-ORG-12")
async def test_the_boxes_are_all_that_a_role_can_hold(site: Site) -> None:
    owner = await site.accounts.make("owner")
    rows = matrix(owner.me, uuid4(), ())
    assert {row.type for row in rows} == set(ACTIONS) - SITE_ONLY_TYPES
    for row in rows:
        assert {box.value.partition(":")[2] for box in row.boxes} == set(ACTIONS[row.type])  # type: ignore[index]
    assert set(TYPE_WORDS) == set(ACTIONS)
    assert len(set(TYPE_WORDS.values())) == len(TYPE_WORDS)


def in_words(role: Role) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """What a role says, by level: types, actions, whether it refuses them."""
    found = levels(role_view(role))
    return [(level.words, [(line.types, line.actions, line.is_refused) for line in level.lines]) for level in found]


@pytest.mark.requirement("WEB-ORG-12")
def test_built_in_roles_are_said_in_words() -> None:
    said = {role.name: in_words(role) for role in [*built_in_roles(), *built_in_roles(uuid4())]}
    assert said["organization-member"] == [
        ("In the organization", [("Organizations, Roles in organizations, Provisioners", "read", False)]),
        ("On what is one's own", [("Members", "read", False)]),
    ]
    assert said["organization-workspace-creation-ban"] == [
        ("In the organization", [("Workspaces", "create, delete, create agent, delete agent", True)])
    ]
    assert said["owner"][0][1][0] == ("All but Dormant workspaces", "everything", False)
    admin = dict(said["organization-admin"])["In the organization"]
    assert admin[0] == ("All but Dormant workspaces, Workspaces", "everything", False)


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_names_of_roles_are_words(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    assert (await site.post(owner, f"{BASE}/new", GOOD)).status_code == 303
    await site.db.execute("update custom_roles set display_name = $1", ATTACK)
    given = await site.post(owner, f"/organizations/coder/members/{person.username}/roles", {"roles": "helper"})
    assert given.status_code == 303
    for path in (
        BASE,
        f"{BASE}/helper",
        f"/organizations/coder/members/{person.username}",
        "/organizations/coder/members",
    ):
        check(await site.get(owner, path))
