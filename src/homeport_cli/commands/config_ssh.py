"""`config-ssh`: lets OpenSSH and what builds on it (scp, rsync, git, editors) reach workspaces by name."""

import difflib
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from homeport_cli import context, ssh_config
from homeport_cli.errors import CliError
from homeport_cli.output import YesOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("config-ssh")(config_ssh)


def config_ssh(
    file: Annotated[Path, typer.Option("--ssh-config-file", help="The OpenSSH configuration.")] = Path("~/.ssh/config"),
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--ssh-option",
            "-o",
            help="OpenSSH option for every workspace, as Key=value; repeat it for more. Remembered until others are given.",
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option("--ssh-host-prefix", help="Prefix of host names; the server's when left out.")
    ] = "",
    suffix: Annotated[
        str, typer.Option("--hostname-suffix", help="Suffix of host names; the server's when left out.")
    ] = "",
    is_dry: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show what would change, and change nothing.")
    ] = False,
    is_previous: Annotated[
        bool, typer.Option("--use-previous-options", help="Keep the options of the last time, whatever else is given.")
    ] = False,
    is_removed: Annotated[bool, typer.Option("--remove", help="Take Homeport's block out again.")] = False,
    is_assumed: YesOption = False,
) -> None:
    """Write host entries for workspaces into the OpenSSH configuration: `ssh coder.NAME`, `ssh coder.NAME.AGENT`."""
    path = file.expanduser()
    before = ssh_config.read_file(path)
    remembered = ssh_config.remembered_options(ssh_config.split(before).block)
    given = remembered if is_previous or not option else option
    after = ssh_config.replace(before, "" if is_removed else _block(given, prefix, suffix))
    if before == after:
        typer.echo(f"{path} is as it should be.", err=True)
        return
    if is_dry or not is_assumed:
        typer.echo(_difference(before, after, path), nl=False)
    if is_dry:
        return
    context.confirm(f"Write {path}?", is_assumed=is_assumed)
    ssh_config.write_file(path, after)
    typer.echo(f"Wrote {path}.", err=True)


def _block(given: list[str], prefix: str, suffix: str) -> str:
    server = context.run(lambda client: client.deployment.ssh())
    prefix = prefix or server.hostname_prefix
    suffix = (suffix or server.hostname_suffix).removeprefix(".")
    folder = context.current.store.folder.absolute()
    if not context.current.store.token() or context.current.store.url() != context.current.url:
        raise CliError(
            f"OpenSSH needs a session that lasts: nothing is remembered for {context.current.url}. "
            f"Run: homeport login {context.current.url}"
        )
    program = this_program()
    hosts = {}
    if prefix:
        hosts[f"{prefix}*"] = ssh_config.proxy_command(program, folder, "--ssh-host-prefix", prefix)
    if suffix:
        hosts[f"*.{suffix}"] = ssh_config.proxy_command(program, folder, "--hostname-suffix", suffix)
    if not hosts:
        raise CliError("Neither prefix nor suffix of host names is set. Pass --ssh-host-prefix.")
    return ssh_config.render(hosts, server_options=server.ssh_config_options, given=given)


def this_program() -> list[str]:
    """Return the words that start this program from anywhere."""
    found = shutil.which(sys.argv[0])
    if found and Path(found).name == "homeport":
        return [str(Path(found).absolute())]
    beside = Path(sys.executable).parent / "homeport"
    return [str(beside)] if beside.is_file() else [sys.executable, "-P", "-m", "homeport_cli"]


def _difference(before: str, after: str, path: Path) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), f"{path} (new)"
    )
    text = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    return text.replace("\r", "").encode("utf-8", "replace").decode()
