"""What a client learns of its registration (RFC 7591 section 3.2.1, RFC 7592 section 3)."""

from typing import Any

import msgspec


class OAuth2ClientInformation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A client's registration as it is stored. What the client said nothing of is left out."""

    client_id: str
    client_id_issued_at: int
    client_secret: str = ""
    client_secret_expires_at: int | None = None
    registration_access_token: str
    registration_client_uri: str
    client_name: str
    redirect_uris: list[str]
    grant_types: list[str]
    response_types: list[str]
    token_endpoint_auth_method: str
    application_type: str
    scope: str = ""
    contacts: list[str] = []
    client_uri: str = ""
    logo_uri: str = ""
    tos_uri: str = ""
    policy_uri: str = ""
    jwks_uri: str = ""
    jwks: dict[str, Any] | None = None
    software_id: str = ""
    software_version: str = ""


class OAuth2ErrorBody(msgspec.Struct, frozen=True):
    """A refusal in the standards' form (RFC 6749 section 5.2)."""

    error: str
    error_description: str
