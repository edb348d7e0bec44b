"""Daemons: letting one in, and listing them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from homeport.access.types import ProvisionerIdentity
from homeport.database import Connection, Database, ForeignKeyViolation
from homeport.kit import clock
from homeport.kit.errors import invalid_field
from homeport.kit.ids import new_id
from homeport.organizations.service import resolve_organization
from homeport.provisioning import rules
from homeport.provisioning.errors import DaemonKeyInvalid, TooManyDaemons
from homeport.provisioning.queries import daemons as queries
from homeport.provisioning.queries import jobs as job_queries
from homeport.provisioning.schemas import (
    AcquireJobRequest,
    ProvisionerDaemon,
    ProvisionerDaemonJob,
    ProvisionerJobMetadata,
)
from homeport.provisioning.schemas.daemons import DaemonStatus
from homeport.provisioning.service import inputs
from homeport.provisioning.types import DaemonRow, JobStatus
from homeport.provisioning.types.rows import DaemonKind
from homeport.rbac import Action, Object, ResourceType, Subject, filter_allowed, is_allowed, require

_KINDS: dict[str, DaemonKind] = {"key": "key", "psk": "psk", "user": "user-auth"}


class DaemonFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which daemons a list shows. Without `ids`, `statuses` or `max_age`, quiet ones are left out unless asked for."""

    ids: list[UUID] | None = None
    statuses: list[DaemonStatus] | None = None
    tags: dict[str, str] | None = None
    max_age: timedelta | None = None
    has_offline: bool = False
    limit: int = 50


async def register_daemon(
    db: Database, daemon: ProvisionerIdentity, organization: str, request: AcquireJobRequest
) -> DaemonRow:
    """Let a daemon in and mark it as seen.

    A key fixes organization and tags, and one of the server's own lets its daemon work for every organization. A person who
    may not run daemons for the whole organization runs one for themselves only. Raises 400 for another protocol version or
    tags beside a key, 401 for a key of another organization, 409 where too many with this credential are connected.
    """
    rules.require_version(request.api_version)
    rules.refuse_nul(request)
    try:
        async with db.transaction() as conn:
            await queries.wait_for_no_disk(conn)
            return await _register(conn, daemon, organization, request)
    except ForeignKeyViolation:
        # The key was deleted between its check and this moment.
        raise DaemonKeyInvalid from None


async def list_daemons(
    conn: Connection, subject: Subject, organization: str, which: DaemonFilter
) -> list[ProvisionerDaemon]:
    """Return the daemons of an organization that the subject may read, newest first."""
    organization_id = (await resolve_organization(conn, subject, organization)).id
    now = clock.now()
    rows = await queries.list_daemons(
        conn, organization_id, ids=which.ids, tags=which.tags, seen_after=None if which.max_age is None else now - which.max_age
    )  # fmt: skip
    is_limited = which.ids is not None or which.statuses is not None or which.max_age is not None
    views = await daemon_views(conn, filter_allowed(subject, Action.READ, rows, _object), now)
    return [
        view
        for view in views
        if (which.statuses is None or view.status in which.statuses)
        and (is_limited or which.has_offline or view.status != "offline")
    ][: which.limit]


async def list_unisolated(conn: Connection, subject: Subject) -> list[str]:
    """Return the names of living daemons that run process workspaces without keeping them apart from their machine.

    Of all organizations, as far as the subject may read them.
    """
    rows = await queries.list_unisolated(conn, seen_after=clock.now() - rules.STALE_AFTER)
    return [row.name for row in filter_allowed(subject, Action.READ, rows, _object)]


async def daemon_views(
    conn: Connection, rows: Sequence[queries.DaemonViewRow], now: datetime
) -> list[ProvisionerDaemon]:
    """Return daemons as the API shows them, with their jobs."""
    ids = {job_id for row in rows for job_id in (row.current_job_id, row.previous_job_id) if job_id is not None}
    jobs = await job_queries.list_views(conn, sorted(ids), seen_after=now - rules.STALE_AFTER) if ids else []
    metadata = await inputs.job_metadata(conn, jobs) if jobs else {}
    return [_view(row, metadata, now) for row in rows]


async def _register(
    conn: Connection, daemon: ProvisionerIdentity, organization: str, request: AcquireJobRequest
) -> DaemonRow:
    organization_id = (await resolve_organization(conn, daemon.subject, organization)).id
    if daemon.kind == "key" and daemon.organization_id != organization_id:
        raise DaemonKeyInvalid
    tags = _tags_of(daemon, organization_id, request)
    new = DaemonRow(
        id=new_id(),
        organization_id=organization_id,
        key_id=daemon.key_id,
        kind=_KINDS[daemon.kind],
        name=request.name,
        version=request.version,
        api_version=request.api_version,
        provisioners=sorted(set(request.provisioners)),
        tags=tags,
        created_at=clock.now(),
        last_seen_at=clock.now(),
        isolation=request.isolation,
        is_shared=daemon.is_builtin,
    )
    row = await queries.upsert_daemon(conn, new)
    if row.id == new.id:
        await _make_room(conn, row)
    return row


