"""Limits of attempts to sign in: per address and per account, for all servers together, and without locking anybody out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeport.database import Database
from homeport.identity.rules.attempts import digest, network_of, seconds_left, window_start
from homeport.identity.service.attempts import purge
from homeport.kit.clock import FakeClock
from tests.support.accounts import Accounts, Api, Person, build_api
from tests.support.statements import watch_statements

PASSWORD = "Harbour-Light-77"
WRONG = "Harbour-Light-78"
ADA = {"email": "ada@homeport.test", "username": "ada", "password": PASSWORD}
HOME, AWAY = "192.0.2.7", "203.0.113.9"


def server(db: Database, **settings: Any) -> Api:
    """One of several servers on one database."""
    return build_api(db, **{"dangerous_disable_rate_limits": False, "login_account_rate_limit": 3, **settings})


@pytest.fixture
async def first(db: Database, clock: FakeClock) -> Api:
    """A server with a first user, who has never signed in."""
    api = server(db)
    assert (await api.call(None, "POST", "/users/first", ADA, address="198.51.100.1")).status_code == 201
    return api


async def login(api: Api, password: str = PASSWORD, *, email: str = "ada@homeport.test", address: str = AWAY) -> Any:
    body = {"email": email, "password": password}
    return await api.call(None, "POST", "/users/login", body, address=address)


async def statuses(api: Api, *passwords: str, **more: Any) -> list[int]:
    return [(await login(api, password, **more)).status_code for password in passwords]


@pytest.mark.requirement("LIMIT-ACCOUNT-01")
@pytest.mark.parametrize("email", ["ada@homeport.test", "nobody@homeport.test"])
async def test_wrong_passwords_of_an_account_are_counted_whatever_the_address_and_the_server(
    first: Api, db: Database, email: str
) -> None:
    servers = [first, server(db), server(db)]
    for number, api in enumerate(servers):
        assert await statuses(api, WRONG, email=email, address=f"203.0.113.{number}") == [401]
    refused = await login(server(db), WRONG, email=email.upper(), address="203.0.113.200")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 600
    assert refused.json()["message"].startswith("Too many wrong passwords for this account. Try again in ")
    # Another account is another matter.
    assert await statuses(first, WRONG, email="eve@homeport.test") == [401]


@pytest.mark.requirement("LIMIT-ACCOUNT-02")
async def test_right_passwords_are_not_counted_and_the_next_window_begins_anew(first: Api, clock: FakeClock) -> None:
    assert await statuses(first, *[PASSWORD] * 8, address=HOME) == [201] * 8
    for number in range(3):
        assert await statuses(first, WRONG, address=f"203.0.113.{number}") == [401]
    refused = await login(first, PASSWORD)
    assert refused.status_code == 429
    clock.advance(timedelta(seconds=int(refused.headers["retry-after"])))
    assert await statuses(first, PASSWORD) == [201]


@pytest.mark.requirement("LIMIT-ACCOUNT-03")
async def test_strangers_cannot_lock_out_whoever_has_a_session_at_their_address(first: Api) -> None:
    assert await statuses(first, PASSWORD, address=HOME) == [201]
    for number in range(5):
        await login(first, WRONG, address=f"203.0.113.{number}")
    assert await statuses(first, PASSWORD, address=AWAY) == [429]
    assert await statuses(first, PASSWORD, address=HOME) == [201]
    # An address that is known may not guess for ever either.
    assert await statuses(first, WRONG, WRONG, WRONG, PASSWORD, address=HOME) == [401, 401, 401, 429]


@pytest.mark.requirement("LIMIT-ACCOUNT-03")
async def test_where_somebody_is_known_is_a_network_in_ipv6(first: Api) -> None:
    # Machines change their address within it every day, and so do guessers.
    assert await statuses(first, PASSWORD, address="2001:db8:1:2::1") == [201]
    for number in range(5):
        await login(first, WRONG, address=f"203.0.113.{number}")
    assert await statuses(first, PASSWORD, address="2001:db8:1:2:aaaa::9") == [201]
    assert await statuses(first, PASSWORD, address="2001:db8:1:3::1") == [429]
    guesses = [(await login(first, WRONG, address=f"2001:db8:1:2::{n}")).status_code for n in range(2, 6)]
    assert guesses == [401, 401, 401, 429]


@pytest.mark.requirement("LIMIT-ACCOUNT-04")
async def test_of_many_wrong_passwords_at_once_no_more_are_looked_at_than_may_fail(first: Api, db: Database) -> None:
    servers = [first, server(db)]
    answers = await asyncio.gather(*(login(servers[n % 2], WRONG, address=f"203.0.113.{n}") for n in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 17


@pytest.mark.requirement("LIMIT-ACCOUNT-05")
async def test_who_is_signed_in_cannot_guess_the_password_either(db: Database, clock: FakeClock) -> None:
    api = server(db)
    await api.call(None, "POST", "/users/first", ADA)
    token = (await login(api, address=HOME)).json()["session_token"]
    headers = {"Coder-Session-Token": token}
    change = {"password": "Another-Harbour-1", "old_password": WRONG}
    for _ in range(3):
        answer = await api.call(None, "PUT", "/users/me/password", change, headers=headers)
        assert answer.status_code == 400
    right = {**change, "old_password": PASSWORD}
    assert (await api.call(None, "PUT", "/users/me/password", right, headers=headers)).status_code == 429
    clock.advance(timedelta(minutes=10))
    assert (await api.call(None, "PUT", "/users/me/password", right, headers=headers)).status_code == 204


@pytest.mark.requirement("LIMIT-ADDRESS-01")
async def test_attempts_of_an_address_are_counted_by_all_servers_together(first: Api, db: Database) -> None:
    servers = [server(db, login_rate_limit=3), server(db, login_rate_limit=3)]
    found = [(await login(servers[n % 2], WRONG, email=f"somebody{n}@homeport.test")).status_code for n in range(5)]
    assert found == [401, 401, 401, 429, 429]
    # All of one network is one address, for whoever has IPv6 has a network.
    six = [
        (await login(servers[0], WRONG, email=f"other{n}@homeport.test", address=f"2001:db8:1:2::{n}")).status_code
        for n in range(1, 5)
    ]
    assert six == [401, 401, 401, 429]
    assert (await login(servers[0], WRONG, email="x@homeport.test", address="2001:db8:1:3::1")).status_code == 401


@pytest.mark.requirement("LIMIT-ALIKE-01")
async def test_an_unknown_account_and_a_wrong_password_take_the_same_statements_and_answers(
    first: Api, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    answers: list[tuple[int, str]] = []
    statements = watch_statements(db, monkeypatch)
    for email in ("ada@homeport.test", "nobody@homeport.test"):
        answer = await login(first, WRONG, email=email)
        await asyncio.sleep(0)
        asked.append([statement for statement, _ in statements])
        answers.append((answer.status_code, answer.text))
        statements.clear()
    assert asked[0] == asked[1]
    assert asked[0]
    assert answers[0] == answers[1] == (401, '{"message":"Incorrect email or password."}')
    rows = await db.fetch("select * from audit_logs where action = 'login' order by time")
    assert [(row["status_code"], row["resource_target"]) for row in rows] == [(401, ""), (401, "")]
    # Whatever was typed as an address may have been a password.
    assert all("nobody@homeport.test" not in str(dict(row)) for row in rows)


@pytest.mark.requirement("LIMIT-PURGE-01")
async def test_counts_are_purged_and_name_nobody(first: Api, db: Database, clock: FakeClock) -> None:
    await login(first, WRONG)
    rows = await db.fetch("select * from login_attempts")
    assert {row["kind"] for row in rows} == {"address", "account"}
    assert all("ada" not in row["subject"] and AWAY not in row["subject"] for row in rows)
    assert await purge(db) == 0
    clock.advance(timedelta(hours=3))
    await login(first, WRONG)
    assert await purge(db) == len(rows)
    assert await db.fetchval("select count(*) from login_attempts") == 2


async def test_no_attempt_is_counted_where_limits_are_off(db: Database, accounts: Accounts) -> None:
    person: Person = await accounts.make("member")
    api = build_api(db, login_account_rate_limit=1)
    assert await statuses(api, *["x"] * 4, email=person.email) == [401] * 4
    assert await db.fetchval("select count(*) from login_attempts") == 0


NOON = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "window", "start", "left"),
    [
        (NOON, timedelta(minutes=1), datetime(2026, 1, 1, 12, 0, tzinfo=UTC), 30),
        (NOON, timedelta(minutes=10), datetime(2026, 1, 1, 12, 0, tzinfo=UTC), 570),
        (NOON.replace(second=0), timedelta(minutes=1), datetime(2026, 1, 1, 12, 0, tzinfo=UTC), 60),
        (
            NOON.replace(second=59, microsecond=900_000),
            timedelta(minutes=1),
            datetime(2026, 1, 1, 12, 0, tzinfo=UTC),
            1,
        ),
    ],
)
def test_windows(now: datetime, window: timedelta, start: datetime, left: int) -> None:
    assert (window_start(now, window), seconds_left(now, window)) == (start, left)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("fe80::1", "fe80::"), ("", ""), ("a name", "a name"),
    ],
)  # fmt: skip
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


def test_subjects_are_digests_without_case_and_parts_do_not_run_together() -> None:
    assert digest(" Ada@X ") == digest("ada@x")
    assert digest("a", "bc") != digest("ab", "c")
    assert len(digest("\ud800" * 9000)) == 64


@pytest.mark.requirement("LIMIT-ACCOUNT-06")
@pytest.mark.parametrize(
    ("address", "other"), [("ida@homeport.test", "İda@homeport.test"), ("kim@homeport.test", "\u212aim@homeport.test")]
)
async def test_letters_that_fold_to_those_of_an_address_open_no_account(db: Database, address: str, other: str) -> None:
    api = server(db)
    await api.call(None, "POST", "/users/first", {**ADA, "email": address})
    assert await db.fetchval("select lower($1) = lower($2)", address, other), "the database takes both for one"
    assert await statuses(api, PASSWORD, email=other) == [401]
    assert await statuses(api, PASSWORD, email=address.upper()) == [201]
