"""Parts of the agent program that need no server."""

import asyncio
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from homeport.agents import schemas
from homeport.workspaces.schemas.agents import WorkspaceAgentScript
from homeport_agent import ports
from homeport_agent.agent import state_after_start
from homeport_agent.backoff import Backoff
from homeport_agent.client import AgentClient
from homeport_agent.collecting import is_answering
from homeport_agent.environment import Surroundings
from homeport_agent.ports import listening_ports
from homeport_agent.processes import Processes
from homeport_agent.schedules import next_time
from homeport_agent.scripts import Outcome
from homeport_agent.shipping import QUEUE_BYTES, LogShipper
from homeport_agent.terminals import REPLAY_BYTES, Terminal, Terminals
from homeport_agent.transport import StreamTransport
from homeport_sdk import agent_protocol
from tests.support.owners import is_alive
from tests.support.waiting import until


def manifest(**more: object) -> agent_protocol.AgentManifest:
    fields = {
        "agent_id": uuid4(), "agent_name": "main", "owner_username": "ada", "workspace_id": uuid4(), "workspace_name": "dev",
        "ssh": agent_protocol.ManifestSSH(client_public_key=""), **more,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(fields), agent_protocol.AgentManifest)


class Viewer:
    """Remembers what a terminal shows."""

    def __init__(self) -> None:
        self.shown, self.status = b"", 12345

    def show(self, data: bytes) -> None:
        self.shown += data

    def terminal_ended(self, status: int) -> None:
        self.status = status


async def start(terminal: Terminal, command: str) -> None:
    await terminal.start(
        Processes(), ["/bin/sh", "-c", command], environment={"PATH": "/usr/bin:/bin"}, directory="/", size=(80, 24)
    )


@pytest.mark.requirement("AGENT-TERMINAL-01")
async def test_terminal_replays_its_last_64_kib() -> None:
    terminal, viewer, late = Terminal(), Viewer(), Viewer()
    await start(terminal, "stty -onlcr; head -c 200000 /dev/zero | tr '\\0' x; echo end; exit 7")
    terminal.attach(viewer, with_replay=False)
    await terminal.has_ended.wait()
    assert viewer.status == 7
    terminal.attach(late, with_replay=True)
    assert len(late.shown) == REPLAY_BYTES
    assert late.shown.endswith(b"xend\n")
    assert late.status == 7


@pytest.mark.requirement("AGENT-TERMINAL-01")
async def test_terminal_that_nobody_watches_ends() -> None:
    terminals, terminal, viewer = Terminals(idle_seconds=0.05), Terminal(), Viewer()
    await start(terminal, "echo up; sleep 1000")
    # Before its shell runs, a hang-up would reach nobody.
    terminal.attach(viewer, with_replay=True)
    await until(lambda: b"up" in viewer.shown)
    terminals.keep("key", terminal)
    terminals.visit("key")
    assert terminals.find("key") is terminal
    terminals.leave("key")
    await asyncio.wait_for(terminal.has_ended.wait(), 10)
    assert terminals.find("key") is None


async def test_paused_viewer_stops_the_shell() -> None:
    terminal, viewer = Terminal(), Viewer()
    await start(terminal, "yes")
    terminal.attach(viewer, with_replay=False)
    await until(lambda: bool(viewer.shown))
    terminal.pause(viewer)
    size = len(viewer.shown)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(viewer.shown) == size
    terminal.resume(viewer)
    await until(lambda: len(viewer.shown) > size)
    terminal.hang_up()
    await asyncio.wait_for(terminal.has_ended.wait(), 10)


async def test_collecting_orphans_takes_no_exit_status_away(monkeypatch: pytest.MonkeyPatch) -> None:
    processes, real = Processes(), asyncio.create_subprocess_exec

    async def slow(*arguments: str, **more: Any) -> asyncio.subprocess.Process:
        process = await real(*arguments, **more)
        # It has ended by now, and nobody has noted yet that it is a child and no orphan.
        await until(lambda: not is_alive(process.pid))
        processes.reap_orphans()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow)
    nothing = os.open(os.devnull, os.O_RDWR)
    child = await processes.spawn(
        ["/bin/sh", "-c", "exit 7"], environment={}, directory="/", stdin=nothing, stdout=nothing, stderr=nothing
    )
    os.close(nothing)
    assert await child.wait() == 7


