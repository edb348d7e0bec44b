"""Commands in a workspace: run to their end with their output as it comes, or left to run on in the background."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import asyncssh
import msgspec
from msgspec import Meta

from homeport.agents.errors import AgentNotConnected
from homeport.agents.service.connections import AgentConnection, Process, Reader
from homeport.kit.ids import new_id
from homeport.mcp import needs
from homeport.mcp.arguments import Arguments
from homeport.mcp.errors import ToolFailed
from homeport.mcp.inside import WORKSPACE, connect
from homeport.mcp.output import Output, decoder
from homeport.mcp.registry import Call, Hints, Progress, tool

MOST_MILLISECONDS = 600_000
MOST_CHARACTERS = 64 * 1024
_CHUNK = 64 * 1024
_ENDING_SECONDS = 2.0
_START_SECONDS = 30.0

_endings: set[asyncio.Task[None]] = set()

# Given on standard input, so that no login shell has to understand its quotes; the command comes by a variable.
_IN_BACKGROUND = """
dir="${HOME:?}/.local/state/homeport/commands"
umask 077
mkdir -p "$dir" || exit 1
log="$dir/$HOMEPORT_COMMAND_ID.log"
status="$dir/$HOMEPORT_COMMAND_ID.status"
command="$HOMEPORT_COMMAND"
unset HOMEPORT_COMMAND HOMEPORT_COMMAND_ID
: > "$log" || exit 1
if command -v setsid > /dev/null 2>&1; then own=setsid; else own=; fi
nohup $own sh -c '"${SHELL:-sh}" -c "$1"; echo "$?" > "$2"' sh "$command" "$status" > "$log" 2>&1 < /dev/null &
printf '%s\\n%s\\n%s\\n' "$!" "$log" "$status"
"""


class Bash(Arguments):
    """Arguments of coder_workspace_bash."""

    workspace: Annotated[str, Meta(min_length=1, description=WORKSPACE)]
    command: Annotated[str, Meta(min_length=1, max_length=100_000, description="The command, for the user's shell.")]
    timeout_ms: Annotated[
        int,
        Meta(ge=1, le=MOST_MILLISECONDS, description="Milliseconds after which the command is ended; at most 600000."),
    ] = 60_000
    background: Annotated[
        bool,
        Meta(
            description="Let it run on by itself, without a time limit: the answer names the files in which its output "
            "and, once it has ended, its exit status stand."
        ),
    ] = False


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a command ended. `exit_code` is null when a signal or the time limit ended it."""

    output: str
    exit_code: int | None
    signal: str = ""
    timed_out: bool = False


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A command that runs on."""

    pid: int
    output_path: str
    exit_code_path: str


@tool(
    "coder_workspace_bash",
    "Run a command in a workspace",
    needs=needs.on_workspace(needs.ENTER_WORKSPACES),
    hints=Hints(is_destructive=True, is_open_world=True),
    kind=Bash,
    streams=True,
)
async def bash(call: Call, given: Bash) -> Any:
    """Run a command in a workspace and return its output and exit code.

    Standard output and standard error come together; of very long output the beginning and the end. Clients that ask for
    progress see the output as it comes. Start servers and long work with background.
    """
    if "\0" in given.command:
        raise ToolFailed("A command cannot hold the character NUL.")
    async with connect(call, given.workspace) as (connection, entry):
        if given.background:
            return await _start(connection, given.command)
        result = await run(connection, given.command, seconds=given.timeout_ms / 1000, report=call.report)
        entry.exit_code = result.exit_code
        return result


async def run(connection: AgentConnection, command: str, *, seconds: float, report: Progress) -> Result:
    """Run a command within a time limit, and report its output as it comes. Ends the command when this is cancelled."""
    process = await connection.open_process(command)
    output = Output(MOST_CHARACTERS)
    try:
        process.stdin.write_eof()
        async with asyncio.timeout(seconds):
            await _follow(process, output, report)
    except TimeoutError:
        _end_later(process)
        return Result(output=output.text(), exit_code=None, timed_out=True)
    except BaseException:
        _end_later(process)
        raise
    signal = process.exit_signal
    if process.exit_status is None and not signal:
        raise AgentNotConnected("The connection to the workspace was lost while the command ran.")
    return Result(
        output=output.text(),
        exit_code=None if signal else process.exit_status,
        signal=signal[0] if signal else "",
    )


async def _follow(process: Process, output: Output, report: Progress) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_copy(process.stdout, output, report))
        group.create_task(_copy(process.stderr, output, report))
    await process.wait_closed()


async def _copy(reader: Reader, output: Output, report: Progress) -> None:
    decode = decoder().decode
    is_going = True
    while is_going:
        data = b""
        # What is lost with the connection is told by the missing exit status.
        with suppress(asyncssh.Error, OSError):
            data = await reader.read(_CHUNK)
        is_going = bool(data)
        text = decode(data, final=not is_going)
        if text:
            output.add(text)
            await report(output.received, text)


def _end_later(process: Process) -> None:
    """End a command whose caller does not wait for it any more, or cannot: a cancelled task may be cancelled again."""
    ending = asyncio.create_task(_end(process), name="mcp command ending")
    _endings.add(ending)
    ending.add_done_callback(_endings.discard)


async def _end(process: Process) -> None:
    """Ask the command to end, then end it. Hanging up is not enough: whoever was started by nohup ignores that."""
    try:
        with suppress(asyncssh.Error, OSError):
            process.terminate()
            async with asyncio.timeout(_ENDING_SECONDS):
                await process.wait_closed()
    except TimeoutError:
        with suppress(asyncssh.Error, OSError):
            process.kill()
    finally:
        process.close()


async def _start(connection: AgentConnection, command: str) -> Started:
    variables = {"HOMEPORT_COMMAND": command, "HOMEPORT_COMMAND_ID": str(new_id())}
    try:
        done = await connection.exec(
            "sh -s", environment=variables, stdin=_IN_BACKGROUND.encode(), timeout=_START_SECONDS
        )
    except TimeoutError:
        raise ToolFailed("The workspace took too long to start the command.") from None
    words = done.stdout.decode("utf-8", "replace").splitlines()
    if done.exit_status != 0 or len(words) != 3 or not words[0].isdecimal():
        reason = done.stderr.decode("utf-8", "replace").strip()[:500]
        raise ToolFailed(f"The command could not be started in the background: {reason or 'no reason was given'}")
    return Started(pid=int(words[0]), output_path=words[1], exit_code_path=words[2])


TOOLS = (bash,)
