"""`ssh`: a shell, a command, or the byte stream for OpenSSH."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import completions, context
from homeport_cli.errors import CliError
from homeport_cli.names import WorkspaceName, parse_host, parse_workspace
from homeport_cli.progress import Progress
from homeport_cli.reach import Wait, reach_agent

if TYPE_CHECKING:
    from homeport_cli.shell import Session
    from homeport_sdk.client import Client

WAITS: tuple[Wait, ...] = ("yes", "no", "auto")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ssh")(ssh)


def ssh(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[OWNER/]NAME[.AGENT]", help="The workspace.", autocompletion=completions.workspace_names
        ),
    ],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND…]", help="What to run instead of a shell.")
    ] = None,
    is_stdio: Annotated[
        bool, typer.Option("--stdio", help="Speak SSH on standard input and output, for OpenSSH's ProxyCommand.")
    ] = False,
    has_terminal: Annotated[bool, typer.Option("--tty", "-t", help="Give the command a terminal.")] = False,
    wait: Annotated[
        str, typer.Option("--wait", help="Wait for start-up scripts: yes, no, or auto for those that ask for it.")
    ] = "auto",
    is_autostart_off: Annotated[
        bool, typer.Option("--disable-autostart", help="Do not start a stopped workspace.")
    ] = False,
    has_agent: Annotated[
        bool, typer.Option("--forward-agent", "-A", help="Let the workspace use your SSH agent.")
    ] = False,
    local_forward: Annotated[
        list[str] | None,
        typer.Option("--local-forward", "-L", help="Forward [bind:]port:host:port from here into the workspace."),
    ] = None,
    remote_forward: Annotated[
        list[str] | None,
        typer.Option("--remote-forward", "-R", help="Forward [bind:]port:host:port from the workspace to here."),
    ] = None,
    prefix: Annotated[
        str, typer.Option("--ssh-host-prefix", help="NAME is an OpenSSH host with this prefix.", hidden=True)
    ] = "",
    suffix: Annotated[
        str, typer.Option("--hostname-suffix", help="NAME is an OpenSSH host with this suffix.", hidden=True)
    ] = "",
    is_verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every line of build and start-up logs.")
    ] = False,
) -> None:
    """Open a shell in a workspace, or run a command there and end with its exit status."""
    target = (
        parse_host(name, prefix=prefix, suffix=suffix) if prefix or suffix else parse_workspace(name, has_agent=True)
    )
    if wait not in WAITS:
        raise CliError("--wait is yes, no or auto.")
    chosen: Wait = wait
    progress = Progress(is_verbose=is_verbose)
    if is_stdio:
        context.run(lambda client: _serve_stdio(client, target, progress, is_started=not is_autostart_off, wait=chosen))
        return
    from homeport_cli.shell import Session, parse_forward  # lazy: the SSH library costs a quarter of a second

    session = Session(
        command=" ".join(command) if command else None,
        has_terminal=has_terminal or (not command and sys.stdin.isatty()),
        has_agent_forwarding=has_agent,
        local_forwards=[parse_forward(text, flag="-L") for text in local_forward or []],
        remote_forwards=[parse_forward(text, flag="-R") for text in remote_forward or []],
    )
    status = context.run(
        lambda client: _open_session(client, target, session, progress, is_started=not is_autostart_off, wait=chosen)
    )
    raise typer.Exit(status)


async def _open_session(
    client: "Client", target: WorkspaceName, session: "Session", progress: Progress, *, is_started: bool, wait: Wait
) -> int:
    from homeport_cli.shell import run_session  # lazy: the SSH library costs a quarter of a second

    agent = await reach_agent(client, target, progress, is_started=is_started, wait=wait)
    async with client.agents.open_ssh(agent.id) as stream:
        return await run_session(stream, session)


async def _serve_stdio(
    client: "Client", target: WorkspaceName, progress: Progress, *, is_started: bool, wait: Wait
) -> None:
    from homeport_cli.stdio import carry_stdio  # lazy: only this way of calling needs it

    agent = await reach_agent(client, target, progress, is_started=is_started, wait=wait)
    async with client.agents.open_ssh(agent.id) as stream:
        await carry_stdio(stream)
