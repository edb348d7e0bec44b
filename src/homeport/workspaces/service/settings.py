"""Changing what is said about a workspace: name, schedules, updates, the favorite mark."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database, UniqueViolation
from homeport.kit import clock
from homeport.kit.errors import BadRequest, Forbidden
from homeport.kit.moments import validate_moment
from homeport.kit.names import validate_name
from homeport.kit.schedules import parse_schedule
from homeport.rbac import Action, Subject
from homeport.workspaces.errors import NameTaken, WorkspaceNotRunning
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.rules.schedule import check_extension, next_autostart, ttl_from_wire
from homeport.workspaces.service.authorization import lock_for
from homeport.workspaces.service.changes import record_build_change, record_workspace, workspace_changed
from homeport.workspaces.types import WorkspaceRow

Change = Callable[[Connection, WorkspaceRow, datetime], Awaitable[WorkspaceRow]]


async def rename_workspace(db: Database, *, subject: Subject, workspace_id: UUID, name: str) -> None:
    """Give a workspace another name; an empty one leaves it. Raises 409 when the owner has one of that name."""

    async def change(conn: Connection, workspace: WorkspaceRow, now: datetime) -> WorkspaceRow:
        if name in ("", workspace.name):
            return workspace
        validate_name(name)
        try:
            async with conn.savepoint():
                return await queries.update_name(conn, workspace.id, name, now)
        except UniqueViolation as error:
            raise NameTaken(name) from error

    await _change(db, subject, workspace_id, change)


async def set_autostart(db: Database, *, subject: Subject, workspace_id: UUID, schedule: str | None) -> None:
    """Set the cron schedule on which a workspace starts; None or empty switches it off."""

    async def change(conn: Connection, workspace: WorkspaceRow, now: datetime) -> WorkspaceRow:
        wanted = schedule or None
        template = await template_queries.get_template(conn, workspace.template_id)
        moment = None
        if wanted is not None:
            parse_schedule(wanted)
            if not template.allow_user_autostart:
                raise BadRequest("The template does not let its users start workspaces on a schedule.")
            if workspace.dormant_at is None:
                moment = next_autostart(wanted, now, blocked_days=template.autostart_block_days_of_week)
        return await queries.update_autostart(conn, workspace.id, wanted, moment, now)

    await _change(db, subject, workspace_id, change)


async def set_ttl(db: Database, *, subject: Subject, workspace_id: UUID, ttl_ms: int | None) -> None:
    """Set how long after a start the workspace stops; None or 0 is never. A workspace that runs keeps its deadline,
    except that it loses it when it shall never stop.
    """

    async def change(conn: Connection, workspace: WorkspaceRow, now: datetime) -> WorkspaceRow:
        ttl = ttl_from_wire(ttl_ms)
        template = await template_queries.get_template(conn, workspace.template_id)
        if not template.allow_user_autostop:
            raise BadRequest("The template does not let its users choose when workspaces stop.")
        latest = await build_queries.find_latest_build(conn, workspace.id)
        if ttl is None and latest is not None and latest.transition == "start" and latest.deadline is not None:
            limit = latest.max_deadline
            await build_queries.update_deadlines(conn, latest.id, limit, limit, now)
        return await queries.update_ttl(conn, workspace.id, ttl, now)

    await _change(db, subject, workspace_id, change)


async def set_automatic_updates(db: Database, *, subject: Subject, workspace_id: UUID, value: str) -> None:
    """Set whether every start takes the template's active version."""

    async def change(conn: Connection, workspace: WorkspaceRow, now: datetime) -> WorkspaceRow:
        return await queries.update_automatic_updates(conn, workspace.id, value, now)

    await _change(db, subject, workspace_id, change)


async def set_favorite(db: Database, *, subject: Subject, workspace_id: UUID, is_favorite: bool) -> None:
    """Set or clear the owner's mark; others have none to set (403)."""

    async def change(conn: Connection, workspace: WorkspaceRow, _now: datetime) -> WorkspaceRow:
        if workspace.owner_id != subject.id:
            raise Forbidden("Only the owner of a workspace can mark it as a favorite.")
        return await queries.update_favorite(conn, workspace.id, is_favorite)

    await _change(db, subject, workspace_id, change)


async def extend_deadline(db: Database, *, subject: Subject, workspace_id: UUID, deadline: datetime) -> datetime:
    """Move the moment at which a running workspace stops, and return it.

    Raises 409 when it does not run, 400 when it never stops or the moment is out of bounds.
    """
    deadline = validate_moment(deadline, "deadline")
    async with db.transaction() as conn:
        workspace = await lock_for(conn, subject, Action.UPDATE, workspace_id)
        latest = await build_queries.find_latest_build(conn, workspace.id)
        if latest is None or latest.transition != "start" or latest.job_status != "succeeded":
            raise WorkspaceNotRunning
        if latest.deadline is None or latest.completed_at is None:
            raise BadRequest("The workspace has no time at which it stops, so there is nothing to extend.")
        now = clock.now()
        moment = check_extension(
            now=now, started_at=latest.completed_at, deadline=deadline, max_deadline=latest.max_deadline
        )
        await build_queries.update_deadlines(conn, latest.id, moment, latest.max_deadline, now)
        build = await build_queries.find_build(conn, latest.id)
        assert build is not None, "the latest build was read in this transaction"
        await record_build_change(conn, subject.id, workspace, build, change=f"deadline {moment.isoformat()}")
        await workspace_changed(conn, workspace.id)
        return moment


async def _change(db: Database, subject: Subject, workspace_id: UUID, change: Change) -> None:
    """Run one change on a locked workspace, with its audit entry and its news. Needs workspace:update."""
    async with db.transaction() as conn:
        before = await lock_for(conn, subject, Action.UPDATE, workspace_id)
        after = await change(conn, before, clock.now())
        if after != before:
            await record_workspace(conn, subject.id, AuditAction.WRITE, before=before, after=after)
            await workspace_changed(conn, workspace_id)
