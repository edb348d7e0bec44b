"""Runs one command of Terraform under its keeper: lines as they come, an interrupt when the job is canceled, and a bounded end."""

import asyncio
import errno
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from homeport_provisioner.engine import EngineCanceled, EngineFailure
from homeport_provisioner.process.identity import COOKIE_VARIABLE, kill_bearers
from homeport_provisioner.terraform.keeper import TOO_MANY

INTERRUPT_SECONDS = 12.0
"""How long Terraform may take to stop once it was interrupted; shorter than what a canceled job gives its engine."""
HASTY_SECONDS = 3.0
"""The same when the daemon must leave or the job is lost."""
ORPHAN_SECONDS = 60.0
"""The same when the daemon is gone."""
MOST_PROCESSES = 1500
MOST_LINE_BYTES = 1024 * 1024
MOST_OUTPUT_BYTES = 256 * 1024 * 1024
_KILL_SECONDS = 6.0
_CHUNK = 64 * 1024
_KEEPER = Path(__file__).with_name("keeper.py")
OnLine = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where a job's commands run. `lock` is the descriptor of a lock that lives as long as any of them."""

    binary: str
    directory: Path
    environment: Mapping[str, str]
    cookie: str
    lock: int


class Command:
    """One call of Terraform."""

    def __init__(self, surroundings: Surroundings, arguments: Sequence[str]) -> None:
        self._around = surroundings
        self._arguments = list(arguments)
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, *, canceled: asyncio.Event, on_line: OnLine, on_error_line: OnLine) -> int:
        """Run to the end; return the exit status. Raises EngineCanceled after a cancel, and EngineFailure for a fork bomb."""
        process = await self._start()
        pumps = [
            asyncio.create_task(_pump(process.stdout, on_line)),
            asyncio.create_task(_pump(process.stderr, on_error_line)),
        ]
        return await self._finish(process, canceled, pumps)

    async def output(self, *, canceled: asyncio.Event, on_error_line: OnLine) -> tuple[int, bytes]:
        """Run to the end; return the exit status and the whole output. Raises as `run`."""
        process = await self._start()
        gathered = bytearray()
        pumps = [
            asyncio.create_task(_gather(process.stdout, gathered)),
            asyncio.create_task(_pump(process.stderr, on_error_line)),
        ]
        status = await self._finish(process, canceled, pumps)
        if len(gathered) > MOST_OUTPUT_BYTES:
            raise EngineFailure(f"Terraform described more than {MOST_OUTPUT_BYTES // 1024**2} MiB of resources.")
        return status, bytes(gathered)

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            self._process = await self._spawn(self._around)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            raise EngineFailure(
                "Terraform cannot be started: the value of a parameter or of another fact is longer than the 128 KiB that one may have."
            ) from error
        return self._process

    async def _spawn(self, around: Surroundings) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(_KEEPER),
            str(MOST_PROCESSES),
            str(ORPHAN_SECONDS),
            around.binary,
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**around.environment, COOKIE_VARIABLE: around.cookie},
            cwd=around.directory,
            pass_fds=(around.lock,),
            start_new_session=True,
        )

    async def _finish(
        self, process: asyncio.subprocess.Process, canceled: asyncio.Event, pumps: "list[asyncio.Task[None]]"
    ) -> int:
        ended = asyncio.create_task(_end_of(process, pumps))
        waiting = asyncio.create_task(canceled.wait())
        try:
            await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._end(ended, seconds=INTERRUPT_SECONDS)
        except asyncio.CancelledError:
            await self._end(ended, seconds=HASTY_SECONDS)
            raise
        finally:
            waiting.cancel()
            for pump in pumps:
                pump.cancel()
            await self._sweep(process)
        if canceled.is_set():
            raise EngineCanceled("The job was canceled.")
        status = process.returncode if process.returncode is not None else -9
        if status == TOO_MANY:
            raise EngineFailure(
                f"Terraform was ended: the template's commands had started more than {MOST_PROCESSES} processes at once."
            )
        return status

    async def _end(self, ended: "asyncio.Task[None]", *, seconds: float) -> None:
        """Interrupt, wait, kill: each within its bound."""
        for order, patience in ((b"i", seconds), (b"k", _KILL_SECONDS)):
            self._tell(order)
            await asyncio.wait({ended}, timeout=patience)
            if ended.done():
                return

    def _tell(self, order: bytes) -> None:
        process = self._process
        if process is not None and process.stdin is not None and process.returncode is None:
            with suppress(OSError, RuntimeError):
                process.stdin.write(order)

    async def _sweep(self, process: asyncio.subprocess.Process) -> None:
        """When the keeper itself did not end in an orderly way, kill all that still carry the job's mark."""
        if process.returncode is None or process.returncode < 0:
            with suppress(ProcessLookupError):
                process.kill()
            with suppress(TimeoutError):
                await kill_bearers(self._around.cookie)
                await asyncio.wait_for(process.wait(), _KILL_SECONDS)
        elif process.stdin is not None:
            process.stdin.close()


async def _end_of(process: asyncio.subprocess.Process, pumps: "list[asyncio.Task[None]]") -> None:
    await process.wait()
    await asyncio.wait(pumps, timeout=_KILL_SECONDS)


async def _gather(stream: asyncio.StreamReader | None, into: bytearray) -> None:
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        if len(into) <= MOST_OUTPUT_BYTES:
            into += chunk


async def _pump(stream: asyncio.StreamReader | None, on_line: OnLine) -> None:
    """Hand on lines; of a line that is longer than agreed, the beginning."""
    rest = bytearray()
    dropped = 0
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        first, *others = chunk.split(b"\n")
        for number, piece in enumerate([first, *others]):
            if number:
                on_line(_text(rest, dropped))
                rest.clear()
                dropped = 0
            fits = piece[: MOST_LINE_BYTES - len(rest)]
            rest += fits
            dropped += len(piece) - len(fits)
    if rest:
        on_line(_text(rest, dropped))


def _text(line: bytearray, dropped: int) -> str:
    text = line.decode("utf-8", "replace")
    return f"{text}… ({dropped} more bytes)" if dropped else text
