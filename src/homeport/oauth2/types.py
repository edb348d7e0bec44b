"""Rows, enums and constants of the authorization server. No I/O."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec

from homeport.database.events import DomainEvent

CODE_LIFETIME: Final = timedelta(minutes=10)
DEVICE_CODE_LIFETIME: Final = timedelta(minutes=15)
DEVICE_POLL_SECONDS: Final = 5
MCP_PATH: Final = "/mcp"
REFERENCE_MCP_PATH: Final = "/api/experimental/mcp/http"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
JWT_BEARER_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class GrantType(StrEnum):
    """How a client gets tokens (RFC 6749 section 1.3, RFC 8628)."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"
    DEVICE_CODE = DEVICE_GRANT


class AuthMethod(StrEnum):
    """How a client proves itself at the token endpoint (RFC 7591 section 2)."""

    NONE = "none"
    SECRET_POST = "client_secret_post"
    SECRET_BASIC = "client_secret_basic"
    PRIVATE_KEY_JWT = "private_key_jwt"


class ClientKind(StrEnum):
    """Who made a client known: an administrator, the client itself (RFC 7591), or a document at its client_id."""

    REGISTERED = "registered"
    DYNAMIC = "dynamic"
    METADATA_DOCUMENT = "metadata_document"


class ClientType(StrEnum):
    """Whether a client can keep a secret (RFC 6749 section 2.1)."""

    CONFIDENTIAL = "confidential"
    PUBLIC = "public"


class AppRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_apps`: a client. Texts are empty where the client said nothing."""

    id: UUID
    name: str
    icon: str
    callback_url: str
    redirect_uris: list[str]
    client_type: str
    dynamically_registered: bool
    kind: str
    metadata_url: str | None
    service_user_id: UUID | None
    created_by: UUID | None
    client_secret_expires_at: datetime | None
    grant_types: list[str]
    response_types: list[str]
    token_endpoint_auth_method: str
    application_type: str
    scope: str
    is_scope_limit: bool
    contacts: list[str]
    client_uri: str
    logo_uri: str
    tos_uri: str
    policy_uri: str
    jwks_uri: str
    jwks: dict[str, Any] | None
    software_id: str
    software_version: str
    registration_access_token: bytes | None
    registration_ip: str
    metadata_fetched_at: datetime | None
    metadata_expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def client_id(self) -> str:
        """What the client calls itself on the wire: its document's URL, else its id."""
        return self.metadata_url or str(self.id)

    @property
    def is_public(self) -> bool:
        """Whether the client has no secret."""
        return self.client_type == ClientType.PUBLIC

    @property
    def scope_limit(self) -> str:
        """The most that this client may be granted, of its own; empty: no limit. See `rules.scopes.ceiling_of`."""
        return self.scope if self.is_scope_limit else ""

    @property
    def callbacks(self) -> list[str]:
        """Every registered redirect address; the first is the one that counts when there is only one."""
        return list(dict.fromkeys([*self.redirect_uris, *filter(None, [self.callback_url])]))


class SecretRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_app_secrets`."""

    id: UUID
    app_id: UUID
    secret_prefix: bytes
    hashed_secret: bytes
    display_secret: str
    last_used_at: datetime | None
    created_at: datetime


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_grants`: what a person has allowed a client on one resource (empty: the deployment)."""

    id: UUID
    user_id: UUID
    app_id: UUID
    resource_uri: str
    scopes: list[str]
    redirect_hosts: list[str]
    created_at: datetime
    updated_at: datetime


class CodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_app_codes`. None where the authorization request said nothing."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    secret_prefix: bytes
    hashed_secret: bytes
    user_id: UUID
    app_id: UUID
    grant_id: UUID
    scopes: list[str]
    resource_uri: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    state_hash: str | None
    redirect_uri: str | None


class FamilyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_token_families`: all tokens that descend from one code or device approval."""

    id: UUID
    grant_id: UUID
    app_id: UUID
    user_id: UUID
    code_prefix: bytes | None
    code_hash: bytes | None
    code_challenge: str | None
    scopes: list[str]
    audience: str | None
    created_at: datetime
    expires_at: datetime


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_app_tokens`: a refresh token (None: there is none) and the API key beside it."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    hash_prefix: bytes | None
    refresh_hash: bytes | None
    app_id: UUID
    app_secret_id: UUID | None
    api_key_id: str
    user_id: UUID
    family_id: UUID | None
    scopes: list[str]
    audience: str | None


class SpentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_spent_refresh_tokens`: a refresh token that was rotated."""

    hash_prefix: bytes
    refresh_hash: bytes
    family_id: UUID
    rotated_at: datetime
    retries: int


class DeviceCodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `oauth2_provider_device_codes`."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    secret_prefix: bytes
    hashed_secret: bytes
    user_code: str
    app_id: UUID
    scopes: list[str]
    resource_uri: str | None
    interval_seconds: int
    last_polled_at: datetime | None
    status: str
    user_id: UUID | None
    grant_id: UUID | None


class ClientChanged(DomainEvent, frozen=True, kw_only=True):
    """oauth2_client.changed: a client was registered, changed or deleted; what is cached about it is stale."""

    app_id: UUID
