"""What people have allowed clients: recorded, given a code for, listed, ended.

The end of a grant ends everything that came from it at once: codes, families, tokens and their API keys go with its row.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from homeport.audit import AuditAction, AuditResource, attempt, record
from homeport.config import Settings
from homeport.database import Connection, Database, EventBus
from homeport.identity.service.users import resolve_user
from homeport.identity.types import Identity, LoginType, SignedOutEverywhere
from homeport.kit import clock
from homeport.kit.http import Page
from homeport.kit.ids import new_id
from homeport.oauth2.errors import OAuthError, invalid_client, invalid_request
from homeport.oauth2.queries import apps as app_queries
from homeport.oauth2.queries import codes as code_queries
from homeport.oauth2.queries import grants as queries
from homeport.oauth2.queries import tokens as token_queries
from homeport.oauth2.queries.grants import ListedGrant
from homeport.oauth2.rules.credentials import CredentialKind
from homeport.oauth2.rules.objects import grant_object
from homeport.oauth2.rules.resources import resources_of
from homeport.oauth2.schemas.grants import OAuth2ProviderGrant
from homeport.oauth2.service.credentials import new_credential
from homeport.oauth2.types import CODE_LIFETIME, AppRow, CodeRow, GrantRow
from homeport.rbac import Action, ResourceType, Subject, is_allowed, not_found, predicate, require

_NOUN = "grant"


def require_person(identity: Identity) -> None:
    """Refuse whoever is no person with all their rights: an application, or a key with a scope, cannot allow more than it has."""
    is_application = identity.key_login_type == LoginType.OAUTH2_PROVIDER_APP
    if is_application or not is_allowed(identity.subject, Action.CREATE, grant_object(identity.user_id)):
        raise OAuthError(
            "access_denied",
            "Only a person who has signed in can allow this; an access token or a key with limited scopes cannot.",
            status=403,
        )


async def hold_parties(conn: Connection, *, user_id: UUID, app: AppRow) -> None:
    """Keep person and client from being deleted until the transaction ends: the first step of every answer.

    Raises invalid_client when the client is gone, or its person.
    """
    if await code_queries.hold_parties(conn, user_id, app.id) is None:
        raise invalid_client("This client has just been removed; register it again.")


async def record_grant(
    conn: Connection, *, user_id: UUID, app: AppRow, resource_uri: str, scopes: Sequence[str], redirect_host: str = ""
) -> GrantRow:
    """Record what a person has allowed a client, in addition to what they did before. The caller has held the parties.

    `resource_uri` is as grants hold it (`rules.authorization.grant_resource`).
    """
    now = clock.now()
    before = await queries.lock_grant(conn, user_id, app.id, resource_uri)
    wanted = GrantRow(
        id=new_id(),
        user_id=user_id,
        app_id=app.id,
        resource_uri=resource_uri,
        scopes=list(scopes),
        redirect_hosts=[redirect_host] if redirect_host else [],
        created_at=now,
        updated_at=now,
    )
    after = await queries.put_grant(conn, wanted)
    action = AuditAction.CREATE if before is None else AuditAction.WRITE
    await _record(conn, user_id, action, app, before=before, after=after, consent="given")
    return after


async def record_denial(conn: Connection, *, user_id: UUID, app: AppRow, resource_uri: str) -> None:
    """Record that a person has refused a client."""
    await record(
        conn,
        subject_id=user_id,
        action=AuditAction.CREATE,
        resource=AuditResource(app.id, app.name),
        resource_type="oauth2_provider_grant",
        status_code=403,
        additional_fields={
            "consent": "denied", "client_id": app.client_id, "app_id": str(app.id), "resource_uri": resource_uri,
        },
    )  # fmt: skip


async def issue_code(
    conn: Connection,
    *,
    grant: GrantRow,
    app: AppRow,
    scopes: Sequence[str],
    resource_uri: str,
    code_challenge: str,
    state_hash: str | None,
    redirect_uri: str,
) -> str:
    """Make an authorization code of a grant and return it; it is stored nowhere. Empty texts: the request said nothing.

    A confidential client has one code at a time, as it has one family of tokens; a public one runs in many places at once.
    """
    now = clock.now()
    made = new_credential(CredentialKind.CODE)
    if not app.is_public:
        await code_queries.delete_codes_of_grant(conn, grant.id)
    row = CodeRow(
        id=new_id(),
        created_at=now,
        expires_at=now + CODE_LIFETIME,
        secret_prefix=made.prefix_hash,
        hashed_secret=made.secret_hash,
        user_id=grant.user_id,
        app_id=app.id,
        grant_id=grant.id,
        scopes=list(scopes),
        resource_uri=resource_uri or None,
        code_challenge=code_challenge or None,
        code_challenge_method="S256" if code_challenge else None,
        state_hash=state_hash,
        redirect_uri=redirect_uri or None,
    )
    await code_queries.insert_code(conn, row)
    await record(
        conn,
        subject_id=grant.user_id,
        action=AuditAction.CREATE,
        resource=AuditResource(row.id, app.name),
        after=row,
        additional_fields={"client_id": app.client_id, "app_id": str(app.id), "grant_id": str(grant.id)},
    )
    return made.text


async def list_grants(
    db: Database, settings: Settings, *, subject: Subject, user: str = "", client_id: str = "", page: Page
) -> list[OAuth2ProviderGrant]:
    """Return the grants that `subject` may read, the latest first: of one person (`me`, id or name), of one client, or all."""
    visible = predicate(
        subject,
        Action.READ,
        ResourceType.OAUTH2_APP_CODE_TOKEN,
        queries.COLUMNS,
        first_parameter=queries.FIRST_PARAMETER,
    )
    app = await _find_app(db, client_id) if client_id else None
    async with db.connection() as conn:
        person = await resolve_user(conn, subject, user) if user else None
        if client_id and app is None:
            return []
        rows = await queries.list_grants(
            conn,
            user_id=person.id if person else None,
            app_id=app.id if app else None,
            limit=page.limit,
            offset=page.offset,
            predicate=visible.sql,
            arguments=visible.args,
        )
    return [_view(row, settings) for row in rows]


async def revoke_grant(db: Database, *, subject: Subject, grant_id: UUID) -> None:
    """End a grant and every token that came from it, at once. One's own, or anybody's for an owner."""
    async with db.transaction() as conn:
        row = await queries.lock_grant_by_id(conn, grant_id)
        if row is not None:
            resource = AuditResource(row.id, await queries.find_app_name(conn, row.app_id))
            attempt("oauth2_provider_grant", subject_id=subject.id, action=AuditAction.DELETE, resource=resource)
        require(subject, Action.DELETE, grant_object(row.user_id if row else None, grant_id), noun=_NOUN)
        if row is None:
            raise not_found(_NOUN)
        await queries.delete_grant(conn, row.id)
        await _record_end(conn, subject.id, row, await queries.find_app_name(conn, row.app_id))


async def revoke_client(db: Database, *, subject: Subject, client_id: str) -> None:
    """End all that the caller has allowed a client, and all tokens that it holds in their name. Nothing to end is no error.

    Raises invalid_request without a client_id, invalid_client for an unknown one.
    """
    require(subject, Action.DELETE, grant_object(subject.id), noun=_NOUN)
    if not client_id:
        raise invalid_request("The parameter client_id is missing.")
    app = await _find_app(db, client_id)
    if app is None:
        raise invalid_client("There is no client with this client_id.")
    async with db.transaction() as conn:
        for row in await queries.delete_grants_of_app(conn, subject.id, app.id):
            await _record_end(conn, subject.id, row, app.name)
        await queries.delete_tokens_of_app(conn, subject.id, app.id)


def register(events: EventBus) -> None:
    """Let what was allowed end when its person signs out everywhere. Once per process."""
    events.subscribe(SignedOutEverywhere, _take_back_all)


async def _take_back_all(conn: Connection, event: SignedOutEverywhere) -> None:
    """An application that is to go on asks its person again."""
    for row in await queries.delete_grants_of_user(conn, event.user_id):
        await _record_end(conn, event.actor_id, row, await queries.find_app_name(conn, row.app_id))
    await token_queries.delete_all_of_user(conn, event.user_id, with_grants=True)


async def _find_app(db: Database, client_id: str) -> AppRow | None:
    """Return a client that is known here, whatever became of its document: what it was allowed can always be ended."""
    if not client_id.isprintable() or not client_id.isascii():
        return None
    try:
        app_id = UUID(client_id)
    except ValueError:
        return await app_queries.find_app_by_url(db, client_id)
    return await app_queries.find_app(db, app_id)


def _view(row: ListedGrant, settings: Settings) -> OAuth2ProviderGrant:
    return OAuth2ProviderGrant(
        id=row.id,
        user_id=row.user_id,
        username=row.username,
        app_id=row.app_id,
        client_id=row.metadata_url or str(row.app_id),
        client_name=row.client_name,
        client_kind=row.client_kind,
        client_type=row.client_type,
        resource=row.resource_uri or resources_of(settings.access_url)[0],
        scopes=row.scopes,
        redirect_hosts=row.redirect_hosts,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_used_at=row.last_used_at if row.last_used_at and row.last_used_at.year > 1970 else msgspec.UNSET,
    )


async def _record(
    conn: Connection,
    subject_id: UUID,
    action: AuditAction,
    app: AppRow,
    *,
    before: GrantRow | None,
    after: GrantRow,
    **details: str,
) -> None:
    await record(
        conn,
        subject_id=subject_id,
        action=action,
        resource=AuditResource(after.id, app.name),
        before=before,
        after=after,
        additional_fields={"client_id": app.client_id, "app_id": str(app.id), **details},
    )


async def _record_end(conn: Connection, subject_id: UUID, row: GrantRow, name: str) -> None:
    await record(
        conn,
        subject_id=subject_id,
        action=AuditAction.DELETE,
        resource=AuditResource(row.id, name),
        before=row,
        additional_fields={"app_id": str(row.app_id), "user_id": str(row.user_id)},
    )
