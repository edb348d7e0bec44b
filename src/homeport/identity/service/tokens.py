"""Tokens: named API keys that people make for programs, with a life of their own, scopes and an allow-list (spec: identity 3)."""

from datetime import timedelta

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Database
from homeport.identity import rules
from homeport.identity.errors import KeyNotFound, ScopeTooWide
from homeport.identity.queries import keys as queries
from homeport.identity.schemas import (
    APIAllowListTarget,
    APIKey,
    APIKeyWithOwner,
    CreateTokenRequest,
    GenerateAPIKeyResponse,
    TokenConfig,
)
from homeport.identity.service.keys import FULL_SCOPE, create_key
from homeport.identity.service.trail import attempt_key, record_key
from homeport.identity.service.users import OWNER, require_person, resolve_user
from homeport.identity.service.views import key_view, owned_key_view
from homeport.identity.types import WILDCARD_TARGET, LoginType, UserRow
from homeport.kit.errors import invalid_field
from homeport.kit.ids import random_name
from homeport.kit.names import is_storable, validate_name
from homeport.rbac import (
    EXTERNAL_SCOPE_NAMES,
    Action,
    ResourceType,
    Subject,
    covers,
    predicate,
    require,
    scope_for_key,
)

_MOST_ENTRIES = 128
_LEGACY_SCOPES = {"all": FULL_SCOPE, "application_connect": "coder:application_connect"}


async def create_token(
    db: Database, settings: Settings, *, subject: Subject, value: str, request: CreateTokenRequest
) -> GenerateAPIKeyResponse:
    """Make a token for a user. Needs api_key:create on the user. Raises Taken for a name in use."""
    async with db.transaction() as conn:
        owner = await resolve_user(conn, subject, value)
        attempt_key(subject.id, AuditAction.CREATE, owner_id=owner.id)
        require(subject, Action.CREATE, rules.key_object(owner.id), noun="API key")
        require_person(owner)
        lifetime = rules.token_lifetime(
            request.lifetime, default=settings.default_token_lifetime, cap=lifetime_cap(settings, owner)
        )
        name = validate_name(request.token_name, "token_name") if request.token_name else random_name()
        scopes, allow_list = _scopes(request), _allow_list(request.allow_list)
        if not covers(subject.scope, scope_for_key(scopes, allow_list)):
            raise ScopeTooWide
        row, token = await create_key(
            conn,
            user_id=owner.id,
            login_type=LoginType.TOKEN,
            lifetime=lifetime,
            token_name=name,
            scopes=scopes,
            allow_list=allow_list,
        )
        await record_key(conn, subject.id, AuditAction.CREATE, after=row)
    return GenerateAPIKeyResponse(token)


async def list_tokens(db: Database, *, subject: Subject, value: str, has_all_users: bool) -> list[APIKeyWithOwner]:
    """Return the tokens (no sessions) of a user, or of all users, that `subject` may read."""
    async with db.connection() as conn:
        owner = await resolve_user(conn, subject, value)
        visible = predicate(subject, Action.READ, ResourceType.API_KEY, queries.COLUMNS, first_parameter=2)
        rows = await queries.list_tokens(
            conn, user_id=None if has_all_users else owner.id, predicate=visible.sql, arguments=visible.args
        )
    return [owned_key_view(row, username) for row, username in rows]


async def get_token(db: Database, *, subject: Subject, value: str, name: str) -> APIKey:
    """Return a user's token by its name. Raises KeyNotFound."""
    async with db.connection() as conn:
        owner = await resolve_user(conn, subject, value)
        row = await queries.find_token(conn, owner.id, name) if is_storable(name) else None
    require(subject, Action.READ, rules.key_object(owner.id, row.id if row else ""), noun="API key")
    if row is None:
        raise KeyNotFound
    return key_view(row)


async def get_token_config(db: Database, settings: Settings, *, subject: Subject, value: str) -> TokenConfig:
    """Return the longest life that a token of this user may have."""
    async with db.connection() as conn:
        owner = await resolve_user(conn, subject, value)
    return TokenConfig(rules.duration_nanoseconds(lifetime_cap(settings, owner)))


def lifetime_cap(settings: Settings, owner: UserRow) -> timedelta:
    """Return the cap that holds for a user's tokens: owners have one of their own, even where it is the smaller."""
    return settings.max_admin_token_lifetime if OWNER in owner.rbac_roles else settings.max_token_lifetime


def list_public_scopes() -> list[str]:
    """Return the names of the scopes that a token may ask for."""
    return list(EXTERNAL_SCOPE_NAMES)


def _scopes(request: CreateTokenRequest) -> list[str]:
    asked = list(request.scopes or ())
    if request.scope:
        if request.scope not in _LEGACY_SCOPES:
            raise invalid_field("scope", "Use 'all' or 'application_connect', or name others in 'scopes'.")
        asked.insert(0, request.scope)
    canonical = list(dict.fromkeys(_LEGACY_SCOPES.get(name, name) for name in asked)) or [FULL_SCOPE]
    for name in canonical:
        if name not in EXTERNAL_SCOPE_NAMES:
            raise invalid_field("scopes", f"{name[:64]!r} is not a scope; GET /api/v2/auth/scopes lists them.")
    return canonical


def _allow_list(targets: list[APIAllowListTarget] | None) -> list[str]:
    if not targets:
        return [WILDCARD_TARGET]
    if len(targets) > _MOST_ENTRIES:
        raise invalid_field("allow_list", f"Use at most {_MOST_ENTRIES} entries.")
    types = set(ResourceType)
    for index, target in enumerate(targets):
        if target.type not in types:
            raise invalid_field(f"allow_list[{index}].type", f"{target.type[:64]!r} is not a resource type.")
        if not target.id or len(target.id) > 64 or not target.id.isprintable() or ":" in target.id:
            raise invalid_field(f"allow_list[{index}].id", "This is neither an id nor '*'.")
    return list(dict.fromkeys(f"{target.type}:{target.id}" for target in targets))
