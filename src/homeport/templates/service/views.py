"""Templates and versions as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

from homeport.database import Connection
from homeport.identity.schemas import MinimalUser
from homeport.provisioning.schemas import MatchedProvisioners, ProvisionerJob
from homeport.provisioning.service import job_views
from homeport.templates.queries import templates as queries
from homeport.templates.queries import versions as version_queries
from homeport.templates.rules import settings
from homeport.templates.schemas import (
    Template,
    TemplateAutostartRequirement,
    TemplateAutostopRequirement,
    TemplateVersion,
    TransitionStats,
)
from homeport.templates.service import registries


async def template_view(conn: Connection, template_id: UUID) -> Template:
    """Return a template that is known to be there. The caller has authorized the reader."""
    return (await template_views(conn, [await queries.get_template_view(conn, template_id)]))[0]


async def template_views(conn: Connection, rows: Sequence[queries.TemplateViewRow]) -> list[Template]:
    """Return templates with their statistics, in the order given."""
    numbers = await registries.statistics(conn, [row.id for row in rows])
    return [_template(row, numbers[row.id]) for row in rows]


async def version_view(
    conn: Connection, version_id: UUID, *, matched: MatchedProvisioners | None = None
) -> TemplateVersion:
    """Return a version that is known to be there. The caller has authorized the reader."""
    row = await version_queries.get_version_view(conn, version_id)
    return _version(row, (await job_views(conn, [row.job_id]))[row.job_id], matched)


async def version_views(conn: Connection, rows: Sequence[version_queries.VersionViewRow]) -> list[TemplateVersion]:
    """Return versions with their jobs, in the order given: one query for all jobs."""
    jobs = await job_views(conn, [row.job_id for row in rows])
    return [_version(row, jobs[row.job_id], None) for row in rows]


def _template(row: queries.TemplateViewRow, numbers: registries.TemplateStatistics) -> Template:
    return Template(
        id=row.id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        organization_id=row.organization_id,
        organization_name=row.organization_name,
        organization_display_name=row.organization_display_name,
        organization_icon=row.organization_icon,
        name=row.name,
        display_name=row.display_name,
        provisioner=row.provisioner,
        active_version_id=row.active_version_id,
        active_user_count=numbers.active_user_count,
        build_time_stats={name: numbers.build_times.get(name, TransitionStats()) for name in registries.TRANSITIONS},
        description=row.description,
        deprecated=row.deprecated != "",
        deprecation_message=row.deprecated,
        icon=row.icon,
        default_ttl_ms=settings.milliseconds(row.default_ttl),
        activity_bump_ms=settings.milliseconds(row.activity_bump),
        autostop_requirement=TemplateAutostopRequirement(
            days_of_week=settings.day_names(row.autostop_requirement_days_of_week),
            weeks=max(row.autostop_requirement_weeks, 1),
        ),
        autostart_requirement=TemplateAutostartRequirement(
            days_of_week=settings.day_names(settings.ALL_DAYS & ~row.autostart_block_days_of_week)
        ),
        created_by_id=row.created_by,
        created_by_name=row.created_by_name,
        allow_user_autostart=row.allow_user_autostart,
        allow_user_autostop=row.allow_user_autostop,
        allow_user_cancel_workspace_jobs=row.allow_user_cancel_workspace_jobs,
        failure_ttl_ms=settings.milliseconds(row.failure_ttl),
        time_til_dormant_ms=settings.milliseconds(row.time_til_dormant),
        time_til_dormant_autodelete_ms=settings.milliseconds(row.time_til_dormant_autodelete),
        require_active_version=row.require_active_version,
        max_port_share_level=row.max_port_sharing_level,
        cors_behavior=row.cors_behavior,
        use_classic_parameter_flow=row.use_classic_parameter_flow,
    )


def _version(
    row: version_queries.VersionViewRow, job: ProvisionerJob, matched: MatchedProvisioners | None
) -> TemplateVersion:
    return TemplateVersion(
        id=row.id,
        template_id=row.template_id,
        organization_id=row.organization_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        name=row.name,
        message=row.message,
        job=job,
        readme=row.readme,
        created_by=MinimalUser(row.created_by, row.created_by_username, row.created_by_name, row.created_by_avatar_url),
        archived=row.archived,
        matched_provisioners=matched,
        has_external_agent=row.has_external_agent,
    )