async def test_command_that_does_not_exist_leaves_nothing_behind() -> None:
    with pytest.raises(OSError, match="nonexistent"):
        await Terminal().start(Processes(), ["/nonexistent"], environment={}, directory="/", size=(80, 24))


async def test_a_terminal_shows_what_its_shell_says_last() -> None:
    terminal, viewer = Terminal(), Viewer()
    await start(terminal, "stty -onlcr; head -c 150000 /dev/zero | tr '\\0' x; printf end")
    terminal.attach(viewer, with_replay=False)
    await asyncio.wait_for(terminal.has_ended.wait(), 10)
    assert viewer.shown.endswith(b"xend")


async def test_terminals_that_have_ended_leave_nothing_behind() -> None:
    terminals = Terminals()
    for number in range(3):
        terminal = Terminal()
        async with terminals.lock(f"key-{number}"):
            await start(terminal, "exit")
            terminals.keep(f"key-{number}", terminal)
        await asyncio.wait_for(terminal.has_ended.wait(), 10)
    last = Terminal()
    await start(last, "exit")
    terminals.keep("last", last)
    assert list(terminals._terminals) == ["last"]
    assert terminals._starting == {}
    await asyncio.wait_for(last.has_ended.wait(), 10)


@pytest.mark.requirement("AGENT-METADATA-01")
async def test_an_app_that_never_stops_talking_is_healthy() -> None:
    has_ended = asyncio.Event()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"data: more\n\n")
                await writer.drain()
                await asyncio.sleep(0.001)
        has_ended.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, httpx.AsyncClient(trust_env=False) as http:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await asyncio.wait_for(is_answering(http, url), 10)
        # Whoever has asked hangs up; a talker that were cut off with the test would be an error of its own.
        await asyncio.wait_for(has_ended.wait(), 10)
        assert not await is_answering(http, "http://127.0.0.1:1")


@pytest.mark.requirement("AGENT-FORWARD-01")
def test_on_a_shared_network_only_the_workspaces_own_ports_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as own:
        port = own.getsockname()[1]
        monkeypatch.setenv("HOMEPORT_AGENT_NETWORK", "shared")
        assert port in {found.port for found in listening_ports()}
        # As if it were somebody else's: no process that is seen has it open.
        monkeypatch.setattr(ports, "_socket_owners", lambda _: {})
        assert listening_ports() == []
        monkeypatch.delenv("HOMEPORT_AGENT_NETWORK")
        assert port in {found.port for found in listening_ports()}


def test_folders_and_variables_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    surroundings = Surroundings(
        manifest(directory="~/$KIND", environment_variables={"KIND": "code"}), url="http://h", token="t"
    )
    assert surroundings.expanded_directory == f"{tmp_path}/code"
    assert surroundings.directory == str(tmp_path)
    (tmp_path / "code").mkdir()
    assert surroundings.directory == f"{tmp_path}/code"
    values = surroundings.variables({"KIND": "session"})
    assert (values["KIND"], values["CODER_WORKSPACE_NAME"], values["HOMEPORT_AGENT_TOKEN"]) == ("session", "dev", "t")
    assert surroundings.expand("relative/log") == f"{tmp_path}/relative/log"


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([], "ready"),
        (["ok", "pipes_left_open"], "ready"),
        (["ok", "timed_out"], "start_timeout"),
        (["timed_out", "exit_failure"], "start_error"),
    ],
)
def test_state_after_the_start(statuses: list[agent_protocol.ScriptStatus], state: str) -> None:
    assert state_after_start([Outcome(0, status) for status in statuses]) == state


def test_pauses_grow_to_a_bound_and_start_over() -> None:
    backoff = Backoff(first=1.0, most=10.0)
    pauses = [backoff.next_pause() for _ in range(50)]
    assert all(0.5 <= pause <= 10.0 for pause in pauses)
    assert min(pauses[10:]) >= 5.0
    backoff.reset()
    assert backoff.next_pause() <= 1.0


def test_next_time_of_a_schedule() -> None:
    after = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
    assert (next_time("* * * * *", after) - after).total_seconds() == 30
    assert (next_time("*/5 * * * * *", after) - after).total_seconds() == 5


async def test_log_queue_is_bounded() -> None:
    client = AgentClient("http://127.0.0.1:1", "t")
    shipper = LogShipper(client)
    for _ in range(200):
        shipper.add(uuid4(), "x" * 10_000 + "\0")
    assert shipper._size <= QUEUE_BYTES
    assert shipper._dropped == 200 - len(shipper._queue)
    assert all("\0" not in line.output for _, line in shipper._queue)
    await client.close()


