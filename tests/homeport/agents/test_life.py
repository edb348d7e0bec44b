"""The life of the agent program against the real server: scripts, lifecycle, metadata, health, stats, the end."""

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from homeport.kit.crypto import hash_token
from homeport.workspaces.queries.resources import take_tokens_over
from tests.homeport.agents.conftest import Builder, Deployment, Placed, Programs
from tests.support.waiting import until


async def becomes(build: Builder, placed: Placed, state: str, *, seconds: float = 20.0) -> None:
    async def is_there() -> bool:
        return bool(await build.column(placed.agent_id, "lifecycle_state") == state)

    await until(is_there, seconds=seconds)


async def log_of(deployment: Deployment, placed: Placed) -> list[str]:
    lines = await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}/logs")
    return [line["output"] for line in lines.json()]


async def timings(build: Builder) -> list[tuple[Any, ...]]:
    rows = await build.db.fetch(
        "select stage, status, exit_code from workspace_agent_script_timings order by started_at"
    )
    return [tuple(row) for row in rows]


@pytest.mark.requirement("AGENT-SCRIPTS-01")
async def test_start_scripts_log_and_make_ready(deployment: Deployment, build: Builder, programs: Programs) -> None:
    placed = await build.workspace(directory="~/project", environment_variables={"GREETING": "hi there"})
    script = "echo $GREETING from $PWD; echo error line >&2; seq 1 2000 | tail -1"
    await build.script(placed.agent_id, script, run_on_start=True, log_path="logs/start.log", timeout_seconds=30)
    program = await programs.connected(deployment, placed)
    await becomes(build, placed, "ready")

    async def has_all_lines() -> bool:
        return "2000" in await log_of(deployment, placed)

    await until(has_all_lines)
    assert (await log_of(deployment, placed))[:2] == [f"hi there from {program.home}", "error line"]
    assert (program.home / "logs/start.log").read_text().endswith("2000\n")
    assert await timings(build) == [("start", "ok", 0)]
    started_at, ready_at = (
        await build.column(placed.agent_id, "started_at"),
        await build.column(placed.agent_id, "ready_at"),
    )
    assert started_at <= ready_at
    assert re.fullmatch(r"v\d+\.\d+\.\d+.*", await build.column(placed.agent_id, "version"))
    assert await build.column(placed.agent_id, "expanded_directory") == f"{program.home}/project"


