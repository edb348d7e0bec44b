"""Shapes of /api/v2/oauth2-provider: clients that owners manage, their secrets, and what is decided at run time."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class OAuth2AppEndpoints(msgspec.Struct, frozen=True):
    """Where a client sends its people and its requests."""

    authorization: str
    token: str
    token_revoke: str
    device_authorization: str


class OAuth2ProviderApp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A client.

    `client_id` is what it calls itself: its id, or the https address of the document about it. `kind` says who made it
    known: `registered` (an owner), `dynamic` (itself), `metadata_document`. `scope` is what it names for itself,
    `scope_limit` the most that people may grant it. What is not known of it is left out.
    """

    id: UUID
    name: str
    callback_url: str
    icon: str
    endpoints: OAuth2AppEndpoints
    client_id: str
    kind: str
    client_type: str
    redirect_uris: list[str]
    grant_types: list[str]
    token_endpoint_auth_method: str
    dynamically_registered: bool
    created_at: datetime
    updated_at: datetime
    scope: str = ""
    scope_limit: str = ""
    client_uri: str = ""
    jwks_uri: str = ""
    service_user_id: UUID | None = None
    last_used_at: datetime | None = None


class OAuth2ProviderApps(msgspec.Struct, frozen=True):
    """A page of clients, and how many there are."""

    apps: list[OAuth2ProviderApp]
    count: int


class PostOAuth2ProviderAppRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A new client. `callback_url` is the first of `redirect_uris`; either may be left out.

    `scope` is the most that people may grant it (empty: no limit). In whose name it works by client_credentials is said by
    `service_user` (an account: id, username or `me`) or `service_organization` (id or name: an account of its own is made
    there). Without `token_endpoint_auth_method` it is client_secret_post, for public ones none.
    """

    name: str
    callback_url: str = ""
    icon: str = ""
    redirect_uris: list[str] | None = None
    client_type: str = "confidential"
    token_endpoint_auth_method: str = ""
    grant_types: list[str] | None = None
    scope: str = ""
    client_uri: str = ""
    jwks_uri: str = ""
    jwks: dict[str, Any] | None = None
    service_user: str = ""
    service_organization: str = ""


class PutOAuth2ProviderAppRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client becomes. Name, callback address and icon are replaced; of the others, what is left out stays."""

    name: str
    callback_url: str = ""
    icon: str = ""
    redirect_uris: list[str] | None = None
    token_endpoint_auth_method: str | None = None
    grant_types: list[str] | None = None
    scope: str | None = None
    client_uri: str | None = None
    jwks_uri: str | None = None
    jwks: dict[str, Any] | None = None
    service_user: str | None = None
    service_organization: str = ""


class OAuth2ProviderAppSecret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A secret of a client, by its last characters."""

    id: UUID
    client_secret_truncated: str
    last_used_at: datetime | None = None


class OAuth2ProviderAppSecretFull(msgspec.Struct, frozen=True):
    """A new secret: this is the only time that it is shown."""

    id: UUID
    client_secret_full: str


class OAuth2ProviderSettings(msgspec.Struct, frozen=True):
    """What owners decide at run time."""

    dynamic_client_registration_enabled: bool


class PutOAuth2ProviderSettingsRequest(msgspec.Struct, frozen=True):
    """What changes; what is left out stays."""

    dynamic_client_registration_enabled: bool | None = None