class Sink(asyncio.Protocol):
    """Notes what a transport does to its protocol."""

    def __init__(self) -> None:
        self.received, self.events, self.lost = b"", list[str](), asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@pytest.mark.requirement("AGENT-TRANSPORT-01")
async def test_transport_keeps_order_and_slows_its_protocol() -> None:
    incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
    sent, gate, sink = bytearray(), asyncio.Event(), Sink()

    async def send(data: bytes) -> None:
        await gate.wait()
        sent.extend(data)

    transport = StreamTransport(sink, incoming.get, send, peer="test")
    task = asyncio.create_task(transport.run())
    pieces = [bytes([number % 256]) * 50_000 for number in range(60)]
    for piece in pieces:
        transport.write(piece)
    assert sink.events == ["pause"]
    gate.set()
    incoming.put_nowait(b"hello")
    await until(lambda: len(sent) == 3_000_000 and sink.received == b"hello")
    assert bytes(sent) == b"".join(pieces)
    assert sink.events == ["pause", "resume"]
    transport.write(b"last")
    transport.close()
    await task
    assert sent.endswith(b"last")
    assert sink.lost.is_set()


@pytest.mark.requirement("AGENT-PROTOCOL-01")
def test_program_and_server_speak_alike() -> None:
    """What the server's structs encode, the SDK's decode, and the other way round."""
    told = schemas.AgentManifest(
        agent_id=uuid4(), agent_name="main", parent_id=None, owner_username="ada", owner_email="a@b", owner_name="Ada",
        workspace_id=uuid4(), workspace_name="dev", environment_variables={"A": "b"}, directory="/", motd_path="",
        scripts=[
            WorkspaceAgentScript(
                id=uuid4(), log_source_id=uuid4(), log_path="", script="true", cron="", run_on_start=True, run_on_stop=False,
                start_blocks_login=False, timeout=3, display_name="S",
            )
        ],
        apps=[
            schemas.AgentManifestApp(
                id=uuid4(), slug="web", url="", health="healthy",
                healthcheck=schemas.AgentManifestHealthcheck(url="u", interval=1, threshold=2),
            )
        ],
        metadata=[schemas.AgentManifestMetadata(key="k", display_name="K", script="true", interval=1, timeout=2)],
        devcontainers=[
            schemas.AgentManifestDevcontainer(id=uuid4(), name="d", workspace_folder="/src", config_path="/src/c.json")
        ],
        resources_monitoring=schemas.AgentManifestMonitoring(
            memory=schemas.AgentManifestMonitor(enabled=True, threshold=90),
            volumes=[schemas.AgentManifestMonitor(enabled=False, threshold=70, path="/home")],
        ),
        display_apps=["vscode"], access_url="http://h", ssh=schemas.AgentManifestSSH(client_public_key="ssh-ed25519 A"),
        heartbeat_seconds=15,
    )  # fmt: skip
    heard = msgspec.json.decode(msgspec.json.encode(told), type=agent_protocol.AgentManifest)
    assert msgspec.to_builtins(heard) == msgspec.to_builtins(told)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for said, type_ in (
        (agent_protocol.PostLifecycle(state="ready", changed_at=now), schemas.PostLifecycleRequest),
        (agent_protocol.Stats(rx_bytes=5), schemas.AgentStats),
        (agent_protocol.PostAppHealth(healths={uuid4(): "healthy"}), schemas.PostAppHealthRequest),
        (
            agent_protocol.PatchLogs(log_source_id=uuid4(), logs=[agent_protocol.LogLine(created_at=now, output="x")]),
            schemas.PatchLogs,
        ),
        (
            agent_protocol.PostMetadata(metadata=[agent_protocol.MetadataResult(key="k", collected_at=now, value="v")]),
            schemas.PostMetadataRequest,
        ),
        (
            agent_protocol.ScriptTiming(
                script_id=uuid4(), started_at=now, ended_at=now, exit_code=0, stage="start", status="ok"
            ),
            schemas.ScriptTimingRequest,
        ),
        (
            agent_protocol.PostStartup(
                version="v1.0.0", expanded_directory="", operating_system="linux", architecture="amd64", ssh_host_key=""
            ),
            schemas.PostStartupRequest,
        ),
    ):
        decoded = msgspec.json.decode(msgspec.json.encode(said), type=type_)
        assert msgspec.to_builtins(decoded) == msgspec.to_builtins(said)
