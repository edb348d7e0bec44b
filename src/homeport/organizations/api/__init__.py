"""HTTP routes of organizations, their members and groups, below /api/v2; one module per thing."""

from typing import Any

from homeport.organizations.api import members, organizations

routes: list[Any] = [*organizations.routes, *members.routes]
