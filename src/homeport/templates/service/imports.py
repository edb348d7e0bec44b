"""What an import job needs and what it finds: handlers of the queue's events, and the inputs of its jobs."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from homeport.database import Connection, EventBus
from homeport.files import service as files
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.ids import NIL_ID, new_id
from homeport.provisioning.schemas import (
    DryRunInput,
    ImportInput,
    JobVariableValue,
    NamedValue,
    ProvisionerJobMetadata,
)
from homeport.provisioning.service import fail_job, inputs
from homeport.provisioning.types import (
    ImportResult,
    JobCompleted,
    JobUpdated,
    ProvisionedParameter,
    ProvisionedPreset,
    ProvisionerJobRow,
)
from homeport.templates.errors import InvalidParameterDeclaration, InvalidPreset, VersionNotFound
from homeport.templates.queries import contents, presets, templates
from homeport.templates.queries import versions as queries
from homeport.templates.rules import check_declarations
from homeport.templates.rules.presets import check_presets
from homeport.templates.service import access
from homeport.templates.service.variables import store_declared, version_variables
from homeport.templates.types import ExternalAuthRow, ParameterRow, PresetRow, VersionPreset, VersionRow

REQUIRED_VARIABLES = "REQUIRED_TEMPLATE_VARIABLES"


class Imports:
    """The handlers and builders, with the key that seals sensitive variables."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def register(self, events: EventBus) -> None:
        """Connect this room with the queue and with files. The composition root calls it once."""
        events.subscribe(JobUpdated, self.job_updated)
        events.subscribe(JobCompleted, self.job_completed)
        inputs.register("template_version_import", self.import_input)
        inputs.register("template_version_dry_run", self.dry_run_input)
        inputs.register_variables("template_version_import", self.variable_values)
        inputs.register_metadata("template_version_import", job_metadata)
        files.register_reader(access.reach_file)

    async def job_updated(self, conn: Connection, event: JobUpdated) -> None:
        """Store readme and variables; a required variable without value ends the import, and the list of them stays."""
        version = await _version_of(conn, event.job)
        if version is None:
            return
        if event.readme is not None:
            await queries.update_version(conn, msgspec.structs.replace(version, readme=event.readme), clock.now())
        if event.variables is None:
            return
        missing = await store_declared(conn, self._cipher, version.id, event.variables)
        if missing:
            names = ", ".join(sorted(missing))
            await fail_job(
                conn,
                event.job.id,
                error=f"The template requires values for these variables: {names}.",
                error_code=REQUIRED_VARIABLES,
                now=clock.now(),
            )

    async def job_completed(self, conn: Connection, event: JobCompleted) -> None:
        """Store what was found. Raises InvalidParameterDeclaration or InvalidPreset, which the daemon hears."""
        version = await _version_of(conn, event.job)
        if version is None or not isinstance(event.result, ImportResult):
            return
        errors = check_declarations(event.result.parameters)
        if errors:
            raise InvalidParameterDeclaration(errors)
        rows = [_parameter_row(version.id, parameter) for parameter in event.result.parameters]
        await contents.replace_parameters(conn, version.id, rows)
        await _store_extras(conn, version.id, event.result)
        if event.result.readme is not None:
            await queries.update_version(
                conn, msgspec.structs.replace(version, readme=event.result.readme), clock.now()
            )

    async def import_input(self, conn: Connection, job: ProvisionerJobRow) -> ImportInput:
        """Return what the import of a version needs."""
        version = await _get_version_of(conn, job)
        return ImportInput(
            template_version_id=version.id,
            template_name=await _template_name(conn, version),
            variables=await version_variables(conn, self._cipher, version.id),
        )

    async def dry_run_input(self, conn: Connection, job: ProvisionerJobRow) -> DryRunInput:
        """Return what a dry run of a version needs; variables given for it go before those of the version."""
        version = await queries.find_version(conn, UUID(job.input["template_version_id"]))
        if version is None:
            raise VersionNotFound
        sealed = job.input.get("variables_sealed")
        given = (
            {} if not sealed else msgspec.json.decode(self._cipher.decrypt(bytes.fromhex(sealed)), type=dict[str, str])
        )
        values = {value.name: value for value in await version_variables(conn, self._cipher, version.id)}
        values |= {
            name: JobVariableValue(name=name, value=value, sensitive=name not in values or values[name].sensitive)
            for name, value in given.items()
        }
        return DryRunInput(
            template_version_id=version.id,
            template_name=await _template_name(conn, version),
            workspace_name=job.input["workspace_name"],
            rich_parameter_values=[
                NamedValue(name, value) for name, value in job.input["rich_parameter_values"].items()
            ],
            variables=list(values.values()),
        )

    async def variable_values(self, conn: Connection, job: ProvisionerJobRow) -> list[JobVariableValue]:
        """Return the values of the variables that the import has just declared."""
        return await version_variables(conn, self._cipher, (await _get_version_of(conn, job)).id)


