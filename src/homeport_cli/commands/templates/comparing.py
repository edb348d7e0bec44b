"""`templates versions compare`: what differs between the files of two versions."""

import difflib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.errors import CliError
from homeport_cli.folders import read_archive
from homeport_cli.output import printable
from homeport_cli.templates import TemplateOrganizationOption, find_template, find_version

if TYPE_CHECKING:
    from homeport_sdk.client import Client


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)
    app.command("diff", hidden=True)(compare)


def compare(
    name: NameArgument,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Name of the version to compare with.")],
    after: Annotated[
        str, typer.Argument(metavar="[AFTER]", help="Name of the other version; the active one when left out.")
    ] = "",
    has_status: Annotated[
        bool, typer.Option("--exit-code", help="End with status 1 when there are differences.")
    ] = False,
    organization: TemplateOrganizationOption = "",
) -> None:
    """Show what differs between the files of two versions, as `diff -u` does. Needs the right to change the template."""

    async def work(client: "Client") -> tuple[str, dict[str, bytes], dict[str, bytes]]:
        template = await find_template(client, name, organization)
        old, new = await find_version(client, template, before), await find_version(client, template, after)
        files = [read_archive(await client.files.download(each.job.file_id)) for each in (old, new)]
        return new.name, files[0], files[1]

    new_name, old_files, new_files = context.run(work)
    lines = list(differences(old_files, new_files, before, new_name))
    for line in lines:
        print("\t".join(printable(part) for part in line.split("\t")))
    if not lines:
        print(f"The files of '{before}' and '{new_name}' are the same.", file=sys.stderr)
    elif has_status:
        raise typer.Exit(1)


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes], before: str, after: str) -> Iterator[str]:
    """Yield the lines of a unified diff; files that are no text are only named."""
    if before == after:
        raise CliError("Name two different versions.")
    for path in sorted({*old, *new}):
        was, is_now = old.get(path), new.get(path)
        if was == is_now:
            continue
        texts = [_lines(content) for content in (was, is_now)]
        if texts[0] is None or texts[1] is None:
            yield f"Binary file {path} differs"
            continue
        from_name = "/dev/null" if was is None else f"{before}/{path}"
        to_name = "/dev/null" if is_now is None else f"{after}/{path}"
        found = list(difflib.unified_diff(texts[0], texts[1], from_name, to_name, lineterm=""))
        yield from found or [_said_by_nothing(path, was, is_now)]


def _said_by_nothing(path: str, was: bytes | None, is_now: bytes | None) -> str:
    """Say of two files whose lines are equal why they are not."""
    if was is None or is_now is None:
        return f"Empty file {path} {'added' if was is None else 'removed'}"
    return f"Only the ends of the lines of {path} differ"


def _lines(content: bytes | None) -> list[str] | None:
    if content is None:
        return []
    if b"\x00" in content:
        return None
    try:
        return content.decode().splitlines()
    except UnicodeDecodeError:
        return None
