"""What upper rooms know and templates ask for. The composition root registers it; without an answer the default holds."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.rbac import Subject, not_found
from homeport.templates.schemas import TransitionStats

TRANSITIONS = ("start", "stop", "delete")

# Returns why the template cannot be deleted, or None.
DeletionGuard = Callable[[Connection, UUID], Awaitable[str | None]]
# Returns ids of versions of a template that live objects still run on.
UsageLoader = Callable[[Connection, UUID], Awaitable[set[UUID]]]


class TemplateStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What the life of its workspaces says about a template; -1 active users means "not known"."""

    active_user_count: int = -1
    build_times: dict[str, TransitionStats] = {}


StatisticsLoader = Callable[[Connection, Sequence[UUID]], Awaitable[dict[UUID, TemplateStatistics]]]

# Returns the values of a workspace's last build; raises 404 where the subject may not read it.
ValuesLoader = Callable[[Connection, Subject, UUID], Awaitable[dict[str, str]]]

guards: list[DeletionGuard] = []
usages: list[UsageLoader] = []
_statistics: list[StatisticsLoader] = []
_last_values: list[ValuesLoader] = []
_UNKNOWN = TemplateStatistics()


def register_guard(guard: DeletionGuard) -> None:
    """Let `guard(conn, template_id)` refuse the deletion of a template that is in use."""
    guards.append(guard)


def register_usage(loader: UsageLoader) -> None:
    """Let `loader(conn, template_id)` name versions that must not be archived."""
    usages.append(loader)


def register_statistics(loader: StatisticsLoader) -> None:
    """Let `loader(conn, template_ids)` count active users and measure builds. The last one counts."""
    _statistics[:] = [loader]


def register_last_values(loader: ValuesLoader) -> None:
    """Let `loader(conn, subject, workspace_id)` give what a workspace was last built with. The last one counts."""
    _last_values[:] = [loader]


async def last_values(conn: Connection, subject: Subject, workspace_id: UUID) -> dict[str, str]:
    """Return what a workspace was last built with. Raises 404 for one that the subject may not read."""
    if not _last_values:
        raise not_found("workspace")
    return await _last_values[0](conn, subject, workspace_id)


async def find_reason_to_keep(conn: Connection, template_id: UUID) -> str | None:
    """Return the first reason not to delete a template."""
    for guard in guards:
        reason = await guard(conn, template_id)
        if reason:
            return reason
    return None


async def used_versions(conn: Connection, template_id: UUID) -> set[UUID]:
    """Return ids of versions in use."""
    used: set[UUID] = set()
    for loader in usages:
        used |= await loader(conn, template_id)
    return used


async def statistics(conn: Connection, template_ids: Sequence[UUID]) -> dict[UUID, TemplateStatistics]:
    """Return the statistics of each template."""
    found = await _statistics[0](conn, template_ids) if _statistics and template_ids else {}
    return {template_id: found.get(template_id, _UNKNOWN) for template_id in template_ids}
