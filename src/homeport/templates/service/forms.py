"""Dynamic parameters: a version's form, evaluated again whenever somebody has filled in something."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.kit.ids import NIL_ID
from homeport.organizations.service import resolve_owner
from homeport.provisioning.service import get_job
from homeport.rbac import Subject
from homeport.templates.errors import VersionUnfinished
from homeport.templates.queries import contents as queries
from homeport.templates.rules.forms import fill_form
from homeport.templates.schemas.forms import DynamicParametersRequest, DynamicParametersResponse
from homeport.templates.service import access, registries
from homeport.templates.types import ParameterRow


class Form(msgspec.Struct, frozen=True):
    """The parameters of an imported version, which never change, and for whom they are evaluated."""

    subject: Subject
    version_id: UUID
    parameters: Sequence[ParameterRow]


async def open_form(conn: Connection, *, subject: Subject, version_id: UUID) -> Form:
    """Return a version's form. Raises 404 where the version may not be read, 412 before its import has succeeded."""
    version = (await access.get_version(conn, subject, version_id)).version
    if (await get_job(conn, version.job_id)).job_status != "succeeded":
        raise VersionUnfinished("filled in")
    return Form(subject, version.id, await queries.list_parameters(conn, version.id))


async def evaluate_form(conn: Connection, form: Form, request: DynamicParametersRequest) -> DynamicParametersResponse:
    """Return the form with what somebody has entered. Raises 404 for an owner or a workspace that the asker may not see."""
    if request.owner_id not in {None, NIL_ID, form.subject.id}:
        await resolve_owner(conn, form.subject, str(request.owner_id))
    previous = None
    if request.workspace_id not in {None, NIL_ID}:
        assert request.workspace_id is not None
        previous = await registries.last_values(conn, form.subject, request.workspace_id)
    return fill_form(form.parameters, request.inputs, previous, id=request.id)


async def evaluate(
    db: Database, *, subject: Subject, version_id: UUID, request: DynamicParametersRequest
) -> DynamicParametersResponse:
    """Open a form and evaluate it once."""
    async with db.connection() as conn:
        form = await open_form(conn, subject=subject, version_id=version_id)
        return await evaluate_form(conn, form, request)
