"""What a new version takes over from the one before it: values of variables and tags that somebody has given, unless given anew."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.kit.crypto import Cipher, DecryptionFailed
from homeport.kit.errors import invalid_field
from homeport.provisioning.service import get_job
from homeport.rbac import Action, Subject
from homeport.templates.queries import contents as queries
from homeport.templates.schemas import CreateTemplateVersionRequest
from homeport.templates.service import access
from homeport.templates.types import VariableRow, VersionRow


class Given(msgspec.Struct, frozen=True):
    """What a version gets from people, beside its files. The values are opened, and for nobody's eyes."""

    values: dict[str, str] = {}
    tags: dict[str, str] = {}


async def given_for(
    conn: Connection,
    cipher: Cipher,
    *,
    subject: Subject,
    request: CreateTemplateVersionRequest,
    based_on: UUID | None,
    without: Collection[str],
) -> Given:
    """Return values and tags of a new version: those of the request, and for what it does not name those of the version before.

    That is `based_on`, else the template's active version; a version of no template has none. The values of `without` are not
    taken over. Tags are taken over as a whole, and only where the request says nothing of them: an empty set means none. Raises
    400 for a value that no configured key opens.
    """
    named = {value.name: value.value for value in request.user_variable_values or []}
    before = await _find_before(conn, subject, request.template_id, based_on)
    if before is None:
        return Given(named, request.tags or {})
    kept = {
        row.name: value
        for row in await queries.list_variables(conn, before.id)
        # A value that is the default was not given: a change of that in the files shall count.
        if row.name not in named and row.name not in without and (value := _open(cipher, row)) != row.default_value
    }
    return Given(kept | named, await _tags_of(conn, before) if request.tags is None else request.tags)


async def _find_before(
    conn: Connection, subject: Subject, template_id: UUID | None, based_on: UUID | None
) -> VersionRow | None:
    if based_on is None and template_id is not None:
        based_on = (await access.get_template(conn, subject, template_id, Action.UPDATE)).active_version_id
    return None if based_on is None else (await access.get_version(conn, subject, based_on, Action.UPDATE)).version


async def _tags_of(conn: Connection, version: VersionRow) -> dict[str, str]:
    """Return the tags that were given with a version: those that its files asked for are in its job's tags too."""
    return dict((await get_job(conn, version.job_id)).input.get("given_tags", {}))


def _open(cipher: Cipher, row: VariableRow) -> str:
    if row.value_sealed is None:
        return row.value
    try:
        return cipher.decrypt(row.value_sealed).decode()
    except DecryptionFailed as error:
        raise invalid_field(
            "user_variable_values",
            f"The value of '{row.name}' in the version before is sealed with a key that is gone: give it anew.",
        ) from error
