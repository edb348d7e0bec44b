"""Whether a planned build fits its owner's budget (spec: authorization-and-data 22)."""

from uuid import UUID

from homeport.database import Connection, Database
from homeport.organizations.service import resolve_member, resolve_organization
from homeport.provisioning.schemas import CommitQuotaResponse
from homeport.provisioning.types import ProvisionerJobRow
from homeport.rbac import Action, Object, ResourceType, Subject, require
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import quotas as queries
from homeport.workspaces.queries import workspaces as workspace_queries
from homeport.workspaces.rules.quota import UNLIMITED, decide
from homeport.workspaces.schemas import WorkspaceQuota


async def commit_quota(conn: Connection, job: ProvisionerJobRow, daily_cost: int) -> CommitQuotaResponse:
    """Book the build's cost when it fits. Owner and organization are the workspace's at this moment.

    A stop or delete is never refused. Builds of one owner in one organization take turns, so that each counts what those
    before it have booked; those of others wait for nothing.
    """
    build = await build_queries.find_build_of_job(conn, job.id)
    workspace = None if build is None else await workspace_queries.find_workspace(conn, build.workspace_id)
    if build is None or workspace is None:
        return CommitQuotaResponse(ok=True, credits_consumed=0, budget=UNLIMITED)
    await conn.lock(f"quota:{workspace.organization_id}:{workspace.owner_id}")
    consumed = await queries.get_consumed(conn, workspace.owner_id, workspace.organization_id, without=workspace.id)
    budget = await _budget(conn, workspace.owner_id, workspace.organization_id)
    decision = decide(
        consumed=consumed,
        requested=daily_cost,
        last_start_cost=await build_queries.find_last_start_cost(conn, workspace.id, build.build_number),
        budget=budget if build.transition == "start" else UNLIMITED,
    )
    if decision.is_allowed:
        await build_queries.update_daily_cost(conn, build.id, daily_cost)
    return CommitQuotaResponse(ok=decision.is_allowed, credits_consumed=decision.credits_consumed, budget=budget)


async def get_quota(db: Database, *, subject: Subject, user: str, organization: str) -> WorkspaceQuota:
    """Return what a member spends and may spend. Needs to read the member's workspaces."""
    async with db.connection() as conn:
        place = await resolve_organization(conn, subject, organization)
        member = await resolve_member(conn, subject, place.id, user)
        target = Object(ResourceType.WORKSPACE, "", member.user_id, place.id)
        require(subject, Action.READ, target, noun="workspace quota")
        return WorkspaceQuota(
            credits_consumed=await queries.get_consumed(conn, member.user_id, place.id),
            budget=await _budget(conn, member.user_id, place.id),
        )


async def _budget(conn: Connection, user_id: UUID, organization_id: UUID) -> int:
    """Return the sum of the allowances; unlimited for the server's own users, and where the organization has no quotas."""
    if await queries.is_system(conn, user_id) or not await queries.has_quotas(conn, organization_id):
        return UNLIMITED
    return sum(await queries.list_allowances(conn, user_id, organization_id))
