"""`organizations settings show|set`: what claims of the identity provider mean at sign-in, as JSON."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.organizations import OrganizationOption
from homeport_cli.output import print_json

if TYPE_CHECKING:
    from homeport_sdk.client import Client

app = typer.Typer(no_args_is_help=True, help="What the claims of the identity provider mean when people sign in.")
T = TypeVar("T", bound=msgspec.Struct)


class Kind(StrEnum):
    """What is kept in line with claims."""

    ORGANIZATIONS = "organization-sync"
    GROUPS = "group-sync"
    ROLES = "role-sync"


KindArgument = Annotated[
    Kind, typer.Argument(help="organization-sync is of the whole deployment, the others of --org.")
]
FileOption = Annotated[
    Path, typer.Option("--file", "-f", help="The settings as JSON, as `show` prints them; - is standard input.")
]


@app.command("show")
def show(kind: KindArgument, organization: OrganizationOption = "default") -> None:
    """Print the settings as JSON."""
    print_json(context.run(lambda client: _read(client, kind, organization)))


@app.command("set")
def set_(kind: KindArgument, file: FileOption = Path("-"), organization: OrganizationOption = "default") -> None:
    """Replace the settings by those of a file, and print what they are then."""
    text = _text(file)
    print_json(context.run(lambda client: _write(client, kind, organization, text, file)))


async def _read(client: "Client", kind: Kind, organization: str) -> Any:
    match kind:
        case Kind.ORGANIZATIONS:
            return await client.syncing.organizations()
        case Kind.GROUPS:
            return await client.syncing.groups(organization)
        case Kind.ROLES:
            return await client.syncing.roles(organization)


async def _write(client: "Client", kind: Kind, organization: str, text: bytes, file: Path) -> Any:
    from homeport_sdk import models  # lazy: wire types load with the call

    match kind:
        case Kind.ORGANIZATIONS:
            return await client.syncing.set_organizations(_decode(text, models.OrganizationSyncSettings, file))
        case Kind.GROUPS:
            return await client.syncing.set_groups(
                _decode(text, models.GroupSyncSettings, file), organization=organization
            )
        case Kind.ROLES:
            return await client.syncing.set_roles(
                _decode(text, models.RoleSyncSettings, file), organization=organization
            )


def _text(file: Path) -> bytes:
    try:
        return typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CliError(f"--file: {file} cannot be read: {error.strerror}.") from error


def _decode(text: bytes, kind: type[T], file: Path) -> T:
    try:
        found, given = msgspec.json.decode(text, type=kind), msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeError) as error:
        raise CliError(f"--file: {file} does not hold these settings: {error}.") from error
    # What is set replaces what was: a name that is spelled wrong would take the setting away.
    for name in sorted(given.keys() - {one.encode_name for one in msgspec.structs.fields(kind)}):
        raise CliError(f"--file: {file} does not hold these settings: '{name}' is none of them.")
    return found