async def _make_room(conn: Connection, new: DaemonRow) -> None:
    """Keep the daemons of one credential within their number: for a new one the longest quiet one is forgotten."""
    is_of_person = new.kind == "user-auth" and new.tags["scope"] == "user"
    most = rules.MOST_DAEMONS_OF_PERSON if is_of_person else rules.MOST_DAEMONS
    # Whoever registers at the same moment is counted too.
    owner = new.tags["owner"] if new.kind == "user-auth" else ""
    await conn.lock(f"provisioner daemons {new.organization_id} {new.kind} {new.key_id or owner}")
    found = await queries.forget_quietest(conn, new, most=most, seen_before=clock.now() - rules.STALE_AFTER)
    if found > most:
        what = {"key": "this key", "psk": "the shared secret", "user-auth": "a session"}
        raise TooManyDaemons(most, what[new.kind] if not is_of_person else "a person's session")


def _tags_of(daemon: ProvisionerIdentity, organization_id: UUID, request: AcquireJobRequest) -> dict[str, str]:
    if daemon.kind != "user":
        require(
            daemon.subject,
            Action.UPDATE,
            Object(ResourceType.PROVISIONER_DAEMON, organization_id=organization_id),
            noun="provisioner daemon",
        )
    if daemon.kind == "key":
        if request.tags:
            raise invalid_field("tags", "The tags of this daemon come from its key; send none.")
        return dict(daemon.tags)
    if daemon.kind == "psk":
        return rules.normalize_tags(request.tags, _owner_in(request.tags))
    whole = Object(ResourceType.PROVISIONER_DAEMON, organization_id=organization_id)
    if request.tags.get("scope") != "user" and is_allowed(daemon.subject, Action.CREATE, whole):
        return rules.normalize_tags(request.tags, None)
    own = Object(ResourceType.PROVISIONER_DAEMON, organization_id=organization_id, owner_id=daemon.user_id)
    require(daemon.subject, Action.CREATE, own, noun="provisioner daemon")
    return rules.normalize_tags({**request.tags, "scope": "user"}, daemon.user_id)


def _owner_in(tags: dict[str, str]) -> UUID | None:
    try:
        return UUID(tags["owner"]) if tags.get("owner") else None
    except ValueError:
        raise invalid_field("tags", "The tag 'owner' is the id of a user.") from None


def _object(row: DaemonRow) -> Object:
    if row.is_shared:
        # Whoever may see the daemons of an organization sees those that work for all.
        return Object(ResourceType.PROVISIONER_DAEMON, id=row.id, any_organization=True)
    owner = row.tags.get("owner") if row.tags.get("scope") == "user" else None
    return Object(
        ResourceType.PROVISIONER_DAEMON,
        id=row.id,
        organization_id=row.organization_id,
        owner_id=UUID(owner) if owner else None,
    )


def _view(row: queries.DaemonViewRow, metadata: dict[UUID, ProvisionerJobMetadata], now: datetime) -> ProvisionerDaemon:
    pseudo = "built-in" if row.is_builtin else row.kind if row.kind != "key" else None
    status: DaemonStatus = "offline"
    if rules.is_alive(row.last_seen_at, now):
        status = "busy" if row.is_busy else "idle"

    return ProvisionerDaemon(
        id=row.id,
        organization_id=row.organization_id,
        key_id=rules.PSEUDO_KEYS[pseudo] if pseudo else row.key_id or rules.PSEUDO_KEYS["built-in"],
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        name=row.name,
        version=row.version,
        api_version=row.api_version,
        provisioners=row.provisioners,
        tags=row.tags,
        isolation=row.isolation,
        key_name=pseudo or row.key_name,
        status=status,
        current_job=_job_view(row.current_job_id, row.current_job_status, metadata),
        previous_job=_job_view(row.previous_job_id, row.previous_job_status, metadata),
    )


def _job_view(
    job_id: UUID | None, status: JobStatus | None, metadata: dict[UUID, ProvisionerJobMetadata]
) -> ProvisionerDaemonJob | None:
    if job_id is None or status is None:
        return None
    around = metadata.get(job_id, ProvisionerJobMetadata())
    return ProvisionerDaemonJob(
        id=job_id,
        status=status,
        template_name=around.template_name,
        template_icon=around.template_icon,
        template_display_name=around.template_display_name,
    )
