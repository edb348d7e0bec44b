"""Which organization a command means, and how people are named in it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import completions
from homeport_cli.errors import CliError

if TYPE_CHECKING:
    from homeport_sdk.client import Client

OrganizationOption = Annotated[
    str,
    typer.Option(
        "--org",
        "-O",
        help="The organization: its name or id.",
        autocompletion=completions.organization_names,
    ),
]
OrganizationArgument = Annotated[
    str, typer.Argument(metavar="ORGANIZATION", autocompletion=completions.organization_names)
]
UserArgument = Annotated[str, typer.Argument(metavar="USERNAME|ID|me")]
UsersArgument = Annotated[list[str], typer.Argument(metavar="USERNAME|ID...")]


async def find_user_ids(client: "Client", users: Sequence[str], organization: str) -> list[str]:
    """Return the ids of members by their usernames or ids, in order. Raises CliError that names who is no member."""
    found: list[str] = []
    for user in users:
        page = await client.organizations.members(organization, query="" if _is_id(user) else user, limit=100)
        matches = [each for each in page.members if user in {each.username, str(each.user_id)}]
        if not matches and not _is_id(user):
            raise CliError(
                f"'{user}' is no member of the organization. Add them first: homeport members add {user}"
                f" --org {organization}"
            )
        found.append(str(matches[0].user_id) if matches else user)
    return found


def _is_id(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4
