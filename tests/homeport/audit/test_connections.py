"""The connection log: what is written of a connection, who reads it, and how it is searched."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from homeport.audit import tasks
from homeport.audit.service import connections
from homeport.audit.service.connection_reading import list_connection_logs
from homeport.audit.types import Place
from homeport.database import Database
from homeport.kit.clock import FakeClock
from homeport.kit.errors import BadRequest
from homeport.kit.http import Page
from homeport.kit.ids import new_id
from homeport.kit.request import RequestInfo, set_request
from homeport.rbac import Subject
from tests.homeport.audit.entries import T0, connect, make_organization, make_place, reader
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts

AUDITOR = reader("auditor")


async def find(db: Database, query: str = "", subject: Subject = AUDITOR, **page: Any) -> list[UUID]:
    """Return the ids of what a search finds."""
    found = await list_connection_logs(db, subject=subject, query=query, page=Page(**page))
    return [one.id for one in found.connection_logs]


async def stored(db: Database) -> list[dict[str, Any]]:
    """Return the rows of the log."""
    return [dict(row) for row in await db.fetch("select * from connection_logs order by connect_time desc")]


@pytest.mark.requirement("CONNLOG-WRITE-01")
async def test_a_connection_is_written_when_it_begins_and_when_it_ends(
    db: Database, accounts: Accounts, clock: FakeClock
) -> None:
    ann = await accounts.make()
    place = Place(**await make_place(db, ann), workspace_name="dev", agent_name="main")
    set_request(RequestInfo(str(new_id()), "192.0.2.9", "OpenSSH"))
    replica = new_id()
    async with connections.logged(db, place, user_id=ann.id, kind="ssh", replica_id=replica) as visit:
        row = (await stored(db))[0]
        assert (row["ip"], row["user_agent"], row["user_id"], row["type"]) == ("192.0.2.9", "OpenSSH", ann.id, "ssh")
        assert (row["connection_id"], row["replica_id"]) == (visit.connection_id, replica)
        assert row["disconnect_time"] is None
        visit.reason, visit.exit_code = "done", 3
        clock.advance(timedelta(seconds=60))
    row = (await stored(db))[0]
    assert (row["disconnect_time"] - row["connect_time"]).total_seconds() == 60
    assert (row["disconnect_reason"], row["exit_code"]) == ("done", 3)


@pytest.mark.requirement("CONNLOG-WRITE-01")
async def test_an_end_by_force_or_by_error_is_written_as_well(db: Database, accounts: Accounts) -> None:
    ann = await accounts.make()
    place = Place(**await make_place(db, ann), workspace_name="dev", agent_name="main")
    entered = asyncio.Event()

    async def stay() -> None:
        async with connections.logged(db, place, user_id=ann.id, kind="reconnecting_pty", replica_id=new_id()):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stay())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(RuntimeError):
        async with connections.logged(db, place, user_id=ann.id, kind="ssh", replica_id=new_id()):
            raise RuntimeError
    assert {row["type"]: row["disconnect_reason"] for row in await stored(db)} == {
        "reconnecting_pty": connections.CUT_OFF, "ssh": connections.LEFT,
    }  # fmt: skip
    assert all(row["disconnect_time"] for row in await stored(db))


@pytest.mark.requirement("CONNLOG-SWEEP-01")
async def test_what_dead_servers_left_open_gets_its_end(db: Database, accounts: Accounts, clock: FakeClock) -> None:
    place = await make_place(db, await accounts.make())
    now = clock.now()
    servers = {"alive": (now, None), "silent": (now - timedelta(minutes=5), None), "stopped": (now, now)}
    ids = {name: new_id() for name in servers}
    for name, (seen, stopped) in servers.items():
        await db.execute(
            "insert into replicas (id, hostname, version, started_at, updated_at, stopped_at) values ($1, '', '', $2, $2, $3)",
            ids[name], seen, stopped,
        )  # fmt: skip
    rows = {name: await connect(db, place, replica_id=ids.get(name)) for name in ("alive", "silent", "stopped", "lost")}
    web = await connect(db, place, type="workspace_app", connection_id=None)
    ended = await connect(db, place, replica_id=ids["silent"], disconnect_time=T0, disconnect_reason="done")
    assert await tasks.sweep_once(db) == 3
    assert await tasks.sweep_once(db) == 0
    found = {row["id"]: row for row in await stored(db)}
    assert found[rows["alive"].id]["disconnect_time"] is None
    assert found[rows["silent"].id]["disconnect_time"] == now - timedelta(minutes=5)
    assert found[rows["stopped"].id]["disconnect_time"] == now == found[rows["lost"].id]["disconnect_time"]
    assert found[rows["lost"].id]["disconnect_reason"] == connections.SERVER_ENDED
    assert found[web.id]["disconnect_time"] is None
    assert found[ended.id]["disconnect_reason"] == "done"


@pytest.mark.requirement("CONNLOG-SEARCH-01")
async def test_every_key_finds_its_connections_and_no_others(db: Database, accounts: Accounts) -> None:
    ann, bob = await accounts.make(), await accounts.make()
    of_ann, of_bob = await make_place(db, ann), await make_place(db, bob)
    other = await connect(db, of_bob, 60, user_id=bob.id, type="vscode", disconnect_time=T0)
    one = await connect(db, of_ann, 0, user_id=ann.id)
    for query in (
        f"workspace_owner:{ann.username}", f"workspace_owner_email:{ann.email}", "type:ssh", "TYPE:SSH", f"username:{ann.id}",
        f"username:{ann.username}", f"user_email:{ann.email.upper()}", "connected_after:2026-03-01T11:30:00Z",
        f"workspace_id:{one.workspace_id}", f"connection_id:{one.connection_id}", "status:ongoing",
        f"organization:coder type:ssh username:{ann.username} status:ongoing connected_after:2026-03-01",
    ):  # fmt: skip
        assert await find(db, query) == [one.id], query
    for query in ("connected_before:2026-03-01T11:30:00Z", "status:completed", "type:vscode"):
        assert await find(db, query) == [other.id], query
    assert await find(db, "organization:coder") == [one.id, other.id] == await find(db)
    assert await find(db, "workspace_owner:me", reader("owner")) == []
    assert await find(db, "", offset=1, limit=1) == [other.id] == await find(db, "", after_id=one.id)


@pytest.mark.requirement("CONNLOG-SEARCH-01")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("dev", "q"), ("colour:red", "q"), ("type:telnet", "type"), ("status:maybe", "status"),
        ("connected_after:soon", "connected_after"), ("workspace_id:7", "workspace_id"),
        ("connection_id:x", "connection_id"), ("organization:nowhere", "organization"),
    ],
)  # fmt: skip
async def test_a_bad_search_names_the_key(db: Database, query: str, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await find(db, query)
    assert caught.value.validations[0].field == field


@pytest.mark.requirement("CONNLOG-READ-01")
async def test_readers_see_the_connections_of_their_organizations(db: Database, accounts: Accounts) -> None:
    ann, elsewhere = await accounts.make(), await make_organization(db, "elsewhere")
    here = await connect(db, await make_place(db, ann), 0)
    there = await connect(db, await make_place(db, ann, elsewhere), 1)
    assert await find(db, "", reader("auditor")) == [here.id, there.id] == await find(db, "", reader("owner"))
    for role in ("organization-auditor", "organization-admin"):
        assert await find(db, "", reader(f"{role}:{elsewhere}")) == [there.id], role
    both = reader(f"organization-auditor:{elsewhere}", f"organization-auditor:{DEFAULT_ORGANIZATION_ID}")
    assert await find(db, "", both) == [here.id, there.id]
    found = await list_connection_logs(db, subject=both, query="", page=Page(limit=1))
    assert (len(found.connection_logs), found.count) == (1, 2)
    assert await find(db, "", ann.me) == [], "not even of one's own workspaces"


@pytest.mark.requirement("CONNLOG-READ-01")
async def test_a_connection_shows_where_it_went_and_how_it_ended(db: Database, accounts: Accounts) -> None:
    ann, bob = await accounts.make(), await accounts.make()
    place = await make_place(db, ann)
    await connect(db, place, user_id=bob.id, disconnect_time=T0, disconnect_reason="done", exit_code=1)
    await connect(
        db, place, 1, type="port_forwarding", connection_id=None, slug_or_port="8080", status_code=200, user_id=bob.id
    )
    found = await list_connection_logs(db, subject=AUDITOR, query="", page=Page())
    first, web = found.connection_logs
    assert (first.workspace_owner_username, first.organization.name, first.web_info) == (ann.username, "coder", None)
    assert first.ssh_info is not None
    assert first.ssh_info.user is not None
    assert (first.ssh_info.user.username, first.ssh_info.disconnect_reason) == (bob.username, "done")
    assert (first.ssh_info.disconnect_time, first.ssh_info.exit_code) == (T0, 1)
    assert web.web_info is not None
    assert web.ssh_info is None
    assert (web.web_info.slug_or_port, web.web_info.status_code) == ("8080", 200)
