"""Routes that count accounts."""

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter

from homeport.database import Database
from homeport.identity.schemas import GetUserStatusCountsResponse
from homeport.identity.service import insights
from homeport.kit.routes import requires
from homeport.rbac import Subject

OffsetOfZone = Annotated[
    int, QueryParameter(name="tz_offset", ge=-12, le=14, description="Hours east of UTC, where days begin.")
]


@get(
    "/insights/user-status-counts",
    opt=requires("user:read"),
    tags=["Insights"],
    summary="Get insights about user status counts",
)
async def get_user_status_counts(
    subject: Subject, db: Database, tz_offset: OffsetOfZone = 0
) -> GetUserStatusCountsResponse:
    """Count the accounts of each status at the end of each of the last 60 days."""
    return await insights.count_statuses(db, subject=subject, tz_offset=tz_offset)


routes: list[Any] = [get_user_status_counts]
