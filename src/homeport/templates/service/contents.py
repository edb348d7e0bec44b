"""What a version holds for people: its parameters, variables and log."""

from collections.abc import AsyncIterator
from urllib.parse import quote
from uuid import UUID

from markdown_it import MarkdownIt

from homeport.database import Connection, Database, Listener
from homeport.kit.errors import BadRequest
from homeport.provisioning.schemas import ProvisionerJobLog
from homeport.provisioning.service import follow_logs, get_job, list_logs
from homeport.rbac import Action, Subject
from homeport.templates.errors import JobUnfinished
from homeport.templates.queries import contents as queries
from homeport.templates.queries import presets as preset_queries
from homeport.templates.schemas import (
    Preset,
    PresetParameter,
    TemplateVersionExternalAuth,
    TemplateVersionParameter,
    TemplateVersionParameterOption,
    TemplateVersionVariable,
)
from homeport.templates.service import access
from homeport.templates.service.variables import variable_view
from homeport.templates.types import ParameterRow, VersionPreset, VersionRow

_MARKDOWN = MarkdownIt("commonmark")


async def list_parameters(conn: Connection, *, subject: Subject, version_id: UUID) -> list[TemplateVersionParameter]:
    """Return the parameters of an imported version. Raises 412 while the import goes on."""
    version = await _imported(conn, subject, version_id)
    return [parameter_view(row) for row in await queries.list_parameters(conn, version.id)]


async def list_variables(conn: Connection, *, subject: Subject, version_id: UUID) -> list[TemplateVersionVariable]:
    """Return the variables of an imported version; sensitive values are not shown. Raises 412 while the import goes on."""
    version = await _imported(conn, subject, version_id)
    return [variable_view(row) for row in await queries.list_variables(conn, version.id)]


async def version_presets(conn: Connection, version_id: UUID) -> list[VersionPreset]:
    """Return the presets of a version without asking who reads (for builds, which are authorized by workspace)."""
    return await preset_queries.list_presets(conn, version_id)


async def list_presets(conn: Connection, *, subject: Subject, version_id: UUID) -> list[Preset]:
    """Return the presets of an imported version, the default first. Raises 412 while the import goes on."""
    version = await _imported(conn, subject, version_id)
    return [_preset_view(each) for each in await preset_queries.list_presets(conn, version.id)]


async def list_external_auth(
    conn: Connection, *, subject: Subject, version_id: UUID, access_url: str
) -> list[TemplateVersionExternalAuth]:
    """Return the accounts elsewhere that an imported version asks for. Raises 412 while the import goes on.

    This server has no such accounts to link yet: none is ever authenticated, and of a provider nothing but its id is known.
    """
    version = await _imported(conn, subject, version_id)
    return [
        TemplateVersionExternalAuth(
            id=row.provider_id,
            type="",
            display_name=row.provider_id,
            display_icon="",
            authenticate_url=f"{access_url}/external-auth/{quote(row.provider_id, safe='')}",
            authenticated=False,
            optional=row.optional,
        )
        for row in await preset_queries.list_external_auth(conn, version.id)
    ]


async def check_readable(conn: Connection, *, subject: Subject, version_id: UUID) -> VersionRow:
    """Return a version that the subject may read, or raise 404."""
    return (await access.get_version(conn, subject, version_id)).version


async def list_import_logs(
    conn: Connection, *, subject: Subject, version_id: UUID, after: int, before: int | None
) -> list[ProvisionerJobLog]:
    """Return lines of the import's log."""
    version = await check_readable(conn, subject=subject, version_id=version_id)
    return await list_logs(conn, version.job_id, after=after, before=before)


async def follow_import_logs(
    db: Database, listener: Listener, *, subject: Subject, version_id: UUID, after: int, before: int | None
) -> AsyncIterator[list[ProvisionerJobLog]]:
    """Return the import's log as it grows. Raises 400 for an end beside following, 404 as reading does."""
    if before is not None:
        raise BadRequest("Use 'before' only without 'follow': a log that is followed has no end yet.")
    async with db.connection() as conn:
        version = await check_readable(conn, subject=subject, version_id=version_id)
    return follow_logs(db, listener, version.job_id, after=after)


def parameter_view(row: ParameterRow) -> TemplateVersionParameter:
    """Return a parameter for people."""
    return TemplateVersionParameter(
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        description_plaintext=_plain(row.description),
        type=row.type,
        form_type=row.form_type,
        mutable=row.mutable,
        default_value=row.default_value,
        icon=row.icon,
        options=[
            TemplateVersionParameterOption(
                name=option["name"],
                description=option.get("description", ""),
                value=option["value"],
                icon=option.get("icon", ""),
            )
            for option in row.options
        ],
        validation_error=row.validation_error,
        validation_regex=row.validation_regex,
        validation_min=row.validation_min,
        validation_max=row.validation_max,
        validation_monotonic=row.validation_monotonic,
        required=row.required,
        ephemeral=row.ephemeral,
    )


def _preset_view(each: VersionPreset) -> Preset:
    preset = each.preset
    return Preset(
        id=preset.id,
        name=preset.name,
        parameters=[PresetParameter(name, value) for name, value in each.values.items()],
        is_default=preset.is_default,
        desired_prebuild_instances=preset.desired_instances,
        description=preset.description,
        icon=preset.icon,
    )


async def _imported(conn: Connection, subject: Subject, version_id: UUID) -> VersionRow:
    version = (await access.get_version(conn, subject, version_id, Action.READ)).version
    if (await get_job(conn, version.job_id)).completed_at is None:
        raise JobUnfinished
    return version


def _plain(markdown: str) -> str:
    """Return the words of a description without its Markdown signs."""
    lines = []
    for token in _MARKDOWN.parse(markdown):
        if token.type == "inline":
            lines.append("".join(" " if "break" in c.type else c.content for c in token.children or []))
        elif token.type in {"fence", "code_block"}:
            lines.append(token.content.rstrip("\n"))
    return "\n".join(lines)
