"""HTTP routes of identity, below /api/v2."""

from typing import Any

from homeport.identity.api import conversion, github, insights, keys, oidc, passcodes, sessions, users

routes: list[Any] = [
    *sessions.routes,
    *passcodes.routes,
    *users.routes,
    *keys.routes,
    *insights.routes,
    *oidc.routes,
    *github.routes,
    *conversion.routes,
]
