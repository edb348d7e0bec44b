"""Ends all processes of a workspace: gently first, then surely."""

import asyncio
import signal

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.process.folder import Record
from homeport_provisioner.process.identity import descendants, is_alive, kill, kill_bearers, opened, send, wait_gone

_LEEWAY_SECONDS = 5.0
_LINGER_SECONDS = 2.0
"""The supervisor has ended everything before it ends itself; what is only about to vanish is given this time for it."""
_KILL_SECONDS = 10.0


def is_running(record: Record) -> bool:
    """Whether the supervisor of a workspace lives."""
    return is_alive(record.process)


async def end_processes(record: Record, *, hurry: asyncio.Event) -> bool:
    """End everything that belongs to a workspace; `hurry` cuts the patience with stop scripts short.

    Returns whether all ended by themselves. Raises EngineFailure when something cannot be killed.
    """
    is_gentle = True
    try:
        with opened(record.process) as descriptor:
            if descriptor is not None and record.process is not None:
                send(descriptor, signal.SIGTERM)
                is_gentle = await wait_gone(descriptor, timeout=record.stop_seconds + _LEEWAY_SECONDS, hurry=hurry)
                if not is_gentle:
                    # Of a process namespace, the first process takes all others with it; else each is killed.
                    below = await asyncio.to_thread(descendants, record.process)
                    send(descriptor, signal.SIGKILL)
                    kill(below)
                    if not await wait_gone(descriptor, timeout=_KILL_SECONDS):
                        raise TimeoutError
        if record.cookie:
            killed = await kill_bearers(record.cookie, linger=_LINGER_SECONDS if is_gentle else 0.0)
            is_gentle = is_gentle and killed == 0
    except TimeoutError as error:
        raise EngineFailure(
            "A process of the workspace cannot be killed: it waits for a device or a network drive. Try again."
        ) from error
    return is_gentle
