"""The dashboard: server-rendered pages over the same services as the API, and their static assets. See README.md."""

from typing import Any

from homeport.web.pages import oauth2_routes as oauth2_page_routes
from homeport.web.pages import routes as page_routes

routes: list[Any] = page_routes
oauth2_routes: list[Any] = oauth2_page_routes
