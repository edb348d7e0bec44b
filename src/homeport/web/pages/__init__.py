"""Handlers of pages, one module per page or group of pages."""

from typing import Any

from litestar import Router
from litestar.di import Provide

from homeport.web import assets
from homeport.web.pages import (
    account,
    applications,
    authorize,
    builds,
    cli,
    clients,
    conversion,
    creation,
    device,
    entry,
    groups,
    members,
    organizations,
    passcodes,
    people,
    person,
    person_keys,
    provisioners,
    roles,
    sessions,
    sharing,
    sign_in_code,
    syncing,
    template_examples,
    template_files,
    template_settings,
    template_trials,
    template_uploads,
    template_versions,
    templates,
    terminal,
    trail,
    workspace,
    workspaces,
)
from homeport.web.rendering import provide_view

_PAGES = (
    entry,
    passcodes,
    sign_in_code,
    workspaces,
    creation,
    workspace,
    builds,
    terminal,
    templates,
    template_examples,
    template_versions,
    template_uploads,
    template_files,
    template_trials,
    template_settings,
    sharing,
    account,
    sessions,
    conversion,
    applications,
    cli,
    clients,
    organizations,
    members,
    groups,
    roles,
    provisioners,
    syncing,
    people,
    person,
    person_keys,
    trail,
)

routes: list[Any] = [
    *assets.routes,
    Router(
        "/",
        route_handlers=[handler for module in _PAGES for handler in module.routes],
        dependencies={"view": Provide(provide_view, sync_to_thread=False)},
    ),
]
# They exist only where the authorization server is switched on.
oauth2_routes: list[Any] = [*authorize.routes, *device.routes]
