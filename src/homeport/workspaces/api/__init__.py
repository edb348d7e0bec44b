"""Routes of workspaces and builds, below /api/v2."""

from typing import Any

from homeport.workspaces.api import builds, previews, settings, watching, workspaces

routes: list[Any] = [*workspaces.routes, *settings.routes, *builds.routes, *previews.routes, *watching.routes]
