"""Who asks: the peer, or whom a trusted proxy names; nobody becomes somebody else by a header."""

from typing import Any

import pytest

from homeport.access.peers import UNKNOWN, Peers
from homeport.config import Settings
from homeport.database import Database
from tests.support.accounts import Accounts, build_api

PROXY, FAR, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.9"
TRUST: dict[str, Any] = {
    "proxy_trusted_origins": ("10.0.0.0/8", "2001:db8:1::/48"),
    "proxy_trusted_headers": ("X-Forwarded-For", "X-Real-Ip"),
}


def client(peer: str | None, *headers: tuple[str, str], **settings: Any) -> str:
    """Return who asks, behind the trusted proxies."""
    given = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"client": (peer, 4711) if peer else None, "headers": given}
    return Peers(Settings(**(settings or TRUST))).client(scope)


def forwarded(value: str) -> tuple[str, str]:
    return "X-Forwarded-For", value


@pytest.mark.requirement("PROXY-ADDRESS-01")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (CLIENT, CLIENT),
        (f"198.51.100.1, {CLIENT}", CLIENT),
        (f"127.0.0.1, 198.51.100.1, {CLIENT}, {FAR}", CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        (f"{CLIENT} , {FAR}:80", CLIENT),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        (f"2001:db8::9, 2001:db8:1::7, {FAR}", "2001:db8::9"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"{FAR}, {PROXY}", FAR),
        (f"evil, {FAR}", FAR),
        (f"{CLIENT}, unknown, {FAR}", FAR),
        ("unknown", PROXY),
        ("", PROXY),
        (", ,", PROXY),
        ("fe80::1%eth0", PROXY),
        ("203.0.113.9:x", PROXY),
        ("203.0.113.999", PROXY),
        ('"><script>', PROXY),
        ("[::1]evil", PROXY),
        (", ".join([CLIENT, *[FAR] * 50]), FAR),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_no_proxy_of_ours(value: str, expected: str) -> None:
    assert client(PROXY, forwarded(value)) == expected


@pytest.mark.requirement("PROXY-ADDRESS-01")
def test_several_headers_are_one_list_and_the_first_name_counts() -> None:
    assert client(PROXY, forwarded("198.51.100.1"), forwarded(CLIENT)) == CLIENT
    assert client(PROXY, ("X-Real-Ip", "198.51.100.1"), forwarded(CLIENT)) == CLIENT
    assert client(PROXY, ("X-Real-Ip", CLIENT)) == CLIENT
    assert client(PROXY, ("X-Real-Ip", CLIENT), forwarded("unknown")) == CLIENT
    assert client(PROXY, ("Cf-Connecting-Ip", CLIENT)) == PROXY, "a header that is not named does not count"


@pytest.mark.requirement("PROXY-ADDRESS-01")
@pytest.mark.parametrize("peer", [CLIENT, "127.0.0.1", "::1", "11.0.0.1", None, "unix:"])
def test_headers_of_strangers_do_not_count(peer: str | None) -> None:
    for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Forwarded-Host"):
        assert client(peer, (name, "198.51.100.1")) == (peer or UNKNOWN)


@pytest.mark.requirement("PROXY-ADDRESS-01")
def test_by_default_nobody_is_believed() -> None:
    assert client(PROXY, forwarded(CLIENT), access_url="") == PROXY
    assert client("::ffff:10.0.0.1", forwarded(CLIENT)) == CLIENT, "an IPv4 peer of an IPv6 socket is the same peer"


@pytest.mark.requirement("PROXY-ADDRESS-01")
def test_a_client_has_one_address_however_the_connection_writes_it() -> None:
    for settings in (TRUST, {"access_url": ""}):
        assert client(f"::ffff:{CLIENT}", **settings) == CLIENT
        assert client("2001:DB8:0::9", **settings) == "2001:db8::9"
        assert client("fe80::1%eth0", **settings) == "fe80::1%eth0"


@pytest.mark.requirement("PROXY-ADDRESS-02")
async def test_nobody_escapes_the_limit_of_sign_ins_by_naming_others(db: Database) -> None:
    api = build_api(db, dangerous_disable_rate_limits=False, login_rate_limit=3, **TRUST)
    body = {"email": "nobody@homeport.test", "password": "wrong-passphrase"}

    async def statuses(address: str, *names: str) -> list[int]:
        return [
            (
                await api.raw(
                    "POST", "/api/v2/users/login", json=body, address=address, headers={"X-Forwarded-For": name}
                )
            ).status_code
            for name in names
        ]

    assert await statuses(CLIENT, "1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4") == [401, 401, 401, 429]
    spoofed = [f"1.1.1.{number}, 198.51.100.7" for number in range(4)]
    assert await statuses(PROXY, *spoofed) == [401, 401, 401, 429]
    assert await statuses(PROXY, "198.51.100.8") == [401], "people behind one proxy do not share a limit"
    await api.gate.close()


@pytest.mark.requirement("PROXY-ADDRESS-02")
async def test_audit_knows_the_client_behind_the_proxy(db: Database, accounts: Accounts) -> None:
    api = build_api(db, **TRUST)
    person = await accounts.make()
    for address, expected in ((PROXY, CLIENT), ("198.51.100.3", "198.51.100.3")):
        made = await api.raw(
            "POST",
            "/api/v2/users/me/keys",
            address=address,
            headers={**person.headers, "X-Forwarded-For": f"127.0.0.1, {CLIENT}"},
        )
        assert made.status_code == 201
        assert str(await db.fetchval("select ip from audit_logs order by time desc, id desc limit 1")).startswith(
            expected
        )
    await api.gate.close()
