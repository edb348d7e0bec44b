"""Sign-ins with changing claims: what people are in afterwards, what stays, and what a mistake does not take from anybody."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from homeport.database import Database
from homeport.identity.types import LinkClaims, LoginType, SignedIn
from homeport.kit.errors import BadRequest
from homeport.organizations.service.syncing import roles as role_sync
from tests.homeport.organizations.crews import add, make, organization
from tests.homeport.organizations.syncing.conftest import Build
from tests.homeport.organizations.syncing.people import (
    ADA,
    come,
    groups,
    local_roles,
    organizations,
    site_roles,
    store,
    synced,
    tried,
)
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts
from tests.support.issuer import Issuer
from tests.support.signing_in import HTML, arrive, depart, me, sign_in
from tests.support.statements import watch_statements

NOBODY = UUID(int=4711)


@pytest.mark.requirement("SYNC-ORG-02")
async def test_memberships_follow_the_claim_and_the_default_stays(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red, blue = await organization(db, "red"), await organization(db, "blue")
    api = build(
        oidc_organization_field="orgs",
        oidc_organization_mapping=json.dumps({"r": [str(red)], "b": str(blue)}),
    )
    crew = await make(api, owner, "crew", place=red)
    await come(api, issuer, orgs=["r", "unknown"])
    assert await organizations(db) == {"coder", "red"}
    ada = await db.fetchval("select id from users where username = 'ada'")
    await db.execute("insert into group_members (group_id, user_id) values ($1, $2)", crew["id"], ada)
    token = await come(api, issuer, orgs="b")
    assert await organizations(db) == {"coder", "blue"}
    # Who leaves an organization leaves its groups.
    assert await groups(db) == set()
    assert (await me(api, token)).json()["organization_ids"] == [str(DEFAULT_ORGANIZATION_ID), str(blue)]
    before = await synced(db)
    await come(api, issuer, orgs=["b"])
    assert await synced(db) == before == [
        ("organization_member", "create"), ("organization_member", "delete"), ("organization_member", "create"),
    ]  # fmt: skip
    await come(api, issuer)
    assert await organizations(db) == {"coder"}


@pytest.mark.requirement("SYNC-ORG-02")
async def test_without_assign_default_the_claim_alone_counts(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    await accounts.make("owner")
    red = await organization(db, "red")
    api = build(
        oidc_organization_field="orgs",
        oidc_organization_mapping=json.dumps({"r": [str(red)]}),
        oidc_organization_assign_default=False,
    )
    await come(api, issuer, orgs=["r"])
    assert await organizations(db) == {"red"}
    # Nobody is locked out by that: a session is made, and there is nothing in it.
    token = await come(api, issuer)
    assert (await organizations(db), (await me(api, token)).status_code) == (set(), 200)
    # Nobody else is touched, and no system user.
    assert await organizations(db, "prebuilds") == {"coder"}


@pytest.mark.requirement("SYNC-ORG-03")
async def test_organizations_that_are_gone_are_passed_over(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    await accounts.make("owner")
    red, blue = await organization(db, "red"), await organization(db, "blue")
    api = build(
        oidc_organization_field="orgs", oidc_organization_mapping=json.dumps({"x": [str(red), str(blue), str(NOBODY)]})
    )
    await db.execute("update organizations set deleted = true where id = $1", red)
    await come(api, issuer, orgs=["x"])
    assert await organizations(db) == {"coder", "blue"}


@pytest.mark.requirement("SYNC-GROUP-03")
async def test_groups_follow_the_claim_by_id_by_name_and_by_pattern(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    api = build(
        oidc_group_field="access.groups",
        oidc_group_mapping='{"g-17": "ops"}',
        oidc_group_regex_filter="(?i)^(dev|ops|new)",
        oidc_group_auto_create=True,
    )
    for name in ("dev", "ops", "hand-made", "secret"):
        await make(api, owner, name)
    await come(api, issuer, access={"groups": ["DEV", "g-17", "secret", "Everyone"]})
    assert await groups(db) == {"dev", "ops"}
    ada = await db.fetchval("select id from users where username = 'ada'")
    by_hand = await db.fetchval("select id from groups where name = 'hand-made'")
    await db.execute("insert into group_members (group_id, user_id) values ($1, $2)", by_hand, ada)
    await come(api, issuer, access={"groups": "new-one, dev"})
    # The field governs all groups there, also those that somebody was put into by hand.
    assert await groups(db) == {"dev", "new-one"}
    assert await db.fetchval("select source from groups where name = 'new-one'") == "oidc"
    await come(api, issuer)
    assert await groups(db) == set()


@pytest.mark.requirement("SYNC-GROUP-04")
async def test_a_group_is_made_once_also_under_a_name_that_groups_cannot_have(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    await accounts.make("owner")
    api = build(oidc_group_field="groups", oidc_group_auto_create=True)
    wanted = ["Platform Team", "platform-team", "/eng/backend", "x" * 65 + "_"]
    await come(api, issuer, groups=wanted)
    found = await db.fetch("select name, display_name, source from groups where name <> 'Everyone' order by name")
    shown = {(row["display_name"] or row["name"], row["source"]) for row in found}
    assert shown == {("Platform Team", "oidc"), ("platform-team", "oidc"), ("/eng/backend", "oidc")}
    assert len(await groups(db)) == 3
    await come(api, issuer, groups=["Platform Team"])
    team = await groups(db)
    await come(api, issuer, groups=["platform-team"])
    # Two groups of the provider are two here, whichever came first.
    assert (len(team), await groups(db)) == (1, {"platform-team"})
    assert team != {"platform-team"}
    assert await db.fetchval("select count(*) from groups") == 4


@pytest.mark.requirement("SYNC-GROUP-04")
async def test_a_name_that_is_made_up_stands_for_nothing(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    await accounts.make("owner")
    api = build(oidc_group_field="groups", oidc_group_auto_create=True)
    await come(api, issuer, groups=["Platform Team"])
    assert await groups(db) == {"platform-team"}
    await come(api, issuer, groups=["platform-team"])
    assert await db.fetchval("select count(*) from groups where source = 'oidc'") == 2
    assert await groups(db) != {"platform-team"}
    shown = await db.fetchval(
        "select g.display_name from group_members m join groups g on g.id = m.group_id join users u on u.id = m.user_id"
        " where u.username = 'ada'"
    )
    assert shown == "platform-team"


@pytest.mark.requirement("SYNC-GROUP-05")
async def test_every_organization_has_groups_of_its_own_settings(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    api = build(
        oidc_organization_field="orgs",
        oidc_organization_mapping=json.dumps({"r": [str(red)]}),
        oidc_group_field="groups",
    )
    crew = await make(api, owner, "crew", place=red)
    await make(api, owner, "dev")
    await make(api, owner, "dev", place=red)
    await store(db, "group", red, {"field": "teams", "mapping": {"t": [crew["id"], str(red), str(NOBODY)]}})
    await come(api, issuer, orgs=["r"], groups=["dev"], teams=["t"])
    rows = await db.fetch("select g.organization_id, g.name from group_members m join groups g on g.id = m.group_id")
    assert {(row["organization_id"], row["name"]) for row in rows} == {(DEFAULT_ORGANIZATION_ID, "dev"), (red, "crew")}
    # What is stored stands in place of the server's settings, also where it is nothing.
    await store(db, "group", DEFAULT_ORGANIZATION_ID, {})
    await come(api, issuer, orgs=["r"], groups=[], teams=[])
    assert await groups(db) == {"dev"}


@pytest.mark.requirement("SYNC-GROUP-06")
async def test_many_groups_at_once_cost_hardly_more_than_their_entries_in_audit(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = await accounts.make("owner"), await accounts.make("member")
    api = build(oidc_group_field="groups")
    names = [f"crew-{number}" for number in range(120)]
    for name in names:
        await add(api, owner, await make(api, owner, name), other)
    await come(api, issuer)
    seen = watch_statements(db, monkeypatch)

    async def cost(*wanted: str) -> int:
        del seen[:]
        await come(api, issuer, groups=wanted)
        await asyncio.sleep(0)
        assert await groups(db) == set(wanted)
        return len(seen)

    nothing = await cost()
    assert await cost(*names) <= nothing + 120 + 40
    # What stays costs nothing.
    assert await cost(*names) <= nothing + 5
    assert await cost(*names[:100]) <= nothing + 20 + 20
    assert await groups(db, other.username) == set(names)
    entries = await db.fetch(
        "select diff from audit_logs where resource_type = 'group' and action = 'write'"
        " and additional_fields ->> 'subsystem' = 'idp_sync' order by time desc limit 20"
    )
    for entry in entries:
        names_of = {side: [one["username"] for one in entry["diff"]["members"][side]] for side in ("old", "new")}
        assert names_of == {"old": sorted(["ada", other.username]), "new": [other.username]}


@pytest.mark.requirement("SYNC-ROLE-02")
async def test_roles_of_the_site_follow_the_claim_and_unknown_ones_are_passed_over(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    await accounts.make("owner")
    api = build(
        oidc_user_role_field="roles",
        oidc_user_role_mapping='{"bosses": ["owner", "nonsense"]}',
        oidc_user_role_default=("auditor",),
    )
    await come(api, issuer, roles=["bosses", "user-admin", "organization-admin", "member"])
    assert await site_roles(db) == ["auditor", "owner", "user-admin"]
    await come(api, issuer, roles="user-admin")
    assert await site_roles(db) == ["auditor", "user-admin"]
    assert await synced(db) == [("user", "write"), ("user", "write")]
    await come(api, issuer)
    assert await site_roles(db) == ["auditor"]


@pytest.mark.requirement("SYNC-ROLE-03")
async def test_the_last_owner_stays_one_and_audit_says_so(db: Database, issuer: Issuer, build: Build) -> None:
    api = build(oidc_user_role_field="roles")
    # The first user of all becomes the owner, whatever the claim says.
    await come(api, issuer, roles=["auditor"])
    assert await site_roles(db) == ["auditor", "owner"]
    kept = await db.fetch("select status_code, additional_fields, diff from audit_logs where status_code = 409")
    assert [(row["additional_fields"]["kept_role"], row["diff"]) for row in kept] == [("owner", {})]
    await Accounts(db).make("owner")
    await come(api, issuer, roles=["auditor"])
    assert await site_roles(db) == ["auditor"]


@pytest.mark.requirement("SYNC-ROLE-04")
async def test_roles_of_an_organization_follow_the_claim(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    api = build()
    role = {"name": "deployer", "organization_permissions": [{"resource_type": "template", "action": "read"}]}
    assert (await api.call(owner, "POST", "/organizations/default/members/roles", role)).status_code == 200
    await store(
        db, "role", DEFAULT_ORGANIZATION_ID, {"field": "roles", "mapping": {"lead": ["organization-admin", "gone"]}}
    )
    await come(api, issuer, roles=["lead", "deployer", "organization-member", "owner"])
    assert await local_roles(db, DEFAULT_ORGANIZATION_ID) == ["deployer", "organization-admin"]
    assert await site_roles(db) == []
    await come(api, issuer, roles=["organization-auditor"])
    assert await local_roles(db, DEFAULT_ORGANIZATION_ID) == ["organization-auditor"]


@pytest.mark.requirement("SYNC-ALLOWED-02")
async def test_people_of_no_allowed_group_are_told_so_and_nothing_is_made(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    await accounts.make("owner")
    api = build(oidc_group_field="groups", oidc_group_mapping='{"g-1": "dev"}', oidc_allowed_groups=("dev",))
    refused = await tried(api, issuer, groups=["ops"])
    assert (refused.status_code, "none of the groups" in refused.json()["message"]) == (403, True)
    assert (await tried(api, issuer)).status_code == 403
    overage = await tried(api, issuer, _claim_names={"groups": "src1"})
    assert (overage.status_code, "left it out" in overage.json()["detail"]) == (403, True)
    issuer.person = {**ADA, "groups": ["ops"]}
    departure = await depart(api)
    page = await arrive(api, issuer.authorize(departure.location), departure.cookies, **HTML)
    assert (page.status_code, page.headers["location"].startswith("/login?")) == (303, True)
    assert await db.fetchval("select count(*) from users where username = 'ada'") == 0
    await come(api, issuer, groups=["g-1"])


@pytest.mark.requirement("SYNC-BROKEN-01")
async def test_a_claim_that_was_left_out_takes_nothing_from_anybody(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    api = build(oidc_group_field="groups", oidc_user_role_field="groups")
    await make(api, owner, "dev")
    await come(api, issuer, groups=["dev", "auditor"])
    await come(api, issuer, _claim_names={"groups": "src1"})
    assert (await groups(db), await site_roles(db)) == ({"dev"}, ["auditor"])
    for unusable in ([str(number) for number in range(3000)], [{"name": "dev"}], True, "x" * 2000):
        await come(api, issuer, groups=unusable)
        assert (await groups(db), await site_roles(db)) == ({"dev"}, ["auditor"])
    await come(api, issuer, groups=[])
    assert (await groups(db), await site_roles(db)) == (set(), [])


@pytest.mark.requirement("SYNC-BROKEN-02")
@pytest.mark.expected_errors("settings of the sync cannot be read")
async def test_settings_of_another_form_lock_nobody_out(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    api = build(oidc_user_role_field="roles")
    await make(api, owner, "dev")
    await store(db, "organization", None, {"field": 7})
    await store(db, "group", DEFAULT_ORGANIZATION_ID, ["?"])
    await store(db, "role", DEFAULT_ORGANIZATION_ID, {"field": "roles", "mapping": {"a": "b"}})
    await come(api, issuer, roles=["auditor"])
    assert (await organizations(db), await site_roles(db)) == ({"coder"}, ["auditor"])
    # A filter that a release of old has let in.
    await store(db, "group", DEFAULT_ORGANIZATION_ID, {"field": "groups", "regex_filter": "(("})
    await come(api, issuer, groups=["dev"], roles=["auditor"])
    assert await groups(db) == set()


@pytest.mark.requirement("SYNC-BROKEN-03")
@pytest.mark.expected_errors("could not be carried out")
async def test_what_cannot_be_carried_out_is_undone_as_a_whole(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    api = build(
        oidc_organization_field="orgs",
        oidc_organization_mapping=json.dumps({"r": [str(red)]}),
        oidc_group_field="groups",
    )
    await make(api, owner, "dev")
    await store(db, "role", DEFAULT_ORGANIZATION_ID, {"field": "roles"})

    async def fail(*_: Any) -> None:
        raise BadRequest("This cannot be.")

    monkeypatch.setattr(role_sync, "synchronize", fail)
    token = await come(api, issuer, orgs=["r"], groups=["dev"], roles=["organization-admin"])
    assert (await me(api, token)).status_code == 200
    assert (await organizations(db), await groups(db), await synced(db)) == ({"coder"}, set(), [])


@pytest.mark.requirement("SYNC-KIND-01")
async def test_other_providers_are_not_asked_about_groups_and_roles(
    db: Database, build: Build, accounts: Accounts
) -> None:
    await accounts.make("owner")
    person = await accounts.make("auditor")
    build(oidc_user_role_field="roles", oidc_organization_field="orgs", oidc_organization_assign_default=False)
    said = LinkClaims(merged_claims={"roles": ["owner"]})
    async with db.transaction() as conn:
        await conn.emit(SignedIn(user_id=person.id, login_type=LoginType.GITHUB, claims=said, is_new=False))
    assert await site_roles(db, person.username) == ["auditor"]
    assert await organizations(db, person.username) == {"coder"}
    async with db.transaction() as conn:
        await conn.emit(SignedIn(user_id=person.id, login_type=LoginType.OIDC, claims=said, is_new=False))
    assert (await site_roles(db, person.username), await organizations(db, person.username)) == (["owner"], set())


@pytest.mark.requirement("SYNC-RACE-01")
async def test_two_sign_ins_of_one_person_and_many_of_others_end_in_one_state(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    api = build(
        oidc_organization_field="orgs",
        oidc_organization_mapping=json.dumps({"r": [str(red)]}),
        oidc_group_field="groups",
        oidc_group_auto_create=True,
        oidc_user_role_field="roles",
    )
    issuer.person = {**ADA, "orgs": ["r"], "groups": ["b", "a", "c"], "roles": ["auditor"]}
    replies = await asyncio.gather(*(sign_in(api, issuer) for _ in range(6)))
    assert [reply.status_code for reply in replies] == [307] * 6
    assert (await organizations(db), await groups(db)) == ({"coder", "red"}, {"a", "b", "c"})
    assert await db.fetchval("select count(*) from groups where source = 'oidc'") == 3
    members = await synced(db)
    assert members.count(("organization_member", "create")) == 1
    assert members.count(("user", "write")) == 1
    # Somebody changes the same groups and the same person meanwhile.
    ada = str(await db.fetchval("select id from users where username = 'ada'"))
    group = str(await db.fetchval("select id from groups where name = 'a'"))

    async def edit(number: int) -> int:
        change = {"remove_users" if number % 2 else "add_users": [ada]}
        return (await api.call(owner, "PATCH", f"/groups/{group}", change)).status_code

    async def give() -> int:
        return (await api.call(owner, "PUT", f"/users/{ada}/roles", {"roles": ["user-admin"]})).status_code

    async def return_again() -> int:
        return (await sign_in(api, issuer)).status_code

    work = [
        *(return_again() for _ in range(6)),
        *(edit(number) for number in range(6)),
        *(give() for _ in range(4)),
    ]
    statuses = await asyncio.gather(*work)
    assert statuses[:6] == [307] * 6
    # 412: the person is in the group already; 409: the change met another one, and may be tried again.
    assert set(statuses[6:]) <= {200, 412, 409}
    await come(api, issuer, orgs=["r"], groups=["b", "a", "c"], roles=["auditor"])
    assert (await groups(db), await site_roles(db)) == ({"a", "b", "c"}, ["auditor"])
