"""Who enters through an agent is written down when they come and when they leave, by each way in."""

from typing import Any

import pytest

from homeport.agents.service.visits import ENDED_INSIDE
from homeport.audit.service.connections import LEFT
from homeport.kit.ids import new_id
from tests.homeport.agents.conftest import Builder, Deployment, Placed, Programs
from tests.homeport.agents.test_people import terminal
from tests.support.waiting import until


async def rows(deployment: Deployment, placed: Placed) -> list[dict[str, Any]]:
    """Return the connections to a workspace, the oldest first."""
    found = await deployment.db.fetch(
        "select * from connection_logs where workspace_id = $1 order by connect_time", placed.workspace_id
    )
    return [dict(row) for row in found]


@pytest.mark.requirement("CONNLOG-WRITE-01")
async def test_a_terminal_is_written_down_with_its_end(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    screen = await terminal(deployment, placed, str(new_id()))
    await screen.type("echo here-$((1+1))\n")
    await screen.sees("here-2")
    (row,) = await rows(deployment, placed)
    assert (row["type"], row["user_id"], row["ip"]) == ("reconnecting_pty", placed.owner.id, "127.0.0.1")
    assert (row["workspace_name"], row["workspace_owner_id"]) == (placed.workspace_name, placed.owner.id)
    assert row["disconnect_time"] is None
    assert row["replica_id"] == deployment.switchboard.replica_id
    await screen.type("exit 3\n")

    async def ended() -> bool:
        return (await rows(deployment, placed))[0]["disconnect_time"] is not None

    await until(ended)
    (row,) = await rows(deployment, placed)
    assert (row["disconnect_reason"], row["exit_code"]) == (ENDED_INSIDE, 3)
    await screen.leave()


@pytest.mark.requirement("CONNLOG-WRITE-01")
async def test_ssh_is_written_down_once_a_connection_whatever_runs_in_it(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    inner = await deployment.inner_ssh(placed)
    for _ in range(3):
        assert (await inner.ssh.run("true")).exit_status == 0
    (row,) = await rows(deployment, placed)
    assert (row["type"], row["disconnect_time"]) == ("ssh", None)
    await inner.close()

    async def ended() -> bool:
        return (await rows(deployment, placed))[0]["disconnect_time"] is not None

    await until(ended)
    (row,) = await rows(deployment, placed)
    assert (row["disconnect_reason"], row["exit_code"]) == (LEFT, None), "what ran inside is not seen from here"


@pytest.mark.requirement("CONNLOG-WRITE-01")
async def test_who_is_not_let_in_is_not_written_down(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    stranger = await build.accounts.make()
    with pytest.raises(Exception, match="404"):
        await deployment.inner_ssh(placed, stranger)
    with pytest.raises(Exception, match="400"):
        await deployment.inner_ssh(placed)
    assert await rows(deployment, placed) == []
