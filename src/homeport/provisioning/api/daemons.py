"""HTTP of an organization's daemons."""

from datetime import timedelta
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from homeport.access.routes import requires
from homeport.database import Database
from homeport.kit.http import LimitParameter
from homeport.provisioning.api.query import daemon_statuses_in, ids_in, tags_in
from homeport.provisioning.schemas import ProvisionerDaemon
from homeport.provisioning.service import daemons
from homeport.provisioning.service.daemons import DaemonFilter
from homeport.rbac import Subject


@get(
    "/organizations/{organization:str}/provisionerdaemons",
    summary="List provisioner daemons",
    tags=["Provisioning"],
    opt=requires("provisioner_daemon:read"),
)
async def list_daemons(
    organization: str,
    subject: Subject,
    db: Database,
    limit: LimitParameter = 50,
    ids: Annotated[str | None, Parameter(description="Ids, separated by commas.")] = None,
    status: Annotated[str | None, Parameter(description="offline, idle, busy, separated by commas.")] = None,
    tags: Annotated[str | None, Parameter(description="Tags that daemons must have, as a JSON object.")] = None,
    max_age: Annotated[int | None, Parameter(description="Seen within this many seconds.", ge=1, le=31_536_000)] = None,
    offline: Annotated[bool, Parameter(description="Show daemons that have gone quiet too.")] = False,
) -> list[ProvisionerDaemon]:
    """Return the organization's daemons, newest first."""
    which = DaemonFilter(
        ids=ids_in(ids, "ids"), statuses=daemon_statuses_in(status), tags=tags_in(tags), has_offline=offline,
        max_age=None if max_age is None else timedelta(seconds=max_age), limit=limit or 50,
    )  # fmt: skip
    async with db.connection() as conn:
        return await daemons.list_daemons(conn, subject, organization, which)


routes: list[HTTPRouteHandler] = [list_daemons]
