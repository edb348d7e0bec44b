"""Replays an echo script."""

import asyncio
from pathlib import Path
from typing import Never

from homeport_provisioner.echo.script import Act, EchoScript, read_script
from homeport_provisioner.engine import EngineCanceled, EngineFailure, KnowsAgent, Task, Variables, Verdict
from homeport_sdk.provisioner_protocol import (
    BuildInput,
    BuildResult,
    DryRunInput,
    DryRunResult,
    ImportResult,
    Transition,
    Variable,
)

_POLL_SECONDS = 0.02


class EchoEngine:
    """An engine without side effects. It makes nothing, so there is nothing to settle or to recover."""

    def __init__(self, data_dir: Path) -> None:
        self._signals = data_dir / "echo"

    def needs_source(self, transition: Transition) -> bool:
        """Every build does."""
        return True

    async def read_variables(self, task: Task) -> list[Variable]:
        """Read which variables the script declares."""
        return read_script(task.source).variables

    async def plan_import(self, task: Task, variables: Variables) -> ImportResult:
        """Replay `import`."""
        script = read_script(task.source)
        await self._play(task, script.on_import)
        return ImportResult(
            start_resources=script.on_import.resources or script.start.resources,
            stop_resources=script.stop.resources,
            parameters=script.parameters,
        )

    async def dry_run(self, task: Task, request: DryRunInput, variables: Variables) -> DryRunResult:
        """Replay `dry_run`."""
        script = read_script(task.source)
        if script.dry_run is None:
            return DryRunResult(resources=script.start.resources)
        await self._play(task, script.dry_run)
        return DryRunResult(resources=script.dry_run.resources or script.start.resources)

    async def daily_cost(self, task: Task, build: BuildInput, variables: Variables) -> int:
        """Return the cost of the transition: what it says itself, else the sum over its resources."""
        act = _act(read_script(task.source), build.transition)
        return act.daily_cost or sum(resource.daily_cost for resource in act.resources)

    async def build(self, task: Task, build: BuildInput, variables: Variables) -> BuildResult:
        """Replay the transition."""
        act = _act(read_script(task.source), build.transition)
        state = act.state.encode() or build.state
        await self._play(task, act, state=state)
        return BuildResult(state=state, resources=act.resources, timings=act.timings)

    async def settle(self, task: Task, build: BuildInput, verdict: Verdict) -> None:
        """Nothing was made."""

    async def recover(self, knows_agent: KnowsAgent) -> None:
        """Nothing is ever left."""

    async def _play(self, task: Task, act: Act, *, state: bytes | None = None) -> None:
        for line in act.logs:
            for number in range(line.repeat):
                task.log(line.output, line.level)
                if number % 500 == 499:
                    # Lets batches go out while a big log is written.
                    await asyncio.sleep(0)
                    task.check_canceled(state)
        if act.wait_for:
            await self._wait_for(task, act.wait_for, state)
        if act.hang == "until_killed":
            await asyncio.Event().wait()
        if act.hang == "until_canceled":
            await task.canceled.wait()
            raise EngineCanceled("The job was canceled.", state=state)
        if act.crash:
            _crash()
        if act.error:
            raise EngineFailure(act.error, code=act.error_code, state=state)

    async def _wait_for(self, task: Task, name: str, state: bytes | None) -> None:
        path = self._signals / Path(name).name
        while not path.exists():
            task.check_canceled(state)
            await asyncio.sleep(_POLL_SECONDS)


def _act(script: EchoScript, transition: Transition) -> Act:
    return {"start": script.start, "stop": script.stop, "delete": script.delete}[transition]


def _crash() -> Never:
    raise RuntimeError("this engine was told to break")
