"""Discovery: the metadata of the authorization server (RFC 8414) and of each protected resource (RFC 9728).

Every address comes from the access address of the settings: what a request says of its host changes nothing.
"""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from homeport.config import Settings
from homeport.database import Database
from homeport.oauth2.rules import pkce
from homeport.oauth2.rules.assertions import ALGORITHMS
from homeport.oauth2.rules.resources import resources_of
from homeport.oauth2.rules.scopes import ADVERTISED_SCOPES
from homeport.oauth2.schemas.metadata import OAuth2AuthorizationServerMetadata, OAuth2ProtectedResourceMetadata
from homeport.oauth2.service.settings import is_registration_shown
from homeport.oauth2.types import AuthMethod, GrantType

_METHODS: Final = [AuthMethod.NONE, AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST, AuthMethod.PRIVATE_KEY_JWT]
_bodies: dict[tuple[str, bool, bool], bytes] = {}
_PROVING_METHODS: Final = [method for method in _METHODS if method != AuthMethod.NONE]


async def server_metadata(db: Database, settings: Settings) -> OAuth2AuthorizationServerMetadata:
    """Return what a client learns of the authorization server; the issuer is the access address to the letter."""
    issuer = settings.access_url
    is_open = await is_registration_shown(db, settings)
    algorithms = list(ALGORITHMS)
    return OAuth2AuthorizationServerMetadata(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/oauth2/authorize",
        token_endpoint=f"{issuer}/oauth2/tokens",
        registration_endpoint=f"{issuer}/oauth2/register" if is_open else "",
        revocation_endpoint=f"{issuer}/oauth2/revoke",
        introspection_endpoint=f"{issuer}/oauth2/introspect",
        device_authorization_endpoint=f"{issuer}/oauth2/device",
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=list(GrantType),
        code_challenge_methods_supported=list(pkce.METHODS),
        token_endpoint_auth_methods_supported=list(_METHODS),
        token_endpoint_auth_signing_alg_values_supported=algorithms,
        revocation_endpoint_auth_methods_supported=list(_METHODS),
        revocation_endpoint_auth_signing_alg_values_supported=algorithms,
        introspection_endpoint_auth_methods_supported=list(_PROVING_METHODS),
        introspection_endpoint_auth_signing_alg_values_supported=algorithms,
        scopes_supported=list(ADVERTISED_SCOPES),
        authorization_response_iss_parameter_supported=True,
        client_id_metadata_document_supported=settings.oauth2_client_metadata_documents,
        protected_resources=list(resources_of(settings.access_url)),
    )


async def server_metadata_body(db: Database, settings: Settings) -> bytes:
    """Return the metadata of the authorization server as JSON: made once for what it depends on, as it is asked for often."""
    key = (settings.access_url, settings.oauth2_client_metadata_documents, await is_registration_shown(db, settings))
    found = _bodies.get(key)
    if found is None:
        found = _bodies[key] = msgspec.json.encode(await server_metadata(db, settings))
    return found


def is_issuer_path(settings: Settings, path: str) -> bool:
    """Whether `path`, which stood behind the well-known name, is that of the issuer (RFC 8414 section 3.1)."""
    return path.strip("/") == urlsplit(settings.access_url).path.strip("/")


def resource_metadata(settings: Settings, path: str = "") -> OAuth2ProtectedResourceMetadata | None:
    """Return the metadata of the resource whose path stood behind the well-known name; None where there is no such resource.

    Without a path it is that of the deployment itself, whose resource is the access address.
    """
    found = resources_of(settings.access_url)
    wanted = path.strip("/")
    resource = next((each for each in found if urlsplit(each).path.strip("/") == wanted), "" if wanted else found[0])
    if not resource:
        return None
    return OAuth2ProtectedResourceMetadata(
        resource=resource,
        authorization_servers=[settings.access_url],
        scopes_supported=list(ADVERTISED_SCOPES),
        bearer_methods_supported=["header"],
        resource_name="Homeport" if resource == found[0] else "Homeport MCP",
    )
