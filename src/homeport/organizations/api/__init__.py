"""HTTP routes of organizations, their members, roles and groups, below /api/v2; one module per thing."""

from typing import Any

from homeport.organizations.api import custom_roles, groups, members, organizations, syncing

routes: list[Any] = [*organizations.routes, *members.routes, *custom_roles.routes, *groups.routes, *syncing.routes]
