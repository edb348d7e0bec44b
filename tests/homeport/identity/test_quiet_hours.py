"""Quiet hours: the deployment's, one's own, and what is no such schedule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeport.database import Database
from homeport.kit.errors import BadRequest
from homeport.kit.schedules import DailyMoment, parse_daily
from tests.support.accounts import Accounts, Api, build_api

PATH = "/users/me/quiet-hours"


@pytest.mark.requirement("USER-QUIET-01")
async def test_the_deployments_until_one_sets_ones_own(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    found = (await api.call(person, "GET", PATH)).json()
    assert {**found, "next": ""} == {
        "raw_schedule": "CRON_TZ=UTC 0 0 * * *", "user_set": False, "user_can_set": True, "time": "00:00", "timezone": "UTC", "next": "",
    }  # fmt: skip
    own = "CRON_TZ=Europe/Berlin  5 23 * * * "
    answer = await api.call(person, "PUT", PATH, {"schedule": own})
    assert answer.status_code == 200
    found = answer.json()
    assert {**found, "next": ""} == {
        "raw_schedule": "CRON_TZ=Europe/Berlin 5 23 * * *", "user_set": True, "user_can_set": True, "time": "23:05",
        "timezone": "Europe/Berlin", "next": "",
    }  # fmt: skip
    assert (await api.call(person, "GET", PATH)).json() == found
    entry = await api.db.fetchrow("select diff from audit_logs where resource_id = $1 and action = 'write'", person.id)
    assert entry is not None
    assert entry["diff"]["quiet_hours_schedule"]["new"] == "CRON_TZ=Europe/Berlin 5 23 * * *"
    assert (await api.call(person, "PUT", PATH, {"schedule": ""})).json()["user_set"] is False


@pytest.mark.requirement("USER-QUIET-02")
@pytest.mark.parametrize(
    "schedule",
    [
        "1", "* * * * *", "0 */2 * * *", "0 1,2 * * *", "0 24 * * *", "60 1 * * *", "0 0 * * 1-5", "0 0 1 * *", "0 0 * 6 *",
        "CRON_TZ=Mars/Base 0 0 * * *", "CRON_TZ= 0 0 * * *", "CRON_TZ=../etc/passwd 0 0 * * *", "0 0 * * *\u0000", "x" * 300, "0-5 0 * * *",
    ],
)  # fmt: skip
async def test_what_is_no_moment_of_every_day_is_refused(api: Api, accounts: Accounts, schedule: str) -> None:
    refused = await api.call(await accounts.make(), "PUT", PATH, {"schedule": schedule})
    assert refused.status_code == 400, refused.text
    assert [problem["field"] for problem in refused.json()["validations"]] == ["schedule"]


@pytest.mark.requirement("USER-QUIET-03")
async def test_where_people_may_not_set_them_the_deployments_count(db: Database, accounts: Accounts) -> None:
    person = await accounts.make()
    await db.execute("update users set quiet_hours_schedule = '1 1 * * *' where id = $1", person.id)
    api = build_api(db, allow_custom_quiet_hours=False, quiet_hours_default_schedule="CRON_TZ=Asia/Tokyo 30 3 * * *")
    found = (await api.call(person, "GET", PATH)).json()
    assert (found["raw_schedule"], found["user_set"], found["user_can_set"]) == (
        "CRON_TZ=Asia/Tokyo 30 3 * * *",
        False,
        False,
    )
    assert (await api.call(person, "PUT", PATH, {"schedule": "2 2 * * *"})).status_code == 403
    await api.gate.close()


@pytest.mark.requirement("USER-QUIET-04")
async def test_whose_quiet_hours_one_may_see_and_set(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    for kind, read, write in (
        ("member", 404, 404), ("auditor", 403, 403), ("user-admin", 200, 200), ("owner", 200, 200), ("organization-admin", 403, 403),
    ):  # fmt: skip
        actor = await accounts.make(kind)
        path = f"/users/{person.id}/quiet-hours"
        assert (await api.call(actor, "GET", path)).status_code == read, kind
        assert (await api.call(actor, "PUT", path, {"schedule": "1 1 * * *"})).status_code == write, kind


BERLIN = DailyMoment(2, 30, "Europe/Berlin")


@pytest.mark.requirement("USER-QUIET-05")
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (datetime(2026, 1, 1, 0, 0, tzinfo=UTC), datetime(2026, 1, 1, 1, 30, tzinfo=UTC)),
        (datetime(2026, 1, 1, 1, 30, tzinfo=UTC), datetime(2026, 1, 2, 1, 30, tzinfo=UTC)),
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), datetime(2026, 7, 2, 0, 30, tzinfo=UTC)),
        # That night there is no half past two, and in autumn there are two of them.
        (datetime(2026, 3, 28, 12, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 24, 12, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_the_next_moment(after: datetime, expected: datetime) -> None:
    assert BERLIN.next_after(after) == expected
    assert BERLIN.next_after(expected) - expected >= timedelta(hours=22)


def test_a_schedule_is_read() -> None:
    assert parse_daily("CRON_TZ=Europe/Berlin 30 2 * * *") == BERLIN
    read: Any = parse_daily("0 7 * * *")
    assert (read.zone, read.hour) == ("UTC", 7)
    with pytest.raises(BadRequest):
        parse_daily("")
