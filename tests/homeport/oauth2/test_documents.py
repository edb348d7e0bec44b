"""Clients by the address of their document, over a real https host: fetched safely, remembered for a while, and their changes."""

import asyncio
import gzip
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from homeport.database import Database
from homeport.kit.clock import FakeClock
from homeport.kit.flights import Flights
from homeport.oauth2.queries.apps import find_app_by_url
from homeport.oauth2.rules.documents import MOST_BYTES
from homeport.oauth2.service import fetching
from tests.homeport.oauth2.document_host import NAME, DocumentHost
from tests.homeport.oauth2.world import OAuthClient, World, is_refused

READ = "coder:workspaces.read"
LOOPBACK = "http://localhost/callback"


async def ask(world: World, url: str, **more: Any) -> httpx.Response:
    """Ask for tokens in the name of a client by document: with what is no token, so that the client is all that can be wrong first."""
    form = {"client_id": url, "grant_type": "refresh_token", "refresh_token": "none"}
    return await world.post("/oauth2/tokens", form, **more)


async def is_known(world: World, url: str, **more: Any) -> bool:
    """Whether the client of an address is accepted."""
    answer = await ask(world, url, **more)
    if answer.status_code == 401:
        return not is_refused(answer, "invalid_client", 401)
    return is_refused(answer, "invalid_grant")


async def client_at(world: World, url: str) -> OAuthClient:
    assert await is_known(world, url)
    app = await find_app_by_url(world.db, url)
    assert app is not None
    return OAuthClient(app)


@pytest.mark.requirement("CIM-01", "CIM-04")
async def test_a_document_makes_a_client(near: World, host: DocumentHost) -> None:
    url = host.put_client(client_uri="https://client.example/", logo_uri="https://client.example/logo.png")
    assert await is_known(near, url)
    (seen,) = host.requests
    assert (seen.path, seen.host, seen.server_name) == ("/client.json", host.authority, NAME)
    assert "cookie" not in seen.headers
    assert "authorization" not in seen.headers
    app = (await client_at(near, url)).app
    assert (app.kind, app.name, app.client_id) == ("metadata_document", "Example client", url)
    assert app.redirect_uris == [LOOPBACK, "http://127.0.0.1/callback"]
    assert app.is_public
    assert app.icon == ""
    assert len(host.requests) == 1
    (entry,) = await near.audited("oauth2_provider_app")
    assert entry["action"] == "register"
    assert entry["additional_fields"]["client_id"] == url


@pytest.mark.requirement("CIM-01", "CIM-05")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://client.example/client.json"}, {"client_id": None}, {"client_name": None}, {"redirect_uris": None},
        {"redirect_uris": ["http://evil.example/"]}, {"client_secret": "x"}, {"token_endpoint_auth_method": "client_secret_basic"},
    ],
)  # fmt: skip
async def test_a_wrong_document_makes_none_and_is_read_again(
    near: World, host: DocumentHost, changes: dict[str, Any]
) -> None:
    url = host.put_client(**changes)
    for count in (1, 2):
        answer = await ask(near, url)
        assert is_refused(answer, "invalid_client", 401)
        assert "document" in answer.json()["error_description"]
        assert len(host.requests) == count
    assert await near.db.fetchval("select count(*) from oauth2_provider_apps") == 0
    host.put_client()
    assert await is_known(near, url)


def _odd_answers() -> dict[str, bytes]:
    def http(head: str, body: bytes = b"", *, status: str = "200 OK") -> bytes:
        return f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body

    json = "Content-Type: application/json"
    return {
        "moved": http("Location: https://client.example/other\r\nContent-Length: 0", status="302 Found"),
        "moved for good": http("Location: /other.json\r\nContent-Length: 0", status="308 Permanent Redirect"),
        "created": http(f"{json}\r\nContent-Length: 2", b"{}", status="201 Created"),
        "partial": http(f"{json}\r\nContent-Length: 2", b"{}", status="206 Partial Content"),
        "no content": http("X: y", status="204 No Content"),
        "not found": http("Content-Length: 0", status="404 Not Found"),
        "broken": http("Content-Length: 0", status="500 Internal Server Error"),
        "html": http("Content-Type: text/html\r\nContent-Length: 2", b"{}"),
        "text": http("Content-Type: text/plain\r\nContent-Length: 2", b"{}"),
        "no type": http("Content-Length: 2", b"{}"),
        "not json": http(f"{json}\r\nContent-Length: 5", b"<xml>"),
        "deep": http(f"{json}\r\nContent-Length: 5000", b"[" * 5000),
        "list": http(f"{json}\r\nContent-Length: 2", b"[]"),
        "empty": http(f"{json}\r\nContent-Length: 0"),
        "says too long": http(f"{json}\r\nContent-Length: 999999999999", b"{}"),
        "is too long": http(json, b'{"x": "' + b"x" * MOST_BYTES + b'"}'),
        "zipped": http(f"{json}\r\nContent-Encoding: gzip", gzip.compress(b"{}")),
        "cut off": http(f"{json}\r\nContent-Length: 100", b"{"),
        "no http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "nothing": b"",
        "huge head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
    }


