"""Tasks that follow news: nobody relies on one before it is ready, and none fails unheard."""

import asyncio
from collections.abc import Callable

import pytest

from homeport.database import Follower
from tests.support.logging import ErrorLog
from tests.support.waiting import until


async def test_start_returns_when_the_work_is_ready_and_stop_ends_it() -> None:
    steps: list[str] = []
    may_be_ready = asyncio.Event()

    async def work(note_ready: Callable[[], None]) -> None:
        await may_be_ready.wait()
        steps.append("ready")
        note_ready()
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("ended")

    follower = Follower("work")
    starting = asyncio.create_task(follower.start(work))
    await asyncio.sleep(0)
    assert not starting.done()
    may_be_ready.set()
    await starting
    assert steps == ["ready"]
    await follower.stop()
    assert steps == ["ready", "ended"]
    await follower.stop()


async def test_what_ends_the_work_before_it_is_ready_is_raised_by_start() -> None:
    async def break_down(_note_ready: Callable[[], None]) -> None:
        raise ValueError("a row that nobody expects")

    async def leave(_note_ready: Callable[[], None]) -> None:
        return

    async with asyncio.timeout(5):
        with pytest.raises(ValueError, match="a row that nobody expects"):
            await Follower("work").start(break_down)
        with pytest.raises(RuntimeError, match="'work' ended before it was ready"):
            await Follower("work").start(leave)


@pytest.mark.expected_errors("a task that follows news has ended task='work'.*ValueError")
async def test_what_ends_the_work_later_is_told_in_the_log(error_log: ErrorLog) -> None:
    may_break = asyncio.Event()

    async def work(note_ready: Callable[[], None]) -> None:
        note_ready()
        await may_break.wait()
        raise ValueError("later")

    follower = Follower("work")
    await follower.start(work)
    may_break.set()
    await until(lambda: bool(error_log.records))
    await follower.stop()
