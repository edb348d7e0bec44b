"""HTTP of the authorization server: OAuth's endpoints at the root, management below /api/v2/oauth2-provider."""

from typing import Any

from homeport.oauth2.api import absent, grants, management, metadata, protocol, registration

routes: list[Any] = [*management.routes, *grants.routes]
root_routes: list[Any] = [*metadata.routes, *registration.routes, *protocol.routes, *grants.root_routes]
absent_routes: list[Any] = absent.routes
"""What answers even where the authorization server is switched off."""
