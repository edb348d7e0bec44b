"""What audit shows of clients, grants, codes and tokens, and the short forms with which this room records."""

from typing import Any
from uuid import UUID

from homeport.audit import AuditAction, AuditResource, declare, record
from homeport.database import Connection
from homeport.oauth2.types import AppRow, CodeRow, FamilyRow, GrantRow, SecretRow, TokenRow

APP = declare(
    "oauth2_provider_app",
    AppRow,
    tracked=(
        "id", "name", "icon", "callback_url", "redirect_uris", "client_type", "dynamically_registered", "kind", "metadata_url",
        "service_user_id", "client_secret_expires_at", "grant_types", "response_types", "token_endpoint_auth_method",
        "application_type", "scope", "is_scope_limit", "contacts", "client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri", "jwks",
        "software_id", "software_version", "registration_ip",
    ),
    secret=("registration_access_token",),
    ignored=("created_by", "metadata_fetched_at", "metadata_expires_at", "last_used_at", "created_at", "updated_at"),
)  # fmt: skip
SECRET = declare(
    "oauth2_provider_app_secret",
    SecretRow,
    tracked=("id", "app_id", "display_secret"),
    secret=("hashed_secret",),
    ignored=("secret_prefix", "last_used_at", "created_at"),
)
GRANT = declare(
    "oauth2_provider_grant",
    GrantRow,
    tracked=("id", "user_id", "app_id", "resource_uri", "scopes", "redirect_hosts"),
    ignored=("created_at", "updated_at"),
)
CODE = declare(
    "oauth2_provider_app_code",
    CodeRow,
    tracked=(
        "id", "user_id", "app_id", "grant_id", "expires_at", "scopes", "resource_uri", "code_challenge",
        "code_challenge_method", "redirect_uri",
    ),
    secret=("hashed_secret",),
    ignored=("secret_prefix", "state_hash", "created_at"),
)  # fmt: skip
FAMILY = declare(
    "oauth2_provider_token_family",
    FamilyRow,
    tracked=("id", "grant_id", "app_id", "user_id", "scopes", "audience", "expires_at"),
    ignored=("code_prefix", "code_hash", "code_challenge", "created_at"),
)
TOKEN = declare(
    "oauth2_provider_app_token",
    TokenRow,
    tracked=("id", "app_id", "app_secret_id", "user_id", "family_id", "scopes", "audience", "expires_at"),
    secret=("refresh_hash",),
    ignored=("hash_prefix", "api_key_id", "created_at"),
)


async def record_token(
    conn: Connection,
    action: AuditAction,
    app: AppRow,
    *,
    before: TokenRow | None = None,
    after: TokenRow | None = None,
    **details: str,
) -> None:
    """Record a token issued, refreshed or revoked, in the name of the person (or service identity) that it is for."""
    row = after or before
    assert row is not None
    await record(
        conn,
        subject_id=row.user_id,
        action=action,
        resource=AuditResource(row.id, app.name, icon=app.icon),
        before=before,
        after=after,
        resource_type=TOKEN.resource_type,
        additional_fields=_fields(app, details),
    )


async def record_family_end(
    conn: Connection, app: AppRow, family: FamilyRow, *, reason: str, subject_id: UUID | None = None
) -> None:
    """Record that all tokens of a family ended at once, and why."""
    await record(
        conn,
        subject_id=subject_id or family.user_id,
        action=AuditAction.DELETE,
        resource=AuditResource(family.id, app.name, icon=app.icon),
        before=family,
        additional_fields=_fields(app, {"reason": reason}),
    )


def _fields(app: AppRow, details: dict[str, str]) -> dict[str, Any]:
    return {
        "client_id": app.client_id,
        "app_id": str(app.id),
        **{name: value for name, value in details.items() if value},
    }
