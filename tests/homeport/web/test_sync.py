"""Sign-in sync in the dashboard: what is written is stored by id and shown by name, and mistakes stand at their fields."""

from uuid import UUID

import pytest

from homeport.kit.errors import BadRequest
from homeport.organizations.schemas import CreateGroupRequest
from homeport.organizations.service.groups import create_group
from homeport.web.syncing import mapping_lines, read_lines, target_reader
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK
from tests.homeport.web.test_organizations import actions, links, make_organization, text_of

SITE = "/deployment/sync"
PLACE = "/organizations/coder/sync"
RED = UUID(int=7)


@pytest.mark.requirement("SYNC-PAGE-01")
async def test_organizations_are_written_by_name_and_kept_by_id(site: Site) -> None:
    owner = await site.accounts.make("owner")
    red = await make_organization(site, owner, name="red")
    assert SITE in links(await text_of(site, owner, "/organizations"))
    sent = {"field": "orgs", "mapping": "CN=red -> people -> RED\r\n\r\nb->coder", "assign_default": "on"}
    saved = await site.post(owner, SITE, sent)
    assert saved.headers["location"] == f"{SITE}?notice=sync"
    stored = await site.db.fetchval("select settings from idp_sync_settings where kind = 'organization'")
    assert stored["mapping"]["CN=red -> people"] == [str(red.id)]
    assert stored["assign_default"] is True
    page = await text_of(site, owner, SITE)
    assert ("CN=red -> people -> red" in Document(page).text, "checked" in Document(page).field("assign_default")) == (
        True,
        True,
    )
    await site.post(owner, SITE, {"field": "", "mapping": ""})
    assert "checked" not in Document(await text_of(site, owner, SITE)).field("assign_default")


@pytest.mark.requirement("SYNC-PAGE-01")
async def test_groups_and_roles_of_an_organization_have_a_form_each(site: Site) -> None:
    owner = await site.accounts.make("owner")
    await create_group(site.db, subject=owner.me, organization="default", request=CreateGroupRequest(name="makers"))
    assert PLACE in links(await text_of(site, owner, "/organizations/coder"))
    of_groups = {
        "group_field": "groups", "group_mapping": "g-1 -> makers", "group_names": "old -> new", "regex_filter": "^m",
        "auto_create": "on",
    }  # fmt: skip
    assert (await site.post(owner, f"{PLACE}/groups", of_groups)).headers["location"] == f"{PLACE}?notice=sync"
    of_roles = {"role_field": "roles", "role_mapping": "lead -> organization-admin"}
    assert (await site.post(owner, f"{PLACE}/roles", of_roles)).headers["location"] == f"{PLACE}?notice=sync"
    page = Document(await text_of(site, owner, PLACE))
    assert (page.field("group_field")["value"], page.field("role_field")["value"]) == ("groups", "roles")
    assert page.field("regex_filter")["value"] == "^m"
    for line in ("g-1 -> makers", "old -> new", "lead -> organization-admin"):
        assert line in page.text
    assert page.runnables() == []


@pytest.mark.requirement("SYNC-PAGE-02")
@pytest.mark.parametrize(
    ("path", "changes", "field"),
    [
        (SITE, {"mapping": "a -> nowhere"}, "mapping"),
        (SITE, {"mapping": "a"}, "mapping"),
        (SITE, {"mapping": f"a -> {RED}"}, "mapping"),
        (SITE, {"field": "x" * 300}, "field"),
        (f"{PLACE}/groups", {"group_mapping": "a -> nobody"}, "group_mapping"),
        (f"{PLACE}/groups", {"group_mapping": "-> x"}, "group_mapping"),
        (f"{PLACE}/groups", {"group_names": f"a -> {'x' * 300}"}, "group_names"),
        (f"{PLACE}/groups", {"group_field": "x" * 300}, "group_field"),
        (f"{PLACE}/groups", {"regex_filter": "("}, "regex_filter"),
        (f"{PLACE}/roles", {"role_mapping": "a -> owner"}, "role_mapping"),
        (f"{PLACE}/roles", {"role_mapping": ATTACK}, "role_mapping"),
        (f"{PLACE}/roles", {"role_field": "x" * 300}, "role_field"),
    ],
)
async def test_mistakes_stand_at_their_fields_and_change_nothing(
    site: Site, path: str, changes: dict[str, str], field: str
) -> None:
    owner = await site.accounts.make("owner")
    reply = await site.post(owner, path, changes)
    page = Document(reply.text)
    assert (reply.status_code, page.field(field)["aria-invalid"]) == (400, "true")
    assert page.runnables() == []
    assert await site.db.fetchval("select count(*) from idp_sync_settings") == 0


@pytest.mark.requirement("SYNC-PAGE-03")
async def test_who_sees_and_saves_what(site: Site) -> None:
    member, admin, helper = [
        await site.accounts.make(kind) for kind in ("member", "organization-admin", "organization-user-admin")
    ]
    for path in (SITE, PLACE):
        assert (await site.get(member, path)).status_code == 404
    assert (await site.post(member, SITE, {"field": "a"})).status_code in {403, 404}
    assert (await site.post(member, f"{PLACE}/groups", {"group_field": "a"})).status_code in {403, 404}
    assert PLACE not in links(await text_of(site, member, "/organizations/coder"))
    assert (await site.get(admin, SITE)).status_code == 404
    assert {f"{PLACE}/groups", f"{PLACE}/roles"} <= actions(await text_of(site, admin, PLACE))
    # Rank: nobody gives themselves a role by a claim.
    mine = {"role_field": "email", "role_mapping": f"{helper.email} -> organization-admin"}
    refused = await site.post(helper, f"{PLACE}/roles", mine)
    assert (refused.status_code, "You may not give or take the role" in refused.text) == (403, True)
    assert (await site.post(admin, f"{PLACE}/roles", mine)).status_code == 303


@pytest.mark.requirement("SYNC-PAGE-02")
def test_lines_are_read_as_they_are_written() -> None:
    names = {RED: "red"}
    mapping: dict[str, list[UUID]] = {"a -> b": [RED], "c": [RED, UUID(int=8)]}
    text = mapping_lines(mapping, names)
    assert text == f"a -> b -> red\nc -> red\nc -> {UUID(int=8)}"
    assert read_lines(text, "mapping", target_reader({"red": RED}, "group")) == mapping
    renamed = {"team->x": ["a->b"], "c": ["d"]}
    assert read_lines(mapping_lines(renamed, {}), "names", str) == renamed
    assert read_lines("a->b", "names", str) == {"a": ["b"]}
    with pytest.raises(BadRequest) as error:
        read_lines("a -> red\nb -> blue", "mapping", target_reader({"red": RED}, "group"))
    assert error.value.validations[0].detail == "Line 2: there is no group named 'blue'."
