"""Quiet hours of people."""

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Database
from homeport.identity import rules
from homeport.identity.errors import CustomQuietHoursDisabled
from homeport.identity.queries import users as queries
from homeport.identity.schemas import UpdateUserQuietHoursScheduleRequest, UserQuietHoursScheduleResponse
from homeport.identity.service.trail import attempt_user, record_user
from homeport.identity.service.users import require_person, resolve_user
from homeport.kit import clock
from homeport.kit.schedules import parse_daily
from homeport.rbac import Action, Subject, require


async def get_quiet_hours(
    db: Database, settings: Settings, *, subject: Subject, value: str
) -> UserQuietHoursScheduleResponse:
    """Return the schedule that counts for a user. Needs user:read_personal."""
    async with db.connection() as conn:
        found = await resolve_user(conn, subject, value)
    require(subject, Action.READ_PERSONAL, rules.user_object(found.id), noun="user")
    return rules.quiet_hours_view(found.quiet_hours_schedule, settings, clock.now())


async def update_quiet_hours(
    db: Database, settings: Settings, *, subject: Subject, value: str, request: UpdateUserQuietHoursScheduleRequest
) -> UserQuietHoursScheduleResponse:
    """Set a schedule of one's own; an empty one goes back to the deployment's. Needs user:update_personal."""
    async with db.transaction() as conn:
        found = await resolve_user(conn, subject, value)
        attempt_user(subject.id, AuditAction.WRITE, found)
        require(subject, Action.UPDATE_PERSONAL, rules.user_object(found.id), noun="user")
        require_person(found)
        if not settings.allow_custom_quiet_hours:
            raise CustomQuietHoursDisabled
        wanted = " ".join(request.schedule.split())
        if wanted:
            parse_daily(wanted)
        before = await queries.lock_user(conn, found.id)
        after = await queries.update_quiet_hours(conn, before.id, wanted, clock.now())
        await record_user(conn, subject.id, AuditAction.WRITE, before=before, after=after)
    return rules.quiet_hours_view(after.quiet_hours_schedule, settings, clock.now())