@pytest.mark.requirement("CIM-03")
@pytest.mark.parametrize("name", _odd_answers())
async def test_what_is_not_200_with_json_counts_as_nothing(near: World, host: DocumentHost, name: str) -> None:
    host.put_client("/other.json")
    url = host.put_raw(_odd_answers()[name])
    answer = await ask(near, url)
    assert is_refused(answer, "invalid_client", 401)
    assert [seen.path for seen in host.requests] == ["/client.json"]
    assert await near.db.fetchval("select count(*) from oauth2_provider_apps") == 0


@pytest.mark.requirement("CIM-03")
async def test_the_largest_document_and_every_json_type_count(near: World, host: DocumentHost) -> None:
    room = MOST_BYTES - len(
        msgspec.json.encode({"client_id": host.url(), "client_name": "x", "redirect_uris": [LOOPBACK], "p": ""})
    )
    document = {"client_id": host.url(), "client_name": "x", "redirect_uris": [LOOPBACK], "p": "x" * room}
    assert await is_known(near, host.put(document, kind="application/vnd.client+json; charset=utf-8"))


@pytest.mark.requirement("CIM-03")
async def test_a_slow_host_is_not_waited_for(near: World, host: DocumentHost, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetching.SECONDS <= 5
    monkeypatch.setattr(fetching, "SECONDS", 0.2)
    url = host.put_client()
    host.gate = asyncio.Event()
    assert not await is_known(near, url)
    monkeypatch.setattr(fetching, "_MOST_AT_ONCE", 0)
    host.gate.set()
    assert not await is_known(near, url)


@pytest.mark.requirement("CIM-04")
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.0.0.7"],
        ["169.254.169.254"],
        ["8.8.8.8", "127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        [],
    ],
)
async def test_private_networks_are_never_asked(world: World, host: DocumentHost, addresses: list[str]) -> None:
    url = host.put_client()
    host.names[NAME] = addresses
    answer = await ask(world, url)
    assert is_refused(answer, "invalid_client", 401)
    assert host.requests == []
    unknown = await ask(world, host.url(name="nowhere.example"))
    assert unknown.json() == answer.json()


@pytest.mark.requirement("CIM-04")
@pytest.mark.parametrize("literal", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "192.168.0.1"])
async def test_addresses_in_place_of_a_name_are_no_way_in(world: World, host: DocumentHost, literal: str) -> None:
    host.names[literal.strip("[]")] = [literal.strip("[]")]
    assert not await is_known(world, host.url(name=literal))
    assert host.requests == []


