"""Quiet hours: when a required stop may interrupt somebody (spec: authorization-and-data 23, api-models)."""

from datetime import datetime

from homeport.config import Settings
from homeport.identity.schemas import UserQuietHoursScheduleResponse
from homeport.kit.schedules import parse_daily


def quiet_hours_of(own: str, settings: Settings) -> str:
    """Return the schedule that counts for somebody whose own one this is (empty: none)."""
    return own if own and settings.allow_custom_quiet_hours else settings.quiet_hours_default_schedule


def quiet_hours_view(own: str, settings: Settings, now: datetime) -> UserQuietHoursScheduleResponse:
    """Return the schedule that counts as the wire shows it."""
    schedule = quiet_hours_of(own, settings)
    moment = parse_daily(schedule)
    return UserQuietHoursScheduleResponse(
        raw_schedule=schedule,
        user_set=bool(own) and settings.allow_custom_quiet_hours,
        user_can_set=settings.allow_custom_quiet_hours,
        time=f"{moment.hour:02}:{moment.minute:02}",
        timezone=moment.zone,
        next=moment.next_after(now),
    )
