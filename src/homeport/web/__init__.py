"""The dashboard: server-rendered pages over the same services as the API, and their static assets. See README.md."""

from typing import Any

from homeport.web.pages import routes as page_routes

routes: list[Any] = page_routes
