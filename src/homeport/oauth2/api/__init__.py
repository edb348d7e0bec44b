"""HTTP of the authorization server: OAuth's endpoints at the root, management below /api/v2/oauth2-provider."""

from typing import Any

from homeport.oauth2.api import grants, metadata, protocol, registration

routes: list[Any] = [*grants.routes]
root_routes: list[Any] = [*metadata.routes, *registration.routes, *protocol.routes, *grants.root_routes]
