"""Schedule arithmetic and the grammar of searches."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeport.kit.errors import BadRequest
from homeport.kit.schedules import parse_schedule
from homeport.workspaces.rules.schedule import (
    NANOSECONDS,
    bumped_deadline,
    check_extension,
    next_autostart,
    required_stop,
    start_deadline,
    ttl_from_wire,
)
from homeport.workspaces.rules.searching import parse_search

# A Thursday.
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.requirement("WS-SCHEDULE-01")
@pytest.mark.parametrize(
    "schedule",
    [
        "", "* * * *", "* * * * * *", "@daily", "61 * * * *", "0 0 31 2 *", "0 0 ? * *", "CRON_TZ=Nowhere * * * * *",
        "CRON_TZ=../../etc/passwd * * * * *", "0-99999999 * * * *", "x" * 300, "\x00 * * * *", "H H * * *",
    ],
)  # fmt: skip
def test_schedules_that_never_come_or_mean_nothing(schedule: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_schedule(schedule)
    assert caught.value.validations[0].field == "schedule"


@pytest.mark.requirement("WS-SCHEDULE-01")
def test_the_next_start_follows_zone_summer_time_and_blocked_days() -> None:
    schedule = "CRON_TZ=Europe/Berlin 30 9 * * 1-5"
    assert next_autostart(schedule, NOW) == datetime(2026, 1, 2, 8, 30, tzinfo=UTC)
    summer = next_autostart(schedule, datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert summer == datetime(2026, 7, 2, 7, 30, tzinfo=UTC)
    friday = 1 << 4
    assert next_autostart(schedule, NOW, blocked_days=friday) == datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
    assert next_autostart(schedule, NOW, blocked_days=0b1111111) is None


@pytest.mark.requirement("WS-TTL-01")
def test_time_to_live_lies_between_a_minute_and_thirty_days() -> None:
    assert ttl_from_wire(None) is None
    assert ttl_from_wire(0) is None
    assert ttl_from_wire(60_000) == 60 * NANOSECONDS
    assert ttl_from_wire(30 * 86_400_000) == 30 * 86_400 * NANOSECONDS
    for wrong in (-1, 59_999, 30 * 86_400_000 + 1, 2**62):
        with pytest.raises(BadRequest) as caught:
            ttl_from_wire(wrong)
        assert caught.value.validations[0].field == "ttl_ms"


@pytest.mark.requirement("WS-DEADLINE-01")
def test_deadline_of_a_start() -> None:
    two = 2 * 3600 * NANOSECONDS

    def deadline(**changes: object) -> datetime | None:
        given = {"now": NOW, "workspace_ttl": None, "default_ttl": 0, "may_user_choose": True, "latest": None}
        return start_deadline(**{**given, **changes})  # type: ignore[arg-type]  # the table holds what fits

    assert deadline() is None
    assert deadline(workspace_ttl=two) == NOW + 2 * HOUR
    assert deadline(workspace_ttl=two, may_user_choose=False) is None
    assert deadline(default_ttl=two, may_user_choose=False) == NOW + 2 * HOUR
    assert deadline(workspace_ttl=two, latest=NOW + HOUR) == NOW + HOUR
    assert deadline(latest=NOW + HOUR) == NOW + HOUR


@pytest.mark.requirement("WS-DEADLINE-01")
def test_required_stop_falls_into_quiet_hours_on_the_days_that_the_template_names() -> None:
    quiet = "CRON_TZ=Europe/Berlin 0 1 * * *"
    assert required_stop(now=NOW, days=0, weeks=0, quiet_hours=quiet) is None
    assert required_stop(now=NOW, days=1, weeks=1, quiet_hours=quiet) == datetime(2026, 1, 5, 0, tzinfo=UTC)
    every = required_stop(now=NOW, days=0b1111111, weeks=1, quiet_hours=quiet)
    assert every == datetime(2026, 1, 2, 0, tzinfo=UTC)
    # Less than an hour away is too soon: the day after.
    late = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    assert required_stop(now=late, days=0b1111111, weeks=1, quiet_hours=quiet) == datetime(2026, 1, 3, 0, tzinfo=UTC)
    for weeks in (2, 3, 4):
        found = required_stop(now=NOW, days=1, weeks=weeks, quiet_hours=quiet)
        assert found is not None
        day = found.astimezone(ZoneInfo("Europe/Berlin")).date()
        assert day.weekday() == 0
        assert (day - datetime(2023, 1, 2, tzinfo=UTC).date()).days // 7 % weeks == 0


@pytest.mark.requirement("WS-EXTEND-01")
@pytest.mark.parametrize(
    ("deadline", "is_allowed"),
    [
        (NOW + timedelta(minutes=29), False),
        (NOW + timedelta(minutes=30), True),
        (NOW - 2 * HOUR, False),
        (NOW + 5 * HOUR, True),
        (NOW + 5 * HOUR + timedelta(seconds=1), False),
    ],
)
def test_extension(deadline: datetime, is_allowed: bool) -> None:
    def ask() -> datetime:
        return check_extension(now=NOW, started_at=NOW - HOUR, deadline=deadline, max_deadline=NOW + 5 * HOUR)

    if is_allowed:
        assert ask() == deadline
    else:
        with pytest.raises(BadRequest):
            ask()


@pytest.mark.requirement("WS-ACTIVITY-01")
def test_activity_moves_the_deadline_forward_only() -> None:
    def bump(deadline: datetime, *, limit: datetime | None = None, start: datetime | None = None) -> datetime:
        return bumped_deadline(
            now=NOW, deadline=deadline, max_deadline=limit, bump=HOUR, ttl=8 * HOUR, next_start=start
        )

    assert bump(NOW + HOUR / 2) == NOW + HOUR
    assert bump(NOW + 3 * HOUR) == NOW + 3 * HOUR
    # A twentieth of the bump is not worth a write.
    assert bump(NOW + HOUR - timedelta(minutes=2)) == NOW + HOUR - timedelta(minutes=2)
    assert bump(NOW + HOUR / 2, limit=NOW + HOUR * 0.75) == NOW + HOUR * 0.75
    assert bump(NOW + HOUR / 2, start=NOW + HOUR / 4) == NOW + HOUR / 4 + 8 * HOUR
    assert bumped_deadline(
        now=NOW, deadline=NOW, max_deadline=None, bump=timedelta(), ttl=HOUR, next_start=None
    ) == NOW  # fmt: skip


@pytest.mark.requirement("WS-SEARCH-01")
def test_search_words() -> None:
    search = parse_search(
        'owner:me status:running,failed has-agent:connected template:py dormant:true "two words" rest'
    )
    assert (search.owner, search.template, search.is_dormant) == ("me", "py", True)
    assert search.statuses == ["running", "failed"]
    assert search.agent_statuses == ["connected"]
    assert search.name_part == "two words rest"
    assert parse_search("ann/dev").owner == "ann"
    assert parse_search("ann/dev").name == "dev"
    assert parse_search('param:"size=very large"').parameters == [("size", "very large")]
    assert parse_search("param:size").parameters == [("size", None)]
    moment = parse_search('last_used_after:"2026-01-01T00:00:00Z"').last_used_after
    assert moment == datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_search("last_used_before:2026-01-01T00:00:00+01:00").last_used_before is not None
    assert parse_search("   ").name_part is None


@pytest.mark.requirement("WS-SEARCH-01")
@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("colour:red", "colour"),
        ("status:asleep", "status"),
        ("has-agent:maybe", "has-agent"),
        ("dormant:perhaps", "dormant"),
        ("id:7", "id"),
        ("last_used_after:yesterday", "last_used_after"),
        ("last_used_after:2026-01-01T00:00:00", "last_used_after"),
        ("owner:a owner:b", "owner"),
        ("owner: rest", "owner"),
        ('name:"open', "q"),
        (":x", "q"),
        ("x" * 2001, "q"),
        ("a\x00b", "q"),
        ("id:" + ",".join(["c42fdf75-3097-471c-8c33-fb52454d81c0"] * 50) + " id:" + ",".join(
            ["c42fdf75-3097-471c-8c33-fb52454d81c0"] * 51), "q"),
    ],
)  # fmt: skip
def test_searches_that_are_not_understood_name_the_word(text: str, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_search(text)
    assert caught.value.validations[0].field == field
