"""Tools inside a workspace, by the official MCP client over a real server: commands, files, ports."""

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import pytest

from tests.e2e.agents import ERAS, agent_of
from tests.support.server import Server
from tests.support.waiting import until


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-TOOLS-10")
@pytest.mark.parametrize("mode", ERAS)
async def test_output_comes_as_it_is_printed(server: Server, place: str, mode: str) -> None:
    seen: list[tuple[float, str]] = []
    has_begun = asyncio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        seen.append((progress, message or ""))
        has_begun.set()

    async with agent_of(server, mode=mode) as agent:
        # The command goes on only once its first line has been seen here.
        command = "rm -f ~/go; echo first; while [ ! -e ~/go ]; do sleep 0.02; done; echo last"
        given = {"workspace": place, "command": command}
        calling = agent.client.call_tool("coder_workspace_bash", given, progress_callback=note)
        running: asyncio.Task[Any] = asyncio.create_task(calling)
        async with asyncio.timeout(30):
            await has_begun.wait()
        assert not running.done()
        async with agent_of(server) as other:
            await other.call("coder_workspace_write_file", workspace=place, path="~/go", content="")
        result = await running
    assert json.loads(result.content[0].text) == {"output": "first\nlast\n", "exit_code": 0}
    assert "".join(words for _, words in seen) == "first\nlast\n"
    numbers = [done for done, _ in seen]
    assert numbers == sorted(set(numbers))


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-TOOLS-09", "AUD-04")
async def test_commands(server: Server, place: str) -> None:
    async with agent_of(server) as agent:

        async def run(command: str, **more: Any) -> Any:
            return await agent.call("coder_workspace_bash", workspace=place, command=command, **more)

        assert await run("kill -9 $$") == {"output": "", "exit_code": None, "signal": "KILL"}
        assert (await run("cat"))["exit_code"] == 0, "nothing is waited for on standard input"
        assert (await run("printf 'a\\xffb'"))["output"] == "a\ufffdb"
        assert (await run("echo 'hällo' | tee ~/x y; rm y"))["output"] == "hällo\n"
        begun = time.monotonic()
        slow = await run("echo begin; trap '' TERM; sleep 300 & wait; wait", timeout_ms=700)
        assert (slow["timed_out"], slow["exit_code"], slow["output"]) == (True, None, "begin\n")
        assert time.monotonic() - begun < 20
        long = await run("seq 1 200000")
        assert long["output"].startswith("1\n2\n")
        assert long["output"].endswith("\n199999\n200000\n")
        assert "characters are left out here" in long["output"]
        assert len(long["output"]) < 70_000
        # What the client proved itself with is nowhere in the workspace.
        everything = await run(
            "cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; grep -rs -e x ~/.ssh || true"
        )
        assert server.token not in everything["output"]
        assert server.token.partition("-")[2] not in everything["output"]
        assert "NUL" in await agent.words("coder_workspace_bash", workspace=place, command="echo \0")


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("CONNLOG-WRITE-01")
async def test_each_call_that_enters_a_workspace_is_in_the_connection_log(server: Server, place: str) -> None:
    async with agent_of(server) as agent:
        await agent.call("coder_workspace_bash", workspace=place, command="exit 7")
        await agent.call("coder_workspace_write_file", workspace=place, path="~/x", content="")
    found = server.api.call("GET", "/connectionlog", params={"q": "type:ssh username:me status:completed"})
    # The newest first: other tests were here before.
    ours = [one for one in found["connection_logs"] if one["workspace_name"] == place][:2]
    assert [one["ssh_info"]["exit_code"] for one in ours] == [None, 7]
    assert {one["ssh_info"]["disconnect_reason"] for one in ours} == {"the call of the tool is done"}


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-TOOLS-09")
async def test_a_command_in_the_background_runs_on_and_leaves_its_status(server: Server, place: str) -> None:
    command = "echo \"it's\" '$HOME'; while [ ! -e ~/enough ]; do sleep 0.02; done; echo done >&2; exit 4"
    async with agent_of(server) as agent:
        started = await agent.call("coder_workspace_bash", workspace=place, command=command, background=True)
        other = await agent.call("coder_workspace_bash", workspace=place, command=f"kill -0 {started['pid']}")
        assert other["exit_code"] == 0, "it outlives the call"
        await agent.call("coder_workspace_write_file", workspace=place, path="~/enough", content="")

        async def has_ended() -> bool:
            found = await agent.result("coder_workspace_read_file", workspace=place, path=started["exit_code_path"])
            return not found.is_error and json.loads(found.content[0].text)["content"] == "4\n"

        await until(has_ended, seconds=20)
        read = await agent.call("coder_workspace_read_file", workspace=place, path=started["output_path"])
        assert read["content"] == "it's $HOME\ndone\n"


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-TOOLS-12")
@pytest.mark.parametrize("has_progress", [False, True])
@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
async def test_a_command_ends_when_its_client_leaves(
    server: Server, place: str, version: str, has_progress: bool
) -> None:
    mark = f"sleep 29{int(has_progress)}{version[3]}"
    meta: dict[str, Any] = {"progressToken": "p"} if has_progress else {}
    if version == "2026-07-28":
        meta |= {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    arguments = {"workspace": place, "command": f"trap '' HUP; echo begun; {mark}"}
    params = {"name": "coder_workspace_bash", "arguments": arguments, "_meta": meta}
    headers = {
        "Authorization": f"Bearer {server.token}", "Accept": "application/json, text/event-stream", "Mcp-Method": "tools/call",
        "MCP-Protocol-Version": version, "Mcp-Name": "coder_workspace_bash",
    }  # fmt: skip

    async with agent_of(server) as agent:

        async def count() -> int:
            found = await agent.call("coder_workspace_bash", workspace=place, command=f"pgrep -cfx '{mark}'")
            return int(found["output"])

        async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=60) as http:
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            posting = asyncio.create_task(http.post("/mcp", json=body))

            async def is_running() -> bool:
                return await count() == 1

            await until(is_running, seconds=20)
            posting.cancel()

        async def is_gone() -> bool:
            return await count() == 0

        await until(is_gone, seconds=20)


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-TOOLS-11")
async def test_files(server: Server, place: str) -> None:
    async with agent_of(server) as agent:

        async def call(tool: str, **arguments: Any) -> Any:
            return await agent.call(f"coder_workspace_{tool}", workspace=place, **arguments)

        async def words(tool: str, **arguments: Any) -> str:
            return await agent.words(f"coder_workspace_{tool}", workspace=place, **arguments)

        await call("bash", command="rm -rf ~/f; mkdir ~/f; umask 022")
        written = await call("write_file", path="~/f/deep/er/ä b.sh", content="#!/bin/sh\necho hällo\n")
        assert written["path"].endswith("/f/deep/er/ä b.sh")
        await call("bash", command="chmod 750 ~/f/deep/er/*; ln -s 'deep/er/ä b.sh' ~/f/link; mkfifo ~/f/pipe")
        await call("write_file", path="~/f/link", content="#!/bin/sh\necho changed\n")
        kept = await call("bash", command="stat -c '%a %F' ~/f/deep/er/*; readlink ~/f/link; ls -A ~/f/deep/er | wc -l")
        assert kept["output"] == "750 regular file\ndeep/er/ä b.sh\n1\n"

        listed = await call("ls", path="~/f")
        assert [(each["name"], each["type"]) for each in listed["entries"]] == [
            ("deep", "folder"), ("link", "link"), ("pipe", "other")
        ]  # fmt: skip
        data = bytes(range(256)) * 40
        await call("write_file", path="~/f/binary", content=base64.b64encode(data).decode(), encoding="base64")
        read = await call("read_file", path="~/f/binary", offset=256, limit=512)
        assert (read["encoding"], read["size"], read["next_offset"]) == ("base64", len(data), 768)
        assert base64.b64decode(read["content"]) == data[256:768]
        past = await call("read_file", path="~/f/binary", offset=10**9)
        assert (past["content"], past.get("next_offset")) == ("", None)
        await call("write_file", path="~/f/text", content="ä" * 100)
        first = await call("read_file", path="~/f/text", limit=7)
        assert (first["content"], first["next_offset"]) == ("äää", 6)

        await call("edit_file", path="~/f/text", edits=[{"search": "ä", "replace": "ab", "all": True}])
        files = [
            {"path": "~/f/text", "edits": [{"search": "ab" * 100, "replace": "short"}]},
            {"path": "~/f/link", "edits": [{"search": "changed", "replace": "edited"}]},
        ]
        await call("edit_files", files=files)
        both = await call("bash", command="cat ~/f/text ~/f/link")
        assert both["output"] == "short#!/bin/sh\necho edited\n"
        files[0]["edits"] = [{"search": "short", "replace": "x"}]
        assert "search text" in await words("edit_files", files=files)
        assert (await call("read_file", path="~/f/text"))["content"] == "short", "all or nothing"

        assert "No such file" in await words("read_file", path="~/f/none")
        assert "folder" in await words("read_file", path="~/f")
        assert "no regular file" in await words("read_file", path="~/f/pipe")
        assert "folder" in await words("write_file", path="~/f", content="")
        assert await words("ls", path="~/f/text")
        assert "base64" in await words("write_file", path="~/f/y", content="?", encoding="base64")
        assert "UTF-8" in await words("edit_file", path="~/f/binary", edits=[{"search": "a", "replace": "b"}])
        assert "NUL" in await words("read_file", path="a\0b")
        left = await call("bash", command="find ~/f -name '*.new'")
        assert left["output"] == ""


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-TOOLS-06")
async def test_a_port_is_found_with_the_way_to_it(server: Server, place: str) -> None:
    async with agent_of(server) as agent:
        started = await agent.call(
            "coder_workspace_bash", workspace=place, background=True,
            command="exec python3 -c 'import socket,time; s=socket.create_server((\"127.0.0.1\", 0)); "
            "print(s.getsockname()[1], flush=True); time.sleep(300)'",
        )  # fmt: skip
        port = 0

        async def is_up() -> bool:
            nonlocal port
            found = await agent.call("coder_workspace_read_file", workspace=place, path=started["output_path"])
            port = int(found["content"] or 0)
            return port > 0

        await until(is_up, seconds=20)
        found = await agent.call("coder_workspace_port_forward", workspace=place, port=port)
        assert found["is_listening"]
        assert found["command"] == f"ssh -N -L {port}:127.0.0.1:{port} coder.{place}"
        await agent.call(
            "coder_workspace_bash", workspace=place, command=f"kill {started['pid']}; pkill -f create_server"
        )
        assert not (await agent.call("coder_workspace_port_forward", workspace=place, port=port))["is_listening"]
