"""Entry point of `homeport`: the commands, the global options, and how errors end the program.

Command modules import what is light only: a command loads the client and the wire types when it runs, so that help and completion
answer at once.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from homeport_cli import context
from homeport_cli.commands import (
    completion,
    config_ssh,
    groups,
    lifecycle,
    listing,
    login,
    logs,
    members,
    oauth2,
    organizations,
    programs,
    provisioner,
    roles,
    server,
    ssh,
    templates,
    tokens,
    users,
    workspaces,
)
from homeport_cli.errors import CliError
from homeport_cli.store import Store
from homeport_cli.switches import accept_values
from homeport_sdk.errors import ApiError, BadAnswer, ConnectionFailed

INTERRUPTED = 130
BROKEN_PIPE = 141

app = typer.Typer(
    name="homeport",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Governed development workspaces: run the server, sign in, push templates, create workspaces and work in them.",
)
for module in (server, login, workspaces, listing, lifecycle, ssh, config_ssh, logs, programs, completion):
    module.register(app)
app.add_typer(templates.app, name="templates")
app.add_typer(templates.app, name="template", hidden=True)
app.add_typer(tokens.app, name="tokens")
app.add_typer(users.app, name="users")
app.add_typer(organizations.app, name="organizations")
app.add_typer(organizations.app, name="organization", hidden=True)
app.add_typer(organizations.app, name="org", hidden=True)
app.add_typer(members.app, name="members")
app.add_typer(groups.app, name="groups")
app.add_typer(roles.app, name="roles")
app.add_typer(provisioner.app, name="provisioner")
app.add_typer(oauth2.app, name="oauth2")


@app.callback()
def set_global_options(
    url: Annotated[
        str, typer.Option("--url", help="Address of the server. [HOMEPORT_URL, CODER_URL, then the last login]")
    ] = "",
    token: Annotated[
        str,
        typer.Option(
            "--token", help="Session token. [HOMEPORT_SESSION_TOKEN, CODER_SESSION_TOKEN, then the last login]"
        ),
    ] = "",
    folder: Annotated[
        str, typer.Option("--global-config", help="Folder of remembered sessions. [HOMEPORT_CONFIG_DIR]")
    ] = "",
    has_no_color: Annotated[bool, typer.Option("--no-color", help="Plain text only. [NO_COLOR]")] = False,
) -> None:
    """Remember the options that every command shares."""
    if has_no_color:
        os.environ["NO_COLOR"] = "1"
    context.current = context.Context(url_flag=url, token_flag=token)
    if folder:
        context.current.store = Store(Path(folder).expanduser())


def main() -> None:
    """Run one command and exit with its status; every error is a message on standard error."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; return the exit status."""
    if completion.VARIABLE in os.environ:
        completion.prepare()
    try:
        command = typer.main.get_command(app)
        accept_values(command)
        command(arguments, prog_name="homeport")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except CliError as error:
        return _complain(str(error), status=error.status)
    except ApiError as error:
        return _complain(_explain(error))
    except (ConnectionFailed, BadAnswer) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return _complain("interrupted", status=INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads our output has seen enough; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (msgspec.ValidationError, OSError) as error:
        return _complain(str(error))
    return 0


def _complain(message: str, *, status: int = 1) -> int:
    print(f"error: {message}", file=sys.stderr, flush=True)
    return status


def _explain(error: ApiError) -> str:
    advice = context.current.advise() if error.status == 401 else ""
    return f"{error}\n{advice}" if advice else str(error)


if __name__ == "__main__":
    main()
