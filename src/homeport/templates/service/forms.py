"""Dynamic parameters: a version's form, evaluated again whenever somebody has filled in something."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.kit.crypto import Cipher
from homeport.kit.ids import NIL_ID
from homeport.organizations.service import resolve_owner
from homeport.provisioning.service import get_job
from homeport.rbac import Subject
from homeport.templates.errors import VersionUnfinished
from homeport.templates.queries import contents as queries
from homeport.templates.queries import owners
from homeport.templates.queries import presets as preset_queries
from homeport.templates.rules.dynamic import Evaluated, FormSource, evaluate_parameters
from homeport.templates.rules.forms import fill_form
from homeport.templates.schemas import TemplateVersionParameter
from homeport.templates.schemas.forms import DynamicParametersRequest, DynamicParametersResponse
from homeport.templates.service import access, registries
from homeport.templates.service.contents import list_parameters, parameter_view
from homeport.templates.service.variables import version_variables
from homeport.templates.types import ParameterRow

# What a membership does not tell of its user: roles are those in other organizations, too.
_OF_THE_USER = frozenset({"login_type", "rbac_roles"})


class FormFacts(msgspec.Struct, frozen=True):
    """What the form of an imported version is made of. None of it changes, so that a form can be evaluated many times.

    `source` is None where no parameter depends on another or on the owner: then the import's are the form.
    """

    version_id: UUID
    parameters: Sequence[ParameterRow]
    source: FormSource | None
    variables: Mapping[str, str]


class Form(msgspec.Struct, frozen=True):
    """A form and for whom it is evaluated."""

    subject: Subject
    facts: FormFacts


async def version_form(conn: Connection, cipher: Cipher, version_id: UUID) -> FormFacts:
    """Return the form of a version without asking who reads (for builds, which are authorized by workspace)."""
    parameters = await queries.list_parameters(conn, version_id)
    kept = await preset_queries.find_form_source(conn, version_id)
    if kept is None:
        return FormFacts(version_id, parameters, None, {})
    variables = {each.name: each.value for each in await version_variables(conn, cipher, version_id)}
    # In a thread: it may be of some MiB.
    source = await asyncio.to_thread(msgspec.json.decode, kept, type=FormSource)
    return FormFacts(version_id, parameters, source, variables)


async def evaluate_facts(
    conn: Connection, facts: FormFacts, *, owner_id: UUID, requested: Mapping[str, str], previous: Mapping[str, str]
) -> Evaluated:
    """Return the parameters that there are for an owner with these values; `previous` are those of the last build."""
    return await _evaluate(facts, await _owner(conn, facts, owner_id), requested, previous)


async def _owner(conn: Connection, facts: FormFacts, owner_id: UUID, *, is_seen: bool = True) -> Mapping[str, Any]:
    """Return what a form may tell of an owner; without `is_seen` that which whoever may read a membership knows anyhow."""
    if facts.source is None:
        return {}
    owner = await owners.find_owner(conn, owner_id, facts.version_id)
    return {name: value for name, value in owner.items() if is_seen or name not in _OF_THE_USER}


async def _evaluate(
    facts: FormFacts, owner: Mapping[str, Any], requested: Mapping[str, str], previous: Mapping[str, str]
) -> Evaluated:
    if facts.source is None:
        return Evaluated(list(facts.parameters), [])
    # In a thread: a large form takes a while, and the server is for others too.
    return await asyncio.to_thread(
        evaluate_parameters,
        facts.source,
        facts.parameters,
        values=requested,
        previous=previous,
        variables=facts.variables,
        owner=owner,
    )


async def form_parameters(
    conn: Connection,
    cipher: Cipher,
    *,
    subject: Subject,
    version_id: UUID,
    owner_id: UUID,
    values: Mapping[str, str],
    previous: Mapping[str, str] | None = None,
) -> list[TemplateVersionParameter]:
    """Return the parameters that a form with these values has. Raises as reading a version's parameters does."""
    imported = await list_parameters(conn, subject=subject, version_id=version_id)
    facts = await version_form(conn, cipher, version_id)
    if facts.source is None:
        return imported
    found = await evaluate_facts(conn, facts, owner_id=owner_id, requested=values, previous=previous or {})
    return [parameter_view(row) for row in found.rows]


async def open_form(conn: Connection, cipher: Cipher, *, subject: Subject, version_id: UUID) -> Form:
    """Return a version's form. Raises 404 where the version may not be read, 412 before its import has succeeded."""
    version = (await access.get_version(conn, subject, version_id)).version
    if (await get_job(conn, version.job_id)).job_status != "succeeded":
        raise VersionUnfinished("filled in")
    return Form(subject, await version_form(conn, cipher, version.id))


async def evaluate_form(db: Database, form: Form, request: DynamicParametersRequest) -> DynamicParametersResponse:
    """Return the form with what somebody has entered. Raises 404 for an owner or a workspace that the asker may not see.

    No connection is held while the form is evaluated, which may take a while.
    """
    owner_id, is_seen = form.subject.id, True
    previous = None
    async with db.connection() as conn:
        if request.owner_id is not None and request.owner_id not in {NIL_ID, form.subject.id}:
            member = await resolve_owner(conn, form.subject, str(request.owner_id))
            owner_id, is_seen = member.user_id, member.user is not None
        if request.workspace_id is not None and request.workspace_id != NIL_ID:
            previous = await registries.last_values(conn, form.subject, request.workspace_id)
        owner = await _owner(conn, form.facts, owner_id, is_seen=is_seen)
    found = await _evaluate(form.facts, owner, request.inputs, previous or {})
    return await asyncio.to_thread(fill_form, found, request.inputs, previous, id=request.id)


async def evaluate(
    db: Database, cipher: Cipher, *, subject: Subject, version_id: UUID, request: DynamicParametersRequest
) -> DynamicParametersResponse:
    """Open a form and evaluate it once."""
    async with db.connection() as conn:
        form = await open_form(conn, cipher, subject=subject, version_id=version_id)
    return await evaluate_form(db, form, request)
