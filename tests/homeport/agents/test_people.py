"""What people do with agents over the real server: terminals, SSH, SFTP, logs, metadata, ports."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from homeport.kit.ids import new_id
from tests.homeport.agents.conftest import Builder, Deployment, Placed, Programs
from tests.support.accounts import Accounts
from tests.support.waiting import until


class Screen:
    """Collects what a terminal's WebSocket shows."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket, self.shown = socket, b""
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            self.shown += message if isinstance(message, bytes) else message.encode()

    async def type(self, text: str) -> None:
        await self.socket.send(json.dumps({"data": text}))

    async def sees(self, text: str, *, seconds: float = 10.0) -> None:
        try:
            await until(lambda: text.encode() in self.shown, seconds=seconds)
        except AssertionError:
            raise AssertionError(f"{text!r} is not in {self.shown!r}") from None

    async def leave(self) -> None:
        await self.socket.close()
        await asyncio.gather(self._task, return_exceptions=True)


async def terminal(deployment: Deployment, placed: Placed, key: str, *, size: str = "width=100&height=30") -> Screen:
    return Screen(await deployment.websocket(placed.owner.headers, f"/{placed.agent_id}/pty?reconnect={key}&{size}"))


@pytest.mark.requirement("AGENT-PTY-01")
async def test_terminal_replays_and_follows_the_window(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    key = str(new_id())
    first = await terminal(deployment, placed, key)
    await first.type("export MARK=kept; stty size; echo one-$((20+3))\n")
    await first.sees("30 100")
    await first.sees("one-23")
    await first.leave()
    second = await terminal(deployment, placed, key)
    await second.sees("one-23")
    await second.socket.send(json.dumps({"width": 132, "height": 43}))
    await second.type("stty size; echo two-$MARK\n")
    await second.sees("43 132")
    await second.sees("two-kept")
    third = await terminal(deployment, placed, key)
    await third.sees("two-kept")
    await third.type("echo both-$((40+2)); exit\n")
    await second.sees("both-42")
    await third.sees("both-42")
    await until(lambda: second.socket.close_code is not None and third.socket.close_code is not None)
    other = await terminal(deployment, placed, key)
    await other.type("echo new-$MARK-$((1+1))\n")
    await other.sees("new--2")
    assert b"both-42" not in other.shown
    await other.leave()


@pytest.mark.requirement("AGENT-PTY-02")
async def test_terminal_refuses_what_cannot_be(
    deployment: Deployment, build: Builder, programs: Programs, accounts: Accounts
) -> None:
    placed = await build.workspace()
    path = f"/{placed.agent_id}/pty?reconnect={new_id()}"

    async def refusal(headers: dict[str, str], path: str) -> tuple[int, Any]:
        with pytest.raises(InvalidStatus) as refused:
            await deployment.websocket(headers, path)
        return refused.value.response.status_code, json.loads(refused.value.response.body or b"{}")

    status, body = await refusal(placed.owner.headers, path)
    assert (status, body["message"]) == (400, "The workspace agent is not connected.")
    await programs.connected(deployment, placed)
    status, body = await refusal(placed.owner.headers, f"/{placed.agent_id}/pty?reconnect=nonsense")
    assert (status, body["validations"][0]["field"]) == (400, "reconnect")
    assert (await refusal((await accounts.make("member")).headers, path))[0] == 404
    assert (await refusal((await accounts.make("organization-admin")).headers, path))[0] == 403
    assert (await refusal({}, path))[0] == 401
    assert (await refusal(placed.owner.headers, f"/{new_id()}/pty?reconnect={new_id()}"))[0] == 404


@pytest.mark.requirement("AGENT-SSH-01")
async def test_inner_ssh_commands_terminals_and_half_close(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    inner = await deployment.inner_ssh(placed)
    result = await inner.ssh.run("exit 3")
    assert result.exit_status == 3
    result = await inner.ssh.run("kill -KILL $$")
    assert result.exit_signal is not None
    assert result.exit_signal[0] == "KILL"
    data = os.urandom(3_000_000)
    hashed = await inner.ssh.run("sha256sum; echo after", input=data, encoding=None)
    assert hashed.stdout == f"{hashlib.sha256(data).hexdigest()}  -\nafter\n".encode()
    async with inner.ssh.create_process(term_type="xterm", term_size=(90, 20)) as process:
        process.stdin.write("stty size\n")
        await asyncio.wait_for(process.stdout.readuntil("20 90"), 10)
        process.change_terminal_size(111, 44)
        process.stdin.write("stty size; tty\n")
        await asyncio.wait_for(process.stdout.readuntil("44 111"), 10)
        process.stdin.write("bash -c 'echo started-$((1+1)); exec sleep 1000'\n")
        await asyncio.wait_for(process.stdout.readuntil("started-2"), 10)
        process.stdin.write("\x03")
        await asyncio.wait_for(process.stdout.readuntil("^C"), 10)
        process.stdin.write("exit 5\n")
        assert (await asyncio.wait_for(process.wait(), 10)).exit_status == 5
    async with inner.ssh.create_process(
        "trap 'echo caught; exit 9' USR1; echo ready; while :; do sleep 0.02; done"
    ) as process:
        await process.stdout.readline()
        process.send_signal("USR1")
        assert (await asyncio.wait_for(process.wait(), 10)).exit_status == 9
    # A background process that holds the output does not hold the session.
    quick = await asyncio.wait_for(inner.ssh.run("sleep 1000 & echo $!"), 15)
    os.kill(int(str(quick.stdout).strip()), 0)
    assert (await inner.ssh.run("/nonexistent/program")).exit_status == 127
    await inner.close()


@pytest.mark.requirement("AGENT-SFTP-01")
async def test_fifty_megabytes_by_sftp(
    deployment: Deployment, build: Builder, programs: Programs, tmp_path: Path
) -> None:
    placed = await build.workspace()
    program = await programs.connected(deployment, placed)
    inner = await deployment.inner_ssh(placed)
    source = tmp_path / "big"
    source.write_bytes(os.urandom(50 * 1024 * 1024))
    async with inner.ssh.start_sftp_client() as sftp:
        await sftp.put(str(source), "copy")
        await sftp.get("copy", str(tmp_path / "back"))
        assert sorted(name for name in await sftp.listdir(".") if not str(name).startswith(".")) == ["copy"]
    digest = hashlib.sha256(source.read_bytes()).digest()
    assert hashlib.sha256((program.home / "copy").read_bytes()).digest() == digest
    assert hashlib.sha256((tmp_path / "back").read_bytes()).digest() == digest
    await inner.close()


PROXY = """
import asyncio, os, sys
from websockets.asyncio.client import connect
async def main():
    url, token = sys.argv[1:]
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    async with connect(url, additional_headers={"Coder-Session-Token": token}, compression=None, max_size=None) as socket:
        async def up():
            while data := await reader.read(65536):
                await socket.send(data)
        task = asyncio.create_task(up())
        async for message in socket:
            view = memoryview(message)
            while view:
                view = view[os.write(1, view):]
        task.cancel()
asyncio.run(main())
"""


@pytest.mark.requirement("AGENT-OPENSSH-01")
@pytest.mark.skipif(not shutil.which("ssh"), reason="OpenSSH is not installed")
async def test_openssh_itself(deployment: Deployment, build: Builder, programs: Programs, tmp_path: Path) -> None:
    placed = await build.workspace()
    program = await programs.connected(deployment, placed)
    (tmp_path / "proxy.py").write_text(PROXY)
    url = deployment.url.replace("http", "ws", 1) + f"/api/v2/workspaceagents/{placed.agent_id}/ssh"
    (tmp_path / "config").write_text(
        f"Host ws\n  ProxyCommand {sys.executable} {tmp_path}/proxy.py {url} {placed.owner.token}\n"
        "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
    )

    async def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return await asyncio.to_thread(
            subprocess.run, words, input=stdin, capture_output=True, timeout=60, cwd=tmp_path, check=False
        )

    config = ["-F", str(tmp_path / "config")]
    done = await run("ssh", *config, "ws", "cat; exit 4", stdin=b"in\x00put")
    assert (done.returncode, done.stdout) == (4, b"in\x00put"), done.stderr
    data = os.urandom(50 * 1024 * 1024)
    (tmp_path / "big").write_bytes(data)
    assert (await run("scp", *config, "big", "ws:up")).returncode == 0
    assert (await run("scp", *config, "ws:up", "down")).returncode == 0
    assert (tmp_path / "down").read_bytes() == data == (program.home / "up").read_bytes()
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(50):
        (tree / f"file{number}").write_text(str(number) * 100)
    if shutil.which("rsync"):
        copied = await run("rsync", "-a", "-e", f"ssh -F {tmp_path}/config", f"{tree}/", "ws:tree/")
        assert copied.returncode == 0, copied.stderr
        assert (program.home / "tree/file49").read_text() == "49" * 100
    made = await run("ssh", *config, "ws", "git init -q --bare repo.git")
    assert made.returncode == 0, made.stderr
    for words in (
        ("git", "init", "-q", "work"),
        ("git", "-C", "work", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"),
        (
            "git",
            "-C",
            "work",
            "-c",
            f"core.sshCommand=ssh -F {tmp_path}/config",
            "push",
            "-q",
            "ws:repo.git",
            "HEAD:main",
        ),
    ):
        done = await run(*words)
        assert done.returncode == 0, done.stderr
    terminal = await run("ssh", "-tt", *config, "ws", "tty && stty size; exit 6")
    assert terminal.returncode == 6
    assert b"/dev/pts/" in terminal.stdout


@pytest.mark.requirement("AGENT-FORWARD-01")
async def test_forwarding_in_both_directions(deployment: Deployment, build: Builder, programs: Programs) -> None:
    placed = await build.workspace()
    await programs.connected(deployment, placed)
    inner = await deployment.inner_ssh(placed)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    local = await inner.ssh.forward_local_port("127.0.0.1", 0, "127.0.0.1", port)
    reader, writer = await asyncio.open_connection("127.0.0.1", local.get_port())
    writer.write(b"local\n")
    assert await reader.read() == b"hello local\n"
    remote = await inner.ssh.forward_remote_port("127.0.0.1", 0, "127.0.0.1", port)
    command = f"exec 3<>/dev/tcp/127.0.0.1/{remote.get_port()}; echo remote >&3; cat <&3"
    assert (await inner.ssh.run(f"bash -c '{command}'")).stdout == "hello remote\n"
    ports = await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}/listening-ports")
    assert ports.status_code == 200
    assert {"network": "tcp", "port": port} in [
        {name: found[name] for name in ("network", "port")} for found in ports.json()["ports"]
    ]
    writer.close()
    server.close()
    await inner.close()


@pytest.mark.requirement("AGENT-LOGS-01")
async def test_logs_are_listed_and_followed(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    source = str(new_id())
    made = await deployment.call(placed.headers, "POST", "/me/log-source", {"id": source, "display_name": "Tool"})
    assert made.status_code == 201
    again = await deployment.call(placed.headers, "POST", "/me/log-source", {"id": source, "display_name": "Other"})
    assert (again.status_code, again.json()["display_name"]) == (201, "Tool")
    lines = [{"output": "one\u0000!", "level": "nonsense"}, {"output": "two", "level": "error"}]
    sent = await deployment.call(placed.headers, "PATCH", "/me/logs", {"log_source_id": source, "logs": lines})
    assert sent.status_code == 200
    listed = (await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}/logs")).json()
    assert [(line["output"], line["level"]) for line in listed] == [("one!", "info"), ("two", "error")]
    assert listed[0]["source_id"] == source
    after = await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}/logs?after={listed[0]['id']}")
    assert [line["output"] for line in after.json()] == ["two"]
    socket = await deployment.websocket(
        placed.owner.headers, f"/{placed.agent_id}/logs?follow=true&after={listed[0]['id']}"
    )
    assert [line["output"] for line in json.loads(await asyncio.wait_for(socket.recv(), 10))] == ["two"]
    await deployment.call(placed.headers, "PATCH", "/me/logs", {"logs": [{"output": "three"}]})
    followed = json.loads(await asyncio.wait_for(socket.recv(), 10))
    assert [(line["output"], line["source_id"]) for line in followed] == [("three", str(new_id().__class__(int=0)))]
    await socket.close()
    unknown = await deployment.call(
        placed.headers, "PATCH", "/me/logs", {"log_source_id": str(new_id()), "logs": lines}
    )
    assert (unknown.status_code, unknown.json()["validations"][0]["field"]) == (400, "log_source_id")


@pytest.mark.requirement("AGENT-METADATA-02")
async def test_metadata_is_watched(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    await build.metadata(placed.agent_id, "cpu", "echo 1")
    socket = await deployment.websocket(placed.owner.headers, f"/{placed.agent_id}/watch-metadata-ws")
    first = json.loads(await asyncio.wait_for(socket.recv(), 10))
    assert (first["type"], first["data"][0]["result"]["value"]) == ("data", "")
    report = {"metadata": [{"key": "cpu", "value": "42"}, {"key": "undeclared", "value": "x"}]}
    assert (await deployment.call(placed.headers, "POST", "/me/metadata", report)).status_code == 204
    second = json.loads(await asyncio.wait_for(socket.recv(), 10))
    assert [each["result"]["value"] for each in second["data"]] == ["42"]
    assert second["data"][0]["description"]["key"] == "cpu"
    await socket.close()
