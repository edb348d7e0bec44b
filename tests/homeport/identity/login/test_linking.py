"""Whose account a person at a provider is: links first, addresses only where nothing is linked (identity 7.5)."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from homeport.database import Database
from homeport.identity.queries import links as link_queries
from homeport.identity.types import LinkClaims, LoginType, SignedIn
from homeport.kit.clock import FakeClock
from homeport.kit.crypto import Cipher
from tests.support.accounts import Accounts
from tests.support.issuer import Issuer
from tests.support.signing_in import HTML, api_of, cookies_of, me, sign_in, signed_in

CIPHER = Cipher([bytes(range(32))])


async def _people(db: Database) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "select id, username, email, name, login_type::text, status::text, rbac_roles, deleted from users"
        " where not is_system order by created_at, username"
    )
    return [dict(row) for row in rows]


async def _actions(db: Database, resource_type: str = "api_key") -> list[str]:
    rows = await db.fetch("select action from audit_logs where resource_type = $1 order by time, id", resource_type)
    return [row["action"] for row in rows]


@pytest.mark.requirement("LINK-FIRST-01")
async def test_the_first_user_becomes_owner_even_where_nobody_may_sign_up(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer, oidc_allow_signups=False)
    await signed_in(api, issuer)
    assert [(person["rbac_roles"], person["status"]) for person in await _people(db)] == [(["owner"], "active")]
    issuer.person = {"sub": "eve-2", "email": "eve@example.com"}
    assert (await sign_in(api, issuer)).status_code == 403
    assert len(await _people(db)) == 1


@pytest.mark.requirement("LINK-SIGNUP-01")
async def test_a_newcomer_becomes_a_member_of_the_default_organization(
    db: Database, issuer: Issuer, accounts: Accounts
) -> None:
    await accounts.make("owner")
    api = api_of(db, issuer)
    seen: list[SignedIn] = []

    async def see(_: Any, event: SignedIn) -> None:
        seen.append(event)

    db.events.subscribe(SignedIn, see)
    try:
        token = await signed_in(api, issuer)
        await signed_in(api, issuer)
    finally:
        db.events._handlers[SignedIn].remove(see)
    answer = (await me(api, token)).json()
    assert (answer["roles"], len(answer["organization_ids"])) == ([], 1)
    assert [(event.is_new, event.login_type) for event in seen] == [(True, "oidc"), (False, "oidc")]
    assert seen[0].claims.merged_claims["email"] == "ada@example.com"
    assert await _actions(db) == ["register", "login"]
    assert await _actions(db, "user_link") == ["create"]
    assert await _actions(db, "user") == ["create"]


@pytest.mark.requirement("LINK-SIGNUP-02")
async def test_where_sign_ups_are_off_strangers_are_told_so(db: Database, issuer: Issuer, accounts: Accounts) -> None:
    await accounts.make("owner")
    api = api_of(db, issuer, oidc_allow_signups=False)
    program = await sign_in(api, issuer)
    assert (program.status_code, "no account here" in program.json()["message"]) == (403, True)
    assert (await sign_in(api, issuer, **HTML)).status_code == 303
    words = "Write to help@example.com."
    asked = await sign_in(api_of(db, issuer, oidc_allow_signups=False, oidc_signups_disabled_text=words), issuer)
    assert asked.json()["message"] == words
    assert len(await _people(db)) == 1


@pytest.mark.requirement("LINK-ID-01")
async def test_the_link_counts_and_not_the_address(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    first = (await me(api, await signed_in(api, issuer))).json()
    issuer.person |= {"email": "countess@example.com", "name": "Ada Lovelace", "preferred_username": "another"}
    again = (await me(api, await signed_in(api, issuer))).json()
    assert again["id"] == first["id"]
    assert (again["email"], again["name"], again["username"]) == ("countess@example.com", "Ada Lovelace", "ada")
    # Somebody else who has the old address now is somebody else.
    issuer.person = {"sub": "eve-2", "email": "ada@example.com"}
    other = (await me(api, await signed_in(api, issuer))).json()
    assert other["id"] != first["id"]


@pytest.mark.requirement("LINK-ID-02")
@pytest.mark.parametrize("subject", ["ä" * 1200, "s" * 100_000, "a\x00"])
async def test_a_sub_that_cannot_be_kept_is_refused(db: Database, issuer: Issuer, subject: str) -> None:
    issuer.id_token_changes = {"sub": subject}
    reply = await sign_in(api_of(db, issuer), issuer)
    assert (reply.status_code, "in a way that can be kept" in reply.text) == (400, True)
    assert await db.fetchval("select count(*) from user_links") == 0


@pytest.mark.requirement("LINK-ID-02")
async def test_a_long_sub_is_kept_whole(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    issuer.person["sub"] = "".join(f"{number:05}" for number in range(380))
    first = (await me(api, await signed_in(api, issuer))).json()
    assert (await me(api, await signed_in(api, issuer))).json()["id"] == first["id"]
    issuer.person |= {"sub": issuer.person["sub"][:-1] + "0", "email": "eve@example.com"}
    assert (await me(api, await signed_in(api, issuer))).json()["id"] != first["id"]


@pytest.mark.requirement("LINK-CLAIMS-02")
async def test_an_address_with_what_cannot_be_kept_is_not_that_of_somebody_else(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    first = (await me(api, await signed_in(api, issuer))).json()
    issuer.person = {"sub": "eve-2", "email": "a\x00da@example.com"}
    other = (await me(api, await signed_in(api, issuer))).json()
    assert (other["id"] != first["id"], other["email"]) == (True, "a\ufffdda@example.com")


@pytest.mark.requirement("LINK-EMAIL-01")
@pytest.mark.parametrize("linked", ["", None])
async def test_an_account_that_is_linked_to_nothing_is_found_by_its_address(
    db: Database, issuer: Issuer, accounts: Accounts, clock: FakeClock, linked: str | None
) -> None:
    person = await accounts.make("member")
    await db.execute("update users set login_type = 'oidc', email = 'ADA@example.com' where id = $1", person.id)
    if linked is not None:
        old = "insert into user_links (user_id, login_type, linked_id, created_at, updated_at) values ($1, 'oidc', $2, $3, $3)"
        await db.execute(old, person.id, linked, clock.now())
    api = api_of(db, issuer)
    answer = (await me(api, await signed_in(api, issuer))).json()
    assert (answer["id"], answer["username"]) == (str(person.id), person.username)
    assert await db.fetchval("select linked_id from user_links") == f"{issuer.url}||ada-1"


@pytest.mark.requirement("LINK-FOLD-01")
@pytest.mark.parametrize(
    ("address", "claimed"), [("ida@example.com", "İda@example.com"), ("kim@example.com", "\u212aim@example.com")]
)
async def test_an_address_whose_letters_only_fold_to_those_of_an_account_is_another(
    db: Database, issuer: Issuer, accounts: Accounts, address: str, claimed: str
) -> None:
    person = await accounts.make("member")
    await db.execute("update users set login_type = 'oidc', email = $2 where id = $1", person.id, address)
    issuer.person["email"] = claimed
    reply = await sign_in(api_of(db, issuer), issuer)
    assert (reply.status_code, reply.json()["message"]) == (409, "A user with this email already exists.")
    assert await db.fetchval("select count(*) from user_links") == 0


@pytest.mark.requirement("LINK-SUB-01")
async def test_a_second_sub_with_the_same_address_is_refused(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    issuer.person["sub"] = "ada-2"
    reply = await sign_in(api, issuer)
    assert reply.status_code == 403
    assert "linked to another account" in reply.json()["message"]
    assert await db.fetchval("select linked_id from user_links") == f"{issuer.url}||ada-1"
    assert len(await _people(db)) == 1


@pytest.mark.requirement("LINK-DELETED-01")
async def test_a_deleted_user_is_never_revived(db: Database, issuer: Issuer, accounts: Accounts) -> None:
    await accounts.make("owner")
    api = api_of(db, issuer)
    token = await signed_in(api, issuer)
    await db.execute("update users set deleted = true where email = 'ada@example.com'")
    assert (await me(api, token)).status_code == 401
    closed = api_of(db, issuer, oidc_allow_signups=False)
    assert (await sign_in(closed, issuer)).status_code == 403
    await signed_in(api, issuer)
    found = [
        (person["deleted"], person["username"]) for person in await _people(db) if person["email"] == "ada@example.com"
    ]
    assert sorted(found) == [(False, "ada"), (True, "ada")]


@pytest.mark.requirement("LINK-CLASH-01")
@pytest.mark.parametrize(("login_type", "has_hint"), [("password", True), ("github", False), ("none", False)])
async def test_an_account_that_signs_in_in_another_way_is_explained(
    db: Database, issuer: Issuer, accounts: Accounts, login_type: str, has_hint: bool
) -> None:
    person = await accounts.make("member")
    await db.execute("update users set login_type = $2, email = 'ada@example.com' where id = $1", person.id, login_type)
    reply = await sign_in(api_of(db, issuer), issuer)
    assert reply.status_code == 403
    assert f"'{login_type}', not by 'oidc'" in reply.json()["message"]
    assert ("converted" in reply.json().get("detail", "")) == has_hint
    assert await db.fetchval("select count(*) from user_links") == 0


@pytest.mark.requirement("LINK-STATUS-01")
async def test_a_dormant_account_wakes_and_a_suspended_one_does_not(
    db: Database, issuer: Issuer, accounts: Accounts
) -> None:
    await accounts.make("owner")
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    await db.execute("update users set status = 'dormant' where email = 'ada@example.com'")
    await signed_in(api, issuer)
    assert (await _people(db))[-1]["status"] == "active"
    await db.execute("update users set status = 'suspended' where email = 'ada@example.com'")
    reply = await sign_in(api, issuer)
    assert (reply.status_code, "suspended" in reply.json()["message"]) == (401, True)


@pytest.mark.requirement("LINK-NAME-03")
async def test_a_taken_name_gets_an_ending(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    issuer.person = {"sub": "ada-2", "email": "ada2@example.com", "preferred_username": "ADA"}
    await signed_in(api, issuer)
    assert [person["username"][:4] for person in await _people(db)] == ["ada", "ADA-"]


@pytest.mark.requirement("LINK-NAME-03")
async def test_where_no_name_is_free_the_sign_in_is_refused(
    db: Database, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeport.identity.login.signing_in.random_text", lambda *_: "same")
    api = api_of(db, issuer)
    for number, status in ((1, 307), (2, 307), (3, 409)):
        issuer.person = {"sub": f"ada-{number}", "email": f"ada{number}@example.com", "preferred_username": "ada"}
        assert (await sign_in(api, issuer)).status_code == status
    assert len(await _people(db)) == 2


@pytest.mark.requirement("LINK-MIRROR-01")
async def test_an_address_that_is_taken_meanwhile_locks_nobody_out(
    db: Database, issuer: Issuer, accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    other = await accounts.make("member")
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    issuer.person |= {"email": other.email, "name": "Ada", "picture": "https://p.example/ada"}
    answer = (await me(api, await signed_in(api, issuer))).json()
    assert (answer["email"], answer["name"], answer["avatar_url"]) == (
        "ada@example.com",
        "Ada",
        "https://p.example/ada",
    )
    assert "keeps its address" in caplog.text


@pytest.mark.requirement("LINK-SEALED-01")
async def test_tokens_are_sealed_and_the_row_names_the_key(db: Database, issuer: Issuer) -> None:
    await signed_in(api_of(db, issuer), issuer)
    row = await db.fetchrow("select * from user_links")
    assert row is not None
    assert CIPHER.decrypt(row["access_token_sealed"]).startswith(b"at-")
    assert CIPHER.decrypt(row["refresh_token_sealed"]).startswith(b"rt-")
    assert row["token_key_id"] == CIPHER.key_id
    for secret in ("at-", "rt-"):
        assert secret.encode() not in row["access_token_sealed"] + row["refresh_token_sealed"]
        assert await db.fetchval("select count(*) from audit_logs where diff::text like '%' || $1 || '%'", secret) == 0


@pytest.mark.requirement("LINK-CLAIMS-01", "M22")
@pytest.mark.parametrize(
    ("stored", "claims"),
    [
        ({}, LinkClaims()),
        (None, LinkClaims()),
        ([], LinkClaims()),
        ({"id_token_claims": None, "merged_claims": {"sub": "1"}}, LinkClaims(merged_claims={"sub": "1"})),
        ({"some": "debug context of old"}, LinkClaims()),
        (
            {"id_token_claims": {"a": 1}, "user_info_claims": {"b": [2]}, "merged_claims": {"c": {"d": None}}},
            LinkClaims({"a": 1}, {"b": [2]}, {"c": {"d": None}}),
        ),
    ],
)
async def test_claims_are_a_typed_structure_and_old_values_decode(
    db: Database, accounts: Accounts, clock: FakeClock, stored: Any, claims: LinkClaims
) -> None:
    person = await accounts.make("member")
    insert = "insert into user_links (user_id, login_type, claims, created_at, updated_at) values ($1, 'oidc', $2::text::jsonb, $3, $3)"
    await db.execute(insert, person.id, msgspec.json.encode(stored).decode(), clock.now())
    async with db.connection() as conn:
        link = await link_queries.find_link(conn, person.id, LoginType.OIDC)
    assert link is not None
    assert link.claims == claims


@pytest.mark.requirement("LINK-RACE-01")
async def test_one_person_in_two_browsers_at_once_is_one_account(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    replies = await asyncio.gather(*(sign_in(api, issuer) for _ in range(6)))
    assert [reply.status_code for reply in replies] == [307] * 6
    assert len(await _people(db)) == 1
    assert await db.fetchval("select count(*) from api_keys") == 6
    assert sorted(await _actions(db)) == ["login"] * 5 + ["register"]


@pytest.mark.requirement("LINK-KEY-01")
async def test_the_key_is_of_the_providers_kind_and_lives_as_long_as_sessions_do(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    api = api_of(db, issuer, session_duration=timedelta(hours=7))
    cookies = cookies_of(await sign_in(api, issuer))
    assert cookies["csrf_token"]
    row = await db.fetchrow("select login_type::text, expires_at, lifetime_seconds from api_keys")
    assert row is not None
    assert tuple(row) == ("oidc", clock.now() + timedelta(hours=7), 7 * 3600)


@pytest.mark.requirement("LINK-EMAIL-02")
@pytest.mark.parametrize("domains", [("other.example",), ("ple.com",)])
async def test_a_foreign_domain_makes_no_account(db: Database, issuer: Issuer, domains: tuple[str, ...]) -> None:
    reply = await sign_in(api_of(db, issuer, oidc_email_domain=domains), issuer)
    assert (reply.status_code, "example.com" in reply.json()["message"]) == (403, True)
    assert await _people(db) == []


@pytest.mark.requirement("LINK-AUDIT-01")
@pytest.mark.parametrize("headers", [{}, HTML])
async def test_a_sign_in_that_fails_is_audited(
    db: Database, issuer: Issuer, accounts: Accounts, headers: dict[str, str]
) -> None:
    person = await accounts.make("member")
    await db.execute("update users set email = 'ada@example.com' where id = $1", person.id)
    await sign_in(api_of(db, issuer), issuer, **headers)
    row = await db.fetchrow("select user_id, action, status_code, resource_type from audit_logs")
    assert row is not None
    assert tuple(row) == (person.id, "login", 403, "api_key")
    assert await db.fetchval("select count(*) from api_keys where login_type = 'oidc'") == 0
