"""Who a daemon is: by key, by the deployment's pre-shared key, or (left to the session) by a person (spec: identity 9)."""

from uuid import UUID

from homeport.access.authenticators import Presented, ProvisionerResolver
from homeport.access.types import ProvisionerIdentity
from homeport.database import Connection, Database, DatabaseError
from homeport.kit import clock
from homeport.kit.crypto import hash_token, tokens_equal
from homeport.kit.errors import BadRequest, FieldError, NotAuthenticated, NotFound
from homeport.organizations.service import resolve_organization
from homeport.provisioning.errors import DaemonCredentialMissing, DaemonKeyInvalid, DaemonPskInvalid
from homeport.provisioning.queries import daemons as queries
from homeport.rbac import InternalName, system_subject

KEY_HEADER = "Coder-Provisioner-Daemon-Key"
PSK_HEADER = "Coder-Provisioner-Daemon-PSK"
JOB_TOKEN_HEADER = "Homeport-Job-Token"
SECRET_LENGTH = 43


def daemon_resolver(deployment_psk: str) -> ProvisionerResolver:
    """Return the resolver of routes for daemons.

    Beside a session that is presented the headers are optional: where they do not serve, the session has the word. Without one
    they are required. Who presents none of the headers is left to the session as well, which may be missing (401).
    """

    async def resolve(db: Database, presented: Presented) -> ProvisionerIdentity | None:
        key, psk = presented.header(KEY_HEADER), presented.header(PSK_HEADER)
        if not key and not psk:
            return None
        organization = str(presented.path_values.get("organization", ""))
        return await (try_daemon if presented.token else authenticate_daemon)(
            db, key=key, psk=psk, deployment_psk=deployment_psk, organization=organization
        )

    return resolve


async def resolve_job_holder(_db: Database, presented: Presented) -> ProvisionerIdentity:
    """Recognise whoever brings a job token. Whether it owns the job is decided under the job's lock, by the service."""
    if not presented.header(JOB_TOKEN_HEADER):
        raise DaemonCredentialMissing
    return _identity("key", organization_id=None, key_id=None, tags={})


async def authenticate_daemon(
    db: Database, *, key: str | None, psk: str | None, deployment_psk: str, organization: str = ""
) -> ProvisionerIdentity:
    """Return the identity behind a key or pre-shared key (the two headers' values; empty counts as absent): they are required.

    With `organization`, as a path names it, a key must be of that one. Raises 400 for both at once or a malformed key, 401
    for anything that is not valid, for neither, and for a key of another organization, which looks as if it were unknown.
    """
    if key and psk:
        raise BadRequest(f"Send either {KEY_HEADER} or {PSK_HEADER}, not both.")
    if key:
        async with db.connection() as conn:
            return await _by_key(conn, key, organization)
    if not deployment_psk:
        raise DaemonCredentialMissing
    if psk and tokens_equal(hash_token(psk), hash_token(deployment_psk)):
        return _identity("psk", organization_id=None, key_id=None, tags={})
    raise DaemonPskInvalid


async def try_daemon(
    db: Database, *, key: str | None, psk: str | None, deployment_psk: str, organization: str = ""
) -> ProvisionerIdentity | None:
    """Return the identity, or None for whatever is wrong: the credentials are optional, and another identity must serve."""
    try:
        return await authenticate_daemon(db, key=key, psk=psk, deployment_psk=deployment_psk, organization=organization)
    except (BadRequest, NotAuthenticated, DatabaseError):
        return None


async def _by_key(conn: Connection, secret: str, organization: str) -> ProvisionerIdentity:
    if len(secret) != SECRET_LENGTH:
        raise BadRequest(
            "The provisioner key is not valid.",
            validations=(FieldError(KEY_HEADER, f"A provisioner key has {SECRET_LENGTH} characters."),),
        )
    hashed = hash_token(secret)
    key = await queries.find_key_by_hash(conn, hashed, clock.now())
    if key is None or not tokens_equal(key.hashed_secret, hashed):
        raise DaemonKeyInvalid
    if organization and not await _is_of(conn, key.organization_id, organization):
        raise DaemonKeyInvalid
    return _identity(
        "key",
        organization_id=key.organization_id,
        key_id=key.id,
        tags=key.tags,
        is_builtin=key.builtin_of is not None,
    )


async def _is_of(conn: Connection, organization_id: UUID, organization: str) -> bool:
    """Whether a path means this organization. One that means nothing is left to the route: it answers 404."""
    try:
        found = await resolve_organization(conn, system_subject(InternalName.PROVISIONERD), organization)
    except NotFound:
        return True
    return found.id == organization_id


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
