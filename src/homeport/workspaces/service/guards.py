"""What rooms below ask about workspaces: whether something may go, which versions are in use, what a template is used for."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from homeport.database import Connection
from homeport.identity.types import UserDeleted
from homeport.kit import clock
from homeport.templates.schemas import TransitionStats
from homeport.templates.service import TemplateStatistics
from homeport.workspaces.errors import HasWorkspaces
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as queries

# Builds and uses that are older say little about a template as it is now.
STATISTICS_WINDOW = timedelta(days=30)


async def reason_to_keep_template(conn: Connection, template_id: UUID) -> str | None:
    """Return why a template must stay while it has live workspaces, else None."""
    count = await queries.count_live_of_template(conn, template_id)
    return HasWorkspaces("template", count).message if count else None


async def refuse_user_with_workspaces(conn: Connection, event: UserDeleted) -> None:
    """Raise HasWorkspaces (409), which undoes the deletion, while the user owns live workspaces."""
    count = await queries.count_live_of_owner(conn, event.user_id)
    if count:
        raise HasWorkspaces("user", count)


async def used_versions(conn: Connection, template_id: UUID) -> set[UUID]:
    """Return the versions that the latest builds of live workspaces have."""
    return await template_queries.list_used_versions(conn, template_id)


async def template_statistics(conn: Connection, template_ids: Sequence[UUID]) -> dict[UUID, TemplateStatistics]:
    """Return for each template how many people used it lately, and how long its builds took (milliseconds)."""
    since = clock.now() - STATISTICS_WINDOW
    users = await template_queries.count_active_users(conn, template_ids, since)
    times = await template_queries.list_build_times(conn, template_ids, since)
    return {
        template_id: TemplateStatistics(
            active_user_count=users.get(template_id, 0),
            build_times={
                each.transition: TransitionStats(each.p50, each.p95)
                for each in times
                if each.template_id == template_id
            },
        )
        for template_id in template_ids
    }
