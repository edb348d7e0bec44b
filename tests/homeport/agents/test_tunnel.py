"""The tunnel end to end: a real HTTP server, the real agent program, SSH between them."""

import asyncio
import hashlib
import os
from pathlib import Path

import asyncssh
import pytest

from homeport.agents.errors import AgentNotConnected
from homeport.database import Database
from tests.homeport.agents.conftest import Builder, Deployment, Programs, serving
from tests.support.owners import is_alive
from tests.support.waiting import until


@pytest.mark.requirement("AGENT-TUNNEL-01")
async def test_command_runs_with_its_status_and_streams(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    connection = await deployment.switchboard.open_connection(placed.agent_id)
    result = await connection.exec("cat; echo oops >&2; exit 7", stdin=b"\x00\xffbinary")
    assert (result.exit_status, result.stdout, result.stderr) == (7, b"\x00\xffbinary", b"oops\n")
    killed = await connection.exec("kill -TERM $$")
    assert (killed.exit_status, killed.exit_signal) == (None, "TERM")
    variables = await connection.exec("echo $CODER $CODER_WORKSPACE_NAME $EXTRA", environment={"EXTRA": "more"})
    assert variables.stdout.decode().split() == ["true", placed.workspace_name, "more"]


@pytest.mark.requirement("AGENT-TUNNEL-02")
async def test_hundred_megabytes_through_a_port_both_ways(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    connection = await deployment.switchboard.open_connection(placed.agent_id)
    total, chunk = 100 * 1024 * 1024, os.urandom(1 << 18)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await connection.open_tcp("127.0.0.1", server.sockets[0].getsockname()[1])

    async def push() -> None:
        for _ in range(total // len(chunk)):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()

    pushing = asyncio.create_task(push())
    digest, received = hashlib.sha256(), 0
    while data := await reader.read(1 << 18):
        digest.update(data)
        received += len(data)
    await pushing
    server.close()
    expected = hashlib.sha256()
    for _ in range(total // len(chunk)):
        expected.update(chunk)
    assert received == total
    assert digest.digest() == expected.digest()


@pytest.mark.requirement("AGENT-SFTP-02")
async def test_a_pipe_does_not_keep_the_agent_waiting(
    deployment: Deployment, build: Builder, programs: Programs, tmp_path: Path
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    connection = await deployment.switchboard.open_connection(placed.agent_id)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    async with connection.sftp() as client:
        for name in ("pipe", "link"):
            with pytest.raises(asyncssh.SFTPFailure, match="This is a pipe"):
                await client.open(str(tmp_path / name), "rb")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.open(str(tmp_path / "nothing"), "rb")
        async with client.open(os.devnull, "wb") as file:
            await file.write(b"gone")
    assert (await connection.exec("echo here")).stdout == b"here\n"


@pytest.mark.requirement("AGENT-SSH-02")
async def test_a_command_ends_with_its_connection(deployment: Deployment, build: Builder, programs: Programs) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    connection = await deployment.switchboard.open_connection(placed.agent_id)
    process = await connection.open_process("sleep 1000 & echo $!; wait")
    pid = int(await process.stdout.readline())
    assert is_alive(pid)
    process.close()
    await until(lambda: not is_alive(pid))


async def test_only_ports_of_the_workspace_are_reached(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    connection = await deployment.switchboard.open_connection(placed.agent_id)
    with pytest.raises(Exception, match="did not answer as it should") as refused:
        await connection.open_tcp("192.0.2.1", 80)
    assert "workspace itself" in getattr(refused.value, "detail", "")


@pytest.mark.requirement("AGENT-RECONNECT-01")
async def test_server_restart_brings_the_agent_back(
    db: Database, build: Builder, programs: Programs, deployment: Deployment
) -> None:
    placed = await build.workspace()
    async with serving(db, deployment.cipher) as first:
        port = int(first.url.rsplit(":", 1)[1])
        program = await programs.connected(first, placed)
    with pytest.raises(AgentNotConnected, match="not connected"):
        await first.switchboard.open_connection(placed.agent_id)
    async with serving(db, deployment.cipher, port=port) as second:
        await until(lambda: placed.agent_id in second.switchboard._tunnels, seconds=30)
        connection = await second.switchboard.open_connection(placed.agent_id)
        assert (await connection.exec("echo back")).stdout == b"back\n"
        assert program.process.poll() is None


@pytest.mark.requirement("AGENT-STATUS-01")
async def test_connection_times_and_reasons_are_kept(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    program = await programs.connected(deployment, placed)

    async def status() -> tuple[str, str]:
        agent = (await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}")).json()
        return agent["status"], agent["health"].get("reason", "")

    async def is_connected() -> bool:
        return (await status())[0] == "connected"

    await until(is_connected)
    before = await build.column(placed.agent_id, "last_connected_at")
    await deployment.switchboard.keep_times()
    assert await build.column(placed.agent_id, "last_connected_at") > before
    program.kill()

    async def is_disconnected() -> bool:
        return (await status())[0] == "disconnected"

    await until(is_disconnected)
    assert "the agent has ended or the network is down" in (await status())[1]
    assert await build.column(placed.agent_id, "disconnected_at") is not None


@pytest.mark.requirement("AGENT-REPLACE-01")
async def test_newer_tunnel_replaces_the_older(
    deployment: Deployment, build: Builder, programs: Programs, tmp_path: Path
) -> None:
    placed = await build.workspace()
    older = await programs.connected(deployment, placed, home="older")
    first = deployment.switchboard._tunnels[placed.agent_id]
    newer = programs.start(deployment.url, placed.token, home="newer")
    # Both show their own host key; the newer one has reported its own last.
    await until(lambda: deployment.switchboard._tunnels.get(placed.agent_id) not in {None, first}, seconds=20)
    connection = await deployment.switchboard.open_connection(placed.agent_id)
    assert (await connection.exec("echo $HOME")).stdout.decode().strip() == str(newer.home)
    await until(lambda: "a newer connection of this agent took over" in older.text())
    assert await build.column(placed.agent_id, "disconnected_at") is None


@pytest.mark.requirement("AGENT-OUTDATED-01")
async def test_tunnel_of_an_older_build_is_closed(deployment: Deployment, build: Builder, programs: Programs) -> None:
    placed = await build.workspace()
    program = await programs.connected(deployment, placed)
    await build.build(placed.owner, placed.workspace_id, placed.version_id, 2)
    await deployment.switchboard.keep_times()
    await until(lambda: placed.agent_id not in deployment.switchboard._tunnels)
    answer = await deployment.call(placed.headers, "GET", "/me/manifest")
    assert answer.status_code == 403
    assert "older build" in answer.json()["message"]
    await until(lambda: "newer build" in program.text() or "older build" in program.text())


@pytest.mark.requirement("AGENT-TOKEN-01")
async def test_agent_waits_for_its_row(deployment: Deployment, build: Builder, programs: Programs) -> None:
    placed = await build.workspace()
    token = "7c1f3f0e-2222-4444-8888-a6a3b7a3d001"
    program = programs.start(deployment.url, token)
    await until(lambda: "does not know this agent's token (yet)" in program.text(), seconds=20)
    late, _ = await build.agent(placed.resource_id, token=token, name="late")
    await until(lambda: late in deployment.switchboard._tunnels, seconds=20)
    assert program.process.poll() is None