@pytest.mark.requirement("CIM-04")
async def test_a_name_is_resolved_once_and_only_that_address_is_asked(
    world: World, host: DocumentHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")

    async def rebind(name: str, port: int) -> list[str]:
        host.resolved.append(name)
        return ["127.0.0.1"] if len(host.resolved) == 1 else ["10.0.0.1"]

    monkeypatch.setattr("homeport.oauth2.service.documents.fetcher.resolve", rebind)
    assert await is_known(world, host.put_client())
    assert host.resolved == [NAME]
    assert [seen.server_name for seen in host.requests] == [NAME]


@pytest.mark.requirement("CIM-04")
async def test_the_next_address_is_tried_where_nobody_listens(near: World, host: DocumentHost) -> None:
    host.names[NAME] = ["127.0.0.2", "127.0.0.1"]
    assert await is_known(near, host.put_client())


@pytest.mark.requirement("CIM-04")
@pytest.mark.parametrize("is_named", [True, False])
async def test_the_resolver_of_the_system_is_asked(
    db: Database, host: DocumentHost, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    monkeypatch.setattr("homeport.oauth2.service.documents.fetcher.resolve", fetching.resolve_name)
    url = host.url(name="localhost")
    host.put_client(client_id=url)
    async with World(db, oauth2_client_metadata_private_hosts=("localhost",) if is_named else ()) as world:
        assert await is_known(world, url) is is_named
        assert len(host.requests) == is_named


@pytest.mark.requirement("CIM-04")
async def test_the_certificate_must_be_that_of_the_name(
    db: Database, host: DocumentHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World(db, oauth2_client_metadata_private_hosts=(host.authority, "other.example")) as world:
        other = host.url(name="other.example")
        host.put_client(client_id=other)
        assert not await is_known(world, other)
        monkeypatch.delenv("SSL_CERT_FILE")
        assert not await is_known(world, host.put_client())
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
        assert not await is_known(world, host.put_client())
        assert host.requests == []


@pytest.mark.requirement("CIM-02", "CON-08")
async def test_policy_is_asked_before_anything_is_fetched(db: Database, host: DocumentHost) -> None:
    url, private = host.put_client(), (host.authority,)
    for settings in (
        {"oauth2_client_metadata_documents": False},
        {"oauth2_client_metadata_domains": ("other.example",)},
        {"oauth2_client_metadata_denied_domains": ("example",)},
    ):
        async with World(db, oauth2_client_metadata_private_hosts=private, **settings) as world:
            assert not await is_known(world, url)
    async with World(db, oauth2_client_metadata_private_hosts=private, oauth2_client_metadata_domains=(NAME,)) as world:
        for odd in (
            f"{url}?x=y",
            f"{url}#x",
            url.replace("/client", "/a/../client"),
            url.replace("https", "HTTPS"),
            "https://",
        ):
            assert not await is_known(world, odd)
        assert host.resolved == []
        assert await is_known(world, url)
    async with World(db, oauth2_client_metadata_denied_domains=(NAME,)) as world:
        assert not await is_known(world, url)
    assert len(host.requests) == 1


@pytest.mark.requirement("CIM-06")
async def test_a_document_is_remembered_by_its_headers_within_bounds(
    near: World, host: DocumentHost, clock: FakeClock
) -> None:
    for cache, life in (
        ("max-age=1800", 1800),
        ("max-age=1", 300),
        ("no-store", 300),
        ("max-age=999999", 86400),
        ("", 3600),
    ):
        url = host.put_client(f"/{life}-{len(cache)}.json", cache=cache)
        before = len(host.requests)
        assert await is_known(near, url)
        clock.advance(timedelta(seconds=life - 1))
        assert await is_known(near, url)
        assert len(host.requests) == before + 1
        clock.advance(timedelta(seconds=2))
        assert await is_known(near, url)
        assert len(host.requests) == before + 2


@pytest.mark.requirement("CIM-06")
async def test_all_who_ask_at_once_share_one_fetch(near: World, host: DocumentHost) -> None:
    url = host.put_client()
    host.gate = asyncio.Event()
    asked = [asyncio.create_task(is_known(near, url)) for _ in range(10)]
    lost = asyncio.create_task(is_known(near, url))
    await host.arrived.wait()
    lost.cancel()
    host.gate.set()
    assert await asyncio.gather(*asked) == [True] * 10
    assert len(host.requests) == 1


@pytest.mark.requirement("CIM-06")
async def test_who_waits_for_the_same_work_gets_its_outcome_even_when_the_first_goes_away() -> None:
    flights: Flights[int] = Flights()
    gate, begun = asyncio.Event(), 0

    async def work() -> int:
        nonlocal begun
        begun += 1
        await gate.wait()
        if begun > 1:
            raise ValueError("the second time")
        return begun

    first = asyncio.create_task(flights.join("a", work))
    others = [asyncio.create_task(flights.join("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*others) == [1] * 3
    outcomes = await asyncio.gather(*(flights.join("a", work) for _ in range(3)), return_exceptions=True)
    assert begun == 2
    assert [str(outcome) for outcome in outcomes] == ["the second time"] * 3


@pytest.mark.requirement("CIM-06")
async def test_two_servers_that_meet_a_client_at_once_store_it_once(
    near: World, second: Any, host: DocumentHost
) -> None:
    other = near.second(second.db, oauth2_client_metadata_private_hosts=(host.authority,))
    url = host.put_client()
    assert all(await asyncio.gather(*(is_known(near, url, on=replica) for replica in [near.first, other] * 4)))
    assert await near.db.fetchval("select count(*) from oauth2_provider_apps") == 1


@pytest.mark.requirement("REG-07")
async def test_documents_count_among_the_clients_that_nobody_answers_for(
    db: Database, host: DocumentHost, clock: FakeClock
) -> None:
    async with World(
        db, oauth2_client_metadata_private_hosts=(host.authority,), oauth2_dynamic_client_limit=2
    ) as world:
        urls = [host.put_client(f"/{number}.json") for number in range(3)]
        assert [await is_known(world, url) for url in urls[:2]] == [True, True]
        assert is_refused(await ask(world, urls[2]), "temporarily_unavailable", 429)
        clock.advance(timedelta(hours=2))
        assert await is_known(world, urls[2])


@pytest.mark.requirement("CIM-06")
async def test_errors_are_not_remembered(near: World, host: DocumentHost) -> None:
    url = host.put({}, status="503 Service Unavailable")
    assert not await is_known(near, url)
    host.put_client()
    assert await is_known(near, url)


@pytest.mark.requirement("CIM-06")
async def test_a_host_that_is_down_is_bridged_for_a_day_and_no_longer(
    near: World, host: DocumentHost, clock: FakeClock
) -> None:
    url = host.put_client()
    assert await is_known(near, url)
    host.put({}, status="502 Bad Gateway")
    clock.advance(timedelta(hours=23))
    assert await is_known(near, url)
    count = len(host.requests)
    assert await is_known(near, url)
    assert len(host.requests) == count
    clock.advance(timedelta(hours=1, minutes=1))
    assert not await is_known(near, url)
    host.put_client()
    assert await is_known(near, url)


@pytest.mark.requirement("CIM-06")
@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone", "301 Moved Permanently", "403 Forbidden"])
async def test_a_document_that_is_gone_does_not_count_any_more(
    near: World, host: DocumentHost, clock: FakeClock, status: str
) -> None:
    url = host.put_client()
    assert await is_known(near, url)
    host.put({}, status=status)
    clock.advance(timedelta(hours=2))
    assert not await is_known(near, url)


@pytest.mark.requirement("CIM-07")
@pytest.mark.parametrize(
    ("changes", "is_ended"),
    [
        ({"client_name": "Another client"}, True),
        ({"redirect_uris": [LOOPBACK, "https://client.example/new"]}, True),
        ({"redirect_uris": [LOOPBACK]}, False),
        ({"logo_uri": "https://client.example/new.png"}, False),
    ],
)
async def test_a_changed_document_ends_what_was_granted_to_another_one(
    near: World, host: DocumentHost, clock: FakeClock, changes: dict[str, Any], is_ended: bool
) -> None:
    person = await near.accounts.make()
    url = host.put_client()
    client = await client_at(near, url)
    tokens = await near.tokens(client, person)
    await near.code(client, person)
    host.put_client(**changes)
    clock.advance(timedelta(hours=1, seconds=1))
    await client_at(near, url)
    grants = await near.db.fetchval("select count(*) from oauth2_provider_grants")
    codes = await near.db.fetchval("select count(*) from oauth2_provider_app_codes")
    assert (grants, codes) == ((0, 0) if is_ended else (1, codes))
    refreshed = await near.refresh(client, tokens["refresh_token"])
    assert refreshed.status_code == (400 if is_ended else 200), refreshed.text
    (entry,) = await near.audited("oauth2_provider_app", "write")
    assert ("grants revoked" in entry["additional_fields"].get("reason", "")) is is_ended


@pytest.mark.requirement("CON-08")
async def test_clients_without_an_owner_are_granted_what_policy_allows_at_most(
    db: Database, host: DocumentHost
) -> None:
    settings = {"oauth2_client_metadata_private_hosts": (host.authority,), "oauth2_unregistered_client_scopes": (READ,)}
    async with World(db, **settings) as world:
        person = await world.accounts.make()
        client = await client_at(world, host.put_client(grant_types=["authorization_code", "refresh_token"]))
        code = await world.code(client, person, scopes=(READ, "coder:workspaces.delete"))
        assert is_refused(await world.redeem(client, code), "invalid_grant")
        assert (await world.tokens(client, person, scopes=(READ,)))["scope"] == READ
        registered = await world.make_client(is_public=True)
        assert (await world.tokens(registered, person, scopes=("coder:all",)))["scope"] == "coder:all"
