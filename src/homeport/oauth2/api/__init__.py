"""HTTP of the authorization server: OAuth's endpoints at the root, management below /api/v2/oauth2-provider."""

from typing import Any

from homeport.oauth2.api import metadata

routes: list[Any] = []
root_routes: list[Any] = [*metadata.routes]
