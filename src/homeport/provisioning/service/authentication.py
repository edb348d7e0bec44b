"""Who a daemon is: by key, by the deployment's pre-shared key, or (left to the session) by a person (spec: identity 9)."""

from uuid import UUID

from homeport.access.authenticators import Presented, ProvisionerResolver
from homeport.access.types import ProvisionerIdentity
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.crypto import hash_token, tokens_equal
from homeport.kit.errors import BadRequest, FieldError, NotAuthenticated
from homeport.provisioning.errors import DaemonCredentialMissing, DaemonKeyInvalid, DaemonPskInvalid
from homeport.provisioning.queries import daemons as queries
from homeport.rbac import InternalName, system_subject

KEY_HEADER = "Coder-Provisioner-Daemon-Key"
PSK_HEADER = "Coder-Provisioner-Daemon-PSK"
JOB_TOKEN_HEADER = "Homeport-Job-Token"
SECRET_LENGTH = 43


def daemon_resolver(deployment_psk: str) -> ProvisionerResolver:
    """Return the resolver of routes for daemons: headers first; where they do not serve, a session that is presented may."""

    async def resolve(db: Database, presented: Presented) -> ProvisionerIdentity | None:
        key, psk = presented.header(KEY_HEADER), presented.header(PSK_HEADER)
        if not key and not psk:
            return None
        try:
            async with db.connection() as conn:
                return await authenticate_daemon(conn, key=key, psk=psk, deployment_psk=deployment_psk)
        except (BadRequest, NotAuthenticated):
            if presented.token:
                return None
            raise

    return resolve


async def resolve_job_holder(_db: Database, presented: Presented) -> ProvisionerIdentity:
    """Recognise whoever brings a job token. Whether it owns the job is decided under the job's lock, by the service."""
    if not presented.header(JOB_TOKEN_HEADER):
        raise DaemonCredentialMissing
    return _identity("key", organization_id=None, key_id=None, tags={})


async def authenticate_daemon(
    conn: Connection, *, key: str | None, psk: str | None, deployment_psk: str
) -> ProvisionerIdentity:
    """Return the identity behind a key or pre-shared key (the two headers' values; empty counts as absent).

    Raises 400 for both at once or a malformed key, 401 for anything that is not valid, or when there is neither.
    """
    if key and psk:
        raise BadRequest(f"Send either {KEY_HEADER} or {PSK_HEADER}, not both.")
    if key:
        return await _by_key(conn, key)
    if not deployment_psk:
        raise DaemonCredentialMissing
    if psk and tokens_equal(hash_token(psk), hash_token(deployment_psk)):
        return _identity("psk", organization_id=None, key_id=None, tags={})
    raise DaemonPskInvalid


async def _by_key(conn: Connection, secret: str) -> ProvisionerIdentity:
    if len(secret) != SECRET_LENGTH:
        raise BadRequest(
            "The provisioner key is not valid.",
            validations=(FieldError(KEY_HEADER, f"A provisioner key has {SECRET_LENGTH} characters."),),
        )
    hashed = hash_token(secret)
    key = await queries.find_key_by_hash(conn, hashed, clock.now())
    if key is None or not tokens_equal(key.hashed_secret, hashed):
        raise DaemonKeyInvalid
    return _identity(
        "key",
        organization_id=key.organization_id,
        key_id=key.id,
        tags=key.tags,
        is_builtin=key.builtin_of is not None,
    )


def _identity(
    kind: str, *, organization_id: UUID | None, key_id: UUID | None, tags: dict[str, str], is_builtin: bool = False
) -> ProvisionerIdentity:
    return ProvisionerIdentity(
        kind="key" if kind == "key" else "psk",
        organization_id=organization_id,
        key_id=key_id,
        tags=tags,
        user_id=None,
        subject=system_subject(InternalName.PROVISIONERD),
        is_builtin=is_builtin,
    )