async def job_metadata(conn: Connection, jobs: Sequence[ProvisionerJobRow]) -> dict[UUID, ProvisionerJobMetadata]:
    """Return the names around import jobs."""
    return {
        place.job_id: ProvisionerJobMetadata(
            template_version_name=place.template_version_name,
            template_id=place.template_id or NIL_ID,
            template_name=place.template_name or "",
            template_display_name=place.template_display_name or "",
            template_icon=place.template_icon or "",
        )
        for place in await queries.list_job_places(conn, [job.id for job in jobs])
    }


def _parameter_row(version_id: UUID, parameter: ProvisionedParameter) -> ParameterRow:
    return ParameterRow(
        template_version_id=version_id,
        name=parameter.name,
        display_name=parameter.display_name,
        description=parameter.description,
        type=parameter.type,
        form_type=parameter.form_type,
        mutable=parameter.mutable,
        default_value=parameter.default_value,
        icon=parameter.icon,
        options=[msgspec.to_builtins(option) for option in parameter.options],
        validation_regex=parameter.validation_regex,
        validation_min=parameter.validation_min,
        validation_max=parameter.validation_max,
        validation_monotonic=parameter.validation_monotonic,
        validation_error=parameter.validation_error,
        required=parameter.required,
        ephemeral=parameter.ephemeral,
        display_order=parameter.order,
        styling=msgspec.to_builtins(parameter.styling),
    )


async def _store_extras(conn: Connection, version_id: UUID, result: ImportResult) -> None:
    errors = check_presets(result.presets)
    if errors:
        raise InvalidPreset(errors)
    await presets.insert_presets(
        conn, [_preset_row(version_id, number, preset) for number, preset in enumerate(result.presets)]
    )
    wanted = {each.id: each.optional for each in result.external_auth}
    rows = [
        ExternalAuthRow(template_version_id=version_id, provider_id=id, optional=optional, display_order=number)
        for number, (id, optional) in enumerate(wanted.items())
    ]
    await presets.insert_external_auth(conn, rows)
    await presets.update_flags(
        conn,
        version_id,
        has_ai_task=result.has_ai_task,
        has_external_agent=result.has_external_agent,
        owner_secrets=result.owner_secrets,
    )


def _preset_row(version_id: UUID, number: int, preset: ProvisionedPreset) -> VersionPreset:
    prebuilds = preset.prebuilds
    row = PresetRow(
        id=new_id(),
        template_version_id=version_id,
        name=preset.name,
        description=preset.description,
        icon=preset.icon,
        is_default=preset.default,
        desired_instances=None if prebuilds is None else prebuilds.instances,
        ttl_seconds=0 if prebuilds is None else prebuilds.ttl_seconds,
        timezone="" if prebuilds is None else prebuilds.timezone,
        schedules=[] if prebuilds is None else msgspec.to_builtins(prebuilds.schedules),
        display_order=number,
    )
    return VersionPreset(preset=row, values={value.name: value.value for value in preset.parameters})


async def _version_of(conn: Connection, job: ProvisionerJobRow) -> VersionRow | None:
    if job.type != "template_version_import":
        return None
    return await queries.find_version_by_job(conn, job.id)


async def _get_version_of(conn: Connection, job: ProvisionerJobRow) -> VersionRow:
    version = await _version_of(conn, job)
    if version is None:
        raise VersionNotFound
    return version


async def _template_name(conn: Connection, version: VersionRow) -> str:
    template = None if version.template_id is None else await templates.find_template(conn, version.template_id)
    return "" if template is None else template.name
