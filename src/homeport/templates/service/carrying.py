"""What a new version takes over from the one before it: values of variables and tags that somebody has given, unless given anew."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.kit.crypto import Cipher
from homeport.provisioning.service import get_job
from homeport.rbac import Action, Subject
from homeport.templates.queries import contents as queries
from homeport.templates.schemas import CreateTemplateVersionRequest
from homeport.templates.service import access
from homeport.templates.types import VersionRow


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
    taken over. Tags are taken over as a whole, and only where the request says nothing of them: an empty set means none.
    """
    before = await _find_before(conn, subject, request.template_id, based_on)
    carried = Given() if before is None else await _given_to(conn, cipher, before)
    kept = {name: value for name, value in carried.values.items() if name not in without}
    named = {value.name: value.value for value in request.user_variable_values or []}
    return Given(kept | named, carried.tags if request.tags is None else request.tags)


async def _find_before(
    conn: Connection, subject: Subject, template_id: UUID | None, based_on: UUID | None
) -> VersionRow | None:
    if based_on is None and template_id is not None:
        based_on = (await access.get_template(conn, subject, template_id, Action.UPDATE)).active_version_id
    return None if based_on is None else (await access.get_version(conn, subject, based_on, Action.UPDATE)).version


async def _given_to(conn: Connection, cipher: Cipher, version: VersionRow) -> Given:
    """Return what a version was given. A value that is the default counts as not given: a change of it in the files shall count."""
    values: dict[str, str] = {}
    for row in await queries.list_variables(conn, version.id):
        value = row.value if row.value_sealed is None else cipher.decrypt(row.value_sealed).decode()
        if value != row.default_value:
            values[row.name] = value
    job = await get_job(conn, version.job_id)
    return Given(values, dict(job.input.get("given_tags", {})))
