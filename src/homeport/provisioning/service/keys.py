"""Keys of daemons: those that people make for remote daemons, and the short-lived ones of the server's own."""

from datetime import timedelta
from uuid import UUID

from homeport.access.types import ProvisionerIdentity
from homeport.audit.service import attempt, record
from homeport.audit.types import AuditAction, AuditResource
from homeport.database import Connection, Database, UniqueViolation
from homeport.kit import clock
from homeport.kit.crypto import hash_token, tokens_equal
from homeport.kit.ids import new_id, random_text
from homeport.kit.names import validate_version_name
from homeport.organizations.service import resolve_organization
from homeport.provisioning import rules
from homeport.provisioning.errors import KeyNameTaken, KeyNotFound, KeyReserved
from homeport.provisioning.queries import daemons as queries
from homeport.provisioning.schemas import (
    CreateProvisionerKeyRequest,
    ProvisionerDaemon,
    ProvisionerKey,
    ProvisionerKeyDaemons,
)
from homeport.provisioning.service.authentication import SECRET_LENGTH
from homeport.provisioning.service.daemons import daemon_views
from homeport.provisioning.service.jobs import REVOKED
from homeport.provisioning.service.reaper import end_builtin_jobs, end_jobs_of_key
from homeport.provisioning.types import ProvisionerKeyRow
from homeport.provisioning.types.rows import KEY_AUDIT
from homeport.rbac import Action, Object, ResourceType, Subject, require

BUILTIN_LIFETIME = timedelta(hours=1)


async def create_key(db: Database, subject: Subject, organization: str, request: CreateProvisionerKeyRequest) -> str:
    """Make a key and return its secret, shown this once. Raises 400 for a bad or reserved name, 409 for a taken one."""
    async with db.transaction() as conn:
        organization_id = await _authorize(conn, subject, organization, Action.CREATE)
        if request.name.lower() in rules.PSEUDO_KEYS:
            raise KeyReserved(request.name)
        validate_version_name(request.name)
        key, secret = _new_key(
            organization_id,
            request.name,
            tags=rules.normalize_tags(request.tags or {}, None),
            builtin_of=None,
            lifetime=None,
        )
        try:
            async with conn.savepoint():
                await queries.insert_key(conn, key)
        except UniqueViolation:
            raise KeyNameTaken(request.name) from None
        await record(
            conn, subject_id=subject.id, action=AuditAction.CREATE, resource=_resource(key), after=key, status_code=201
        )
    return secret


async def list_keys(conn: Connection, subject: Subject, organization: str) -> list[ProvisionerKey]:
    """Return the keys that people made in an organization, oldest first."""
    organization_id = await _authorize(conn, subject, organization, Action.READ)
    return [_view(key) for key in await queries.list_keys(conn, organization_id)]


async def list_key_daemons(conn: Connection, subject: Subject, organization: str) -> list[ProvisionerKeyDaemons]:
    """Return all keys with their daemons, and the pseudo keys that have any."""
    organization_id = await _authorize(conn, subject, organization, Action.READ)
    rows = await queries.list_daemons(conn, organization_id)
    by_key: dict[UUID, list[ProvisionerDaemon]] = {}
    for view in await daemon_views(conn, rows, clock.now()):
        by_key.setdefault(view.key_id, []).append(view)
    keys = [_view(key) for key in await queries.list_keys(conn, organization_id)]
    for name, key_id in rules.PSEUDO_KEYS.items():
        if key_id in by_key:
            first = min(view.created_at for view in by_key[key_id])
            keys.append(ProvisionerKey(id=key_id, created_at=first, organization=organization_id, name=name, tags={}))
    return [ProvisionerKeyDaemons(key=key, daemons=by_key.get(key.id, [])) for key in keys]


