"""Scripts that run at times given by cron expressions, in the workspace's local time."""

import asyncio
from datetime import datetime, timedelta

from homeport_agent.logs import get_logger
from homeport_agent.scripts import ScriptRunner
from homeport_sdk import clock
from homeport_sdk.agent_protocol import ManifestScript

_log = get_logger(__name__)
_LONGEST_SLEEP = 60.0


async def run_schedule(runner: ScriptRunner, script: ManifestScript) -> None:
    """Run `script` at each of its times until cancelled. A run that outlasts its next time skips that one."""
    from croniter import CroniterError  # lazy: few agents have schedules, and all would wait for it

    try:
        next_at = next_time(script.cron, clock.now())
    except CroniterError as error:
        _log.error("The schedule %r of script %s is not valid: %s", script.cron, script.display_name, error)
        return
    while True:
        # Short sleeps, so that a computer that was suspended, or a changed clock, is noticed.
        wait = (next_at - clock.now()).total_seconds()
        if wait > 0:
            await asyncio.sleep(min(wait, _LONGEST_SLEEP))
            continue
        await runner.run(script, "cron")
        next_at = next_time(script.cron, clock.now())


def next_time(expression: str, after: datetime) -> datetime:
    """Return the first time after `after`; five fields, or six with seconds first. Raises CroniterError."""
    from croniter import croniter  # lazy: few agents have schedules, and all would wait for it

    local = after.astimezone() + timedelta(microseconds=1)
    has_seconds = len(expression.split()) == 6
    found: datetime = croniter(expression, local, second_at_beginning=has_seconds).get_next(datetime)
    return found
