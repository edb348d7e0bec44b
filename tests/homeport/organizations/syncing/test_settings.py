"""The API of the settings: who may, what is refused with which field, what audit keeps, and what the next sign-in does."""

import asyncio
from typing import Any

import pytest

from homeport.database import Database
from tests.homeport.organizations.crews import fields, make, organization
from tests.homeport.organizations.syncing.conftest import Build
from tests.homeport.organizations.syncing.people import come, groups, local_roles, organizations
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person
from tests.support.issuer import Issuer

SITE = "/settings/idpsync/organization"
PLACE = "/organizations/default/settings/idpsync"
NOBODY = "00000000-0000-0000-0000-000000001267"


async def ask(api: Api, person: Person, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    answer = await api.call(person, method, path, body)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.requirement("SYNC-API-01")
async def test_the_servers_settings_are_in_force_until_something_is_stored(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    api = build(
        oidc_organization_field="orgs",
        oidc_organization_mapping=f'{{"r": ["{red}"]}}',
        oidc_group_field="groups",
        oidc_group_mapping='{"a": "b"}',
        oidc_group_auto_create=True,
    )
    assert await ask(api, owner, "GET", SITE) == {
        "field": "orgs", "mapping": {"r": [str(red)]}, "organization_assign_default": True,
    }  # fmt: skip
    of_default = {
        "field": "groups", "mapping": {}, "regex_filter": None, "auto_create_missing_groups": True,
        "legacy_group_name_mapping": {"a": "b"},
    }  # fmt: skip
    assert await ask(api, owner, "GET", f"{PLACE}/groups") == of_default
    nothing = {**of_default, "field": "", "auto_create_missing_groups": False, "legacy_group_name_mapping": {}}
    assert await ask(api, owner, "GET", f"/organizations/{red}/settings/idpsync/groups") == nothing
    assert await ask(api, owner, "GET", f"{PLACE}/roles") == {"field": "", "mapping": {}}
    changed = await ask(api, owner, "PATCH", f"{SITE}/config", {"field": " teams ", "assign_default": False})
    # The rest of what was in force is taken over.
    assert changed == {"field": "teams", "mapping": {"r": [str(red)]}, "organization_assign_default": False}
    assert await ask(api, owner, "GET", SITE) == changed


@pytest.mark.requirement("SYNC-API-01")
async def test_what_is_stored_counts_at_the_next_sign_in(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    api = build()
    crew = await make(api, owner, "crew")
    await ask(
        api, owner, "PATCH", SITE, {"field": "orgs", "mapping": {"r": [str(red)]}, "organization_assign_default": True}
    )
    await ask(api, owner, "PATCH", f"{PLACE}/groups", {"field": "groups", "mapping": {"c": [crew["id"]]}})
    await ask(api, owner, "PATCH", f"{PLACE}/roles", {"field": "roles", "mapping": {"lead": ["organization-admin"]}})
    said = {"orgs": ["r"], "groups": ["c"], "roles": ["lead"]}
    await come(api, issuer, **said)
    assert (await organizations(db), await groups(db)) == ({"coder", "red"}, {"crew"})
    assert await local_roles(db, DEFAULT_ORGANIZATION_ID) == ["organization-admin"]
    # Switched off, everything stays as it is and is kept by hand again.
    await ask(api, owner, "PATCH", SITE, {"field": "", "mapping": None})
    await ask(api, owner, "PATCH", f"{PLACE}/groups/config", {"field": ""})
    await ask(api, owner, "PATCH", f"{PLACE}/roles/config", {"field": ""})
    await come(api, issuer)
    assert (await organizations(db), await groups(db)) == ({"coder", "red"}, {"crew"})


@pytest.mark.requirement("SYNC-API-03")
async def test_mappings_are_changed_line_by_line_as_every_client_writes_them(
    db: Database, api: Api, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red, blue = await organization(db, "red"), await organization(db, "blue")
    first = {"add": [{"given": "a", "gets": str(red)}, {"given": "a", "gets": str(blue)}], "remove": []}
    assert (await ask(api, owner, "PATCH", f"{SITE}/mapping", first))["mapping"] == {"a": [str(red), str(blue)]}
    second = {"Add": [{"Given": "b", "Gets": str(red)}], "Remove": [{"Given": "a", "Gets": str(red)}]}
    assert (await ask(api, owner, "PATCH", f"{SITE}/mapping", second))["mapping"] == {"a": [str(blue)], "b": [str(red)]}
    crew = await make(api, owner, "crew")
    line = {"add": [{"given": "g", "gets": crew["id"]}]}
    assert (await ask(api, owner, "PATCH", f"{PLACE}/groups/mapping", line))["mapping"] == {"g": [crew["id"]]}
    third = {"add": [{"given": "g", "gets": "organization-auditor"}], "remove": None}
    assert (await ask(api, owner, "PATCH", f"{PLACE}/roles/mapping", third))["mapping"] == {
        "g": ["organization-auditor"]
    }
    # What has gone meanwhile bothers nobody, and can be taken out.
    await ask(api, owner, "DELETE", f"/groups/{crew['id']}")
    assert (await ask(api, owner, "PATCH", f"{PLACE}/groups/config", {"field": "x"}))["mapping"] == {"g": [crew["id"]]}
    line = {"remove": [{"given": "g", "gets": crew["id"]}]}
    assert (await ask(api, owner, "PATCH", f"{PLACE}/groups/mapping", line))["mapping"] == {}


@pytest.mark.requirement("SYNC-API-02")
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (SITE, {"field": "x" * 257}, "field"),
        (SITE, {"field": "a", "mapping": {"": [str(DEFAULT_ORGANIZATION_ID)]}}, "mapping"),
        (SITE, {"field": "a", "mapping": {"a": [NOBODY]}}, "mapping"),
        (SITE, {"field": "a", "mapping": {"a": ["red"]}}, "mapping"),
        (f"{SITE}/mapping", {"add": [{"given": "a", "gets": "red"}]}, "add"),
        (f"{SITE}/mapping", {"add": [{"given": "a"}]}, "add"),
        (f"{SITE}/mapping", {"Remove": [{"Given": "a", "Gets": ""}]}, "remove"),
        (f"{PLACE}/groups", {"regex_filter": "("}, "regex_filter"),
        (f"{PLACE}/groups/config", {"regex_filter": "(?=a)"}, "regex_filter"),
        (f"{PLACE}/groups", {"mapping": {"a": [NOBODY]}}, "mapping"),
        (f"{PLACE}/groups", {"mapping": {"a": [str(DEFAULT_ORGANIZATION_ID)]}}, "mapping"),
        (f"{PLACE}/groups", {"legacy_group_name_mapping": {"a": "b\n"}}, "legacy_group_name_mapping"),
        (f"{PLACE}/roles", {"mapping": {"a": ["owner"]}}, "mapping"),
        (f"{PLACE}/roles", {"mapping": {"a": ["organization-member"]}}, "mapping"),
        (f"{PLACE}/roles/mapping", {"add": [{"given": "a", "gets": "nonsense"}]}, "add"),
        (f"{PLACE}/roles/mapping", {"add": [{"given": " ", "gets": "organization-admin"}]}, "add"),
        (f"{PLACE}/groups/mapping", {"Add": [{"Given": "a", "Gets": NOBODY}]}, "add"),
        (f"{PLACE}/groups", {"regex_filter": "a\x00b"}, "regex_filter"),
        (f"{PLACE}/roles/config", {"field": "a\x00b"}, "field"),
    ],
)
async def test_what_is_not_valid_is_refused_by_its_field_and_changes_nothing(
    db: Database, api: Api, accounts: Accounts, path: str, body: Any, field: str
) -> None:
    owner = await accounts.make("owner")
    answer = await api.call(owner, "PATCH", path, body)
    assert (answer.status_code, fields(answer)) == (400, [field])
    assert await db.fetchval("select count(*) from idp_sync_settings") == 0


@pytest.mark.requirement("SYNC-API-02")
async def test_groups_of_another_organization_are_no_targets(db: Database, api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    crew = await make(api, owner, "crew", place=red)
    answer = await api.call(owner, "PATCH", f"{PLACE}/groups", {"mapping": {"a": [crew["id"]]}})
    assert (answer.status_code, fields(answer)) == (400, ["mapping"])


@pytest.mark.requirement("SYNC-RIGHTS-01")
@pytest.mark.parametrize(
    ("kind", "site", "local"),
    [
        ("owner", (200, 200), (200, 200)),
        ("user-admin", (200, 200), (200, 200)),
        ("organization-admin", (403, 403), (200, 200)),
        ("organization-user-admin", (403, 403), (200, 200)),
        ("organization-auditor", (403, 403), (403, 403)),
        ("auditor", (403, 403), (403, 403)),
        ("template-admin", (403, 403), (403, 403)),
        ("member", (403, 403), (403, 403)),
        ("stranger", (403, 403), (404, 404)),
    ],
)
async def test_who_may_read_and_change(
    api: Api, accounts: Accounts, kind: str, site: tuple[int, int], local: tuple[int, int]
) -> None:
    person = await accounts.make(kind)
    answers = [
        (await api.call(person, "GET", SITE)).status_code,
        (await api.call(person, "PATCH", SITE, {"field": ""})).status_code,
        (await api.call(person, "GET", f"{PLACE}/groups")).status_code,
        (await api.call(person, "PATCH", f"{PLACE}/groups", {"field": ""})).status_code,
    ]
    # What somebody may not even read is not there for them.
    expected = [*site, *local]
    assert [403 if status == 404 else status for status in answers] == [
        403 if status == 404 else status for status in expected
    ]
    for path in ("/settings/idpsync/available-fields", "/settings/idpsync/field-values?claimField=a"):
        status = (await api.call(person, "GET", path)).status_code
        assert (200 if status == 200 else 403) == site[0]
    for path in (f"{PLACE}/available-fields", f"{PLACE}/field-values?claimField=a", f"{PLACE}/roles"):
        status = (await api.call(person, "GET", path)).status_code
        assert (200 if status == 200 else 403) == (200 if local[0] == 200 else 403)


@pytest.mark.requirement("SYNC-RIGHTS-02")
@pytest.mark.parametrize("kind", ["organization-user-admin", "user-admin"])
async def test_nobody_gives_themselves_roles_by_a_claim(api: Api, accounts: Accounts, kind: str, db: Database) -> None:
    person = await accounts.make(kind)
    mine = {"field": "email", "mapping": {person.email: ["organization-admin"]}}
    # Nor prepares what somebody else would switch on without looking.
    waiting = {"add": [{"given": person.email, "gets": "organization-admin"}]}
    attempts = (("roles", mine), ("roles/config", {"field": "preferred_username"}), ("roles/mapping", waiting))
    for path, body in attempts:
        answer = await api.call(person, "PATCH", f"{PLACE}/{path}", body)
        assert (answer.status_code, "You may not give or take the role" in answer.json()["message"]) == (403, True)
    assert await db.fetchval("select count(*) from idp_sync_settings") == 0
    admin = await accounts.make("organization-admin")
    assert (await api.call(admin, "PATCH", f"{PLACE}/roles", mine)).status_code == 200
    # Whoever may change settings at all may switch it off.
    assert (await api.call(person, "PATCH", f"{PLACE}/roles/config", {"field": ""})).status_code == 200


@pytest.mark.requirement("SYNC-AUDIT-01")
async def test_changes_are_kept_in_audit_with_the_fields_of_the_table(
    db: Database, api: Api, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    body = {"field": "orgs", "mapping": {"r": [str(red)]}, "organization_assign_default": False}
    await ask(api, owner, "PATCH", SITE, body)
    await ask(api, owner, "PATCH", f"{PLACE}/groups", {"field": "groups", "regex_filter": "^a"})
    await ask(api, owner, "PATCH", f"{PLACE}/roles", {"field": "roles"})
    await ask(api, owner, "PATCH", f"{PLACE}/roles", {"mapping": {"a": ["nonsense"]}}, status=400)
    rows = await db.fetch(
        "select resource_type, action, organization_id, resource_id, status_code, diff, user_id from audit_logs"
        " where resource_type like 'idp_sync%' order by time, id"
    )
    assert [(row["resource_type"], row["action"], row["status_code"], sorted(row["diff"])) for row in rows] == [
        ("idp_sync_settings_organization", "write", 200, ["assign_default", "field", "mapping"]),
        ("idp_sync_settings_group", "write", 200, ["field", "regex_filter"]),
        ("idp_sync_settings_role", "write", 200, ["field"]),
        ("idp_sync_settings_role", "write", 400, []),
    ]
    assert str(red) in rows[0]["diff"]["mapping"]["new"]
    assert {row["user_id"] for row in rows} == {owner.id}
    assert [row["organization_id"] == DEFAULT_ORGANIZATION_ID for row in rows] == [False, True, True, True]
    stored = await db.fetchval("select id from idp_sync_settings where kind = 'organization'")
    assert rows[0]["resource_id"] == stored
    await ask(api, owner, "PATCH", SITE, body)
    assert await db.fetchval("select id from idp_sync_settings where kind = 'organization'") == stored


@pytest.mark.requirement("SYNC-API-04")
async def test_changes_at_once_lose_nothing(db: Database, api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    lines = [{"add": [{"given": f"value-{number}", "gets": str(red)}]} for number in range(12)]
    answers = await asyncio.gather(*(api.call(owner, "PATCH", f"{SITE}/mapping", line) for line in lines))
    assert [answer.status_code for answer in answers] == [200] * 12
    assert len((await ask(api, owner, "GET", SITE))["mapping"]) == 12


@pytest.mark.requirement("SYNC-FIELDS-01")
async def test_fields_and_values_of_claims_are_listed_of_everybody_and_of_members(
    db: Database, issuer: Issuer, build: Build, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    red = await organization(db, "red")
    api = build()
    await come(api, issuer, groups=["a", "b,c"], department="x,y", realm_access={"roles": ["r"]}, level=7, nothing=None)
    await come(
        api, issuer, sub="eve-2", email="eve@example.com", preferred_username="eve", groups=["b", "a"], only_eve="1"
    )
    eve = await db.fetchval("select id from users where username = 'eve'")
    await db.execute(
        "insert into organization_members (user_id, organization_id, created_at, updated_at) values ($1, $2, now(), now())",
        eve, red,
    )  # fmt: skip
    # Links of old hold nothing, or null in a part.
    stranger = await accounts.make("member")
    await db.execute(
        "insert into user_links (user_id, login_type, claims, created_at, updated_at)"
        """ values ($1, 'oidc', '{"merged_claims": null}', now(), now())""",
        stranger.id,
    )
    found = await ask(api, owner, "GET", "/settings/idpsync/available-fields")
    assert {"groups", "department", "only_eve", "email", "realm_access"} <= set(found)
    assert found == sorted(found)
    there = await ask(api, owner, "GET", f"/organizations/{red}/settings/idpsync/available-fields")
    assert ("only_eve" in there, "department" in there) == (True, False)

    async def values(field: str, *, place: str = "/settings") -> Any:
        return await ask(api, owner, "GET", f"{place}/idpsync/field-values?claimField={field}")

    assert await values("groups") == ["a", "b", "b,c"]
    assert await values("groups", place=f"/organizations/{red}/settings") == ["a", "b"]
    assert await values("department") == ["x", "y"]
    assert (await values("realm_access.roles"), await values("level"), await values("nothing")) == (["r"], ["7"], [])
    assert await values("missing") == []
    for query in ("", "?claimField=", "?claimField=%00", f"?claimField={'x' * 300}"):
        answer = await api.call(owner, "GET", f"/settings/idpsync/field-values{query}")
        assert (answer.status_code, fields(answer)) == (400, ["claimField"])


@pytest.mark.requirement("SYNC-FIELDS-01")
async def test_lists_of_values_are_bounded(db: Database, api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    many = {"merged_claims": {"g": [f"group-{number:05}" for number in range(1500)], "long": "x" * 70_000}}
    await db.execute(
        "insert into user_links (user_id, login_type, claims, created_at, updated_at) values ($1, 'oidc', $2, now(), now())",
        owner.id, many,
    )  # fmt: skip
    assert len(await ask(api, owner, "GET", "/settings/idpsync/field-values?claimField=g")) == 1000
    assert await ask(api, owner, "GET", "/settings/idpsync/field-values?claimField=long") == []