async def delete_key(db: Database, subject: Subject, organization: str, name: str) -> None:
    """Delete a key: its daemons are gone with it, what they ask at this moment is refused, and their jobs end as failed.

    Raises 400 for a reserved name, 404 for an unknown one.
    """
    async with db.transaction() as conn:
        organization_id = (await resolve_organization(conn, subject, organization)).id
        key = await queries.find_key_by_name(conn, organization_id, name)
        if key is not None:
            attempt(KEY_AUDIT, subject_id=subject.id, action=AuditAction.DELETE, resource=_resource(key))
        _require(subject, organization_id, Action.DELETE)
        if name.lower() in rules.PSEUDO_KEYS:
            raise KeyReserved(name)
        if key is None:
            raise KeyNotFound
        if key.builtin_of is not None:
            raise KeyReserved(name)
        await end_jobs_of_key(conn, key.id)
        await queries.delete_key(conn, key.id)
        await conn.notify(REVOKED, str(key.id))
        await record(
            conn, subject_id=subject.id, action=AuditAction.DELETE, resource=_resource(key), before=key, status_code=204
        )


async def read_own_key(conn: Connection, daemon: ProvisionerIdentity, secret: str) -> ProvisionerKey:
    """Return the key that the caller has authenticated with, when the path names the same one."""
    key = await queries.find_key_by_hash(conn, hash_token(secret), clock.now())
    if key is None or daemon.key_id != key.id or not tokens_equal(key.hashed_secret, hash_token(secret)):
        raise KeyNotFound
    require(
        daemon.subject,
        Action.READ,
        Object(ResourceType.PROVISIONER_DAEMON, id=key.id, organization_id=key.organization_id),
        noun="provisioner key",
    )
    return _view(key)


async def create_builtin_key(
    conn: Connection,
    *,
    organization_id: UUID,
    installation: str,
    tags: dict[str, str] | None = None,
    lifetime: timedelta = BUILTIN_LIFETIME,
) -> tuple[ProvisionerKeyRow, str]:
    """Make a key for built-in daemons of this installation; returns the row and the secret.

    `installation` names the server's data folder, so that a restarted server can tell what its dead self has left
    behind. The key dies by itself unless `renew_builtin_key` is called in time.
    """
    key, secret = _new_key(
        organization_id,
        f"built-in-{random_text(16)}",
        tags=rules.normalize_tags(tags or {}, None),
        builtin_of=installation,
        lifetime=lifetime,
    )
    return await queries.insert_key(conn, key), secret


async def renew_builtin_key(conn: Connection, key_id: UUID, *, lifetime: timedelta = BUILTIN_LIFETIME) -> bool:
    """Let a built-in key live on for `lifetime` from now; False when it is gone and a new one is needed."""
    return await queries.update_key_expiry(conn, key_id, clock.now() + lifetime)


async def revoke_builtin_keys(conn: Connection, installation: str) -> int:
    """Delete all keys of this installation's built-in daemons (at shut-down, after they have ended).

    What one of them has left running ends now, not by the reaper; returns how many jobs that were.
    """
    return len(await end_builtin_jobs(conn, installation))


def _new_key(
    organization_id: UUID, name: str, *, tags: dict[str, str], builtin_of: str | None, lifetime: timedelta | None
) -> tuple[ProvisionerKeyRow, str]:
    secret = random_text(SECRET_LENGTH)
    now = clock.now()
    row = ProvisionerKeyRow(
        id=new_id(),
        organization_id=organization_id,
        name=name,
        hashed_secret=hash_token(secret),
        tags=tags,
        builtin_of=builtin_of,
        expires_at=None if lifetime is None else now + lifetime,
        created_at=now,
    )
    return row, secret


async def _authorize(conn: Connection, subject: Subject, organization: str, action: Action) -> UUID:
    organization_id = (await resolve_organization(conn, subject, organization)).id
    _require(subject, organization_id, action)
    return organization_id


def _require(subject: Subject, organization_id: UUID, action: Action) -> None:
    target = Object(ResourceType.PROVISIONER_DAEMON, organization_id=organization_id)
    require(subject, action, target, noun="provisioner key")


def _resource(key: ProvisionerKeyRow) -> AuditResource:
    return AuditResource(id=key.id, target=key.name, organization_id=key.organization_id)


def _view(key: ProvisionerKeyRow) -> ProvisionerKey:
    return ProvisionerKey(
        id=key.id, created_at=key.created_at, organization=key.organization_id, name=key.name, tags=key.tags
    )