@pytest.mark.requirement("AGENT-RENEWED-01")
async def test_an_agent_whose_machine_stays_begins_anew_as_that_of_the_next_build(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    program = await programs.connected(deployment, placed)
    await becomes(build, placed, "ready")
    _, job_id, resource_id = await build.build(placed.owner, placed.workspace_id, placed.version_id, 2)
    agent_id, _ = await build.agent(resource_id)
    await build.script(agent_id, "echo begun anew", run_on_start=True)
    token = hash_token(placed.token)
    async with build.db.transaction() as conn:
        await take_tokens_over(conn, placed.workspace_id, [token])
        await conn.execute("update workspace_agents set auth_token_hash = $2 where id = $1", agent_id, token)
    await deployment.switchboard.keep_times()
    renewed = replace(placed, agent_id=agent_id, resource_id=resource_id, job_id=job_id)
    await becomes(build, renewed, "ready")
    await until(lambda: set(deployment.switchboard._tunnels) == {agent_id}, seconds=20)

    async def has_begun() -> bool:
        return await log_of(deployment, renewed) == ["begun anew"]

    await until(has_begun)
    assert "begins anew" in program.text()


@pytest.mark.requirement("AGENT-SCRIPTS-02")
async def test_failed_and_endless_start_scripts(deployment: Deployment, build: Builder, programs: Programs) -> None:
    failing, endless = await build.workspace(), await build.workspace()
    await build.script(failing.agent_id, "echo bad; exit 3", run_on_start=True)
    await build.script(endless.agent_id, "echo waiting; sleep 600", run_on_start=True, timeout_seconds=1)
    await programs.connected(deployment, failing, home="failing")
    await programs.connected(deployment, endless, home="endless")
    await becomes(build, failing, "start_error")
    await becomes(build, endless, "start_timeout")

    async def both_are_reported() -> bool:
        return len(await timings(build)) == 2

    await until(both_are_reported)
    assert {(stage, status) for stage, status, _ in await timings(build)} == {
        ("start", "exit_failure"),
        ("start", "timed_out"),
    }

    async def both_say_why() -> bool:
        failed, timed_out = await log_of(deployment, failing), await log_of(deployment, endless)
        return "The script ended with exit code 3." in failed and any("within 1 s" in line for line in timed_out)

    await until(both_say_why)


@pytest.mark.requirement("AGENT-STOP-01")
async def test_shutdown_runs_stop_scripts_and_ends_every_process(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await build.script(placed.agent_id, "echo stopped > stopped.txt", run_on_stop=True, timeout_seconds=5)
    # A daemon that left its session, and one that ignores polite signals.
    daemon = "setsid bash -c 'trap \"\" TERM HUP; echo $$ > daemon.pid; while :; do sleep 1; done' > /dev/null 2>&1 &"
    await build.script(placed.agent_id, daemon, run_on_start=True)
    program = await programs.connected(deployment, placed)
    await becomes(build, placed, "ready")
    pid_file = program.home / "daemon.pid"
    await until(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    pid = int(pid_file.read_text())
    connection = await deployment.switchboard.open_connection(placed.agent_id)
    shell = await connection.open_pty(width=80, height=24, reconnect_id="6cb1c3c5-9fb8-4d4c-8b7e-5d8d9b2f7c01")
    shell.stdin.write(b"echo ready-$((1+1))\n")
    await asyncio.wait_for(shell.stdout.readuntil(b"ready-2"), 10)
    program.process.send_signal(signal.SIGTERM)
    assert await program.ended() == 0
    assert (program.home / "stopped.txt").read_text() == "stopped\n"
    assert not _is_alive(pid)
    await becomes(build, placed, "off")
    assert ("stop", "ok", 0) in await timings(build)


@pytest.mark.requirement("AGENT-METADATA-01")
async def test_metadata_health_and_stats_are_reported(
    deployment: Deployment, build: Builder, programs: Programs
) -> None:
    placed = await build.workspace()
    await build.metadata(placed.agent_id, "good", "echo  value ", interval=1)
    await build.metadata(placed.agent_id, "bad", "exit 4")
    await build.metadata(placed.agent_id, "slow", "sleep 100", timeout=1)
    await build.metadata(placed.agent_id, "long", "head -c 100000 /dev/zero | tr '\\0' x")
    server = await asyncio.start_server(_answer_http, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health"
    good = await build.app(placed.agent_id, "good", healthcheck_url=url, healthcheck_interval=1, health="initializing")
    bad = await build.app(
        placed.agent_id, "bad", healthcheck_url="http://127.0.0.1:1/", healthcheck_interval=1, healthcheck_threshold=2,
        health="initializing",
    )  # fmt: skip
    await programs.connected(deployment, placed)

    async def all_are_there() -> bool:
        rows = await build.db.fetch("select key, value, error from workspace_agent_metadata")
        found = {row["key"]: (row["value"], row["error"]) for row in rows}
        health = {row["id"]: row["health"] for row in await build.db.fetch("select id, health from workspace_apps")}
        return found == {
            "good": ("value", ""),
            "bad": ("", "ended with exit code 4"),
            "slow": ("", "took longer than 1 s"),
            "long": ("x" * 2048, ""),
        } and health == {good: "healthy", bad: "unhealthy"}

    await until(all_are_there, seconds=20)
    server.close()


@pytest.mark.requirement("AGENT-SCRIPTS-03")
async def test_scheduled_script_runs(deployment: Deployment, build: Builder, programs: Programs) -> None:
    placed = await build.workspace()
    await build.script(placed.agent_id, "echo tick >> ticks", cron="* * * * * *")
    program = await programs.connected(deployment, placed)
    ticks = program.home / "ticks"
    await until(lambda: ticks.exists() and ticks.read_text().count("tick") >= 2, seconds=20)
    assert ("cron", "ok", 0) in await timings(build)


async def test_agent_explains_a_wrong_setting(tmp_path: Path) -> None:
    import subprocess  # lazy: only here
    import sys  # lazy: only here

    for variables, words in (
        ({}, "HOMEPORT_AGENT_URL"),
        ({"CODER_AGENT_URL": "http://127.0.0.1:1"}, "HOMEPORT_AGENT_TOKEN"),
    ):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "homeport_agent"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert words in done.stderr


async def _answer_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
