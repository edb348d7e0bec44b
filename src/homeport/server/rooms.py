"""Which rooms there are: their routes, and the wiring of events and registries that lets lower rooms not know upper ones."""

from dataclasses import dataclass
from typing import Any

from litestar import Router

from homeport import web
from homeport.access import api as access_api
from homeport.agents import api as agents_api
from homeport.agents.service.authentication import resolve_agent
from homeport.audit import api as audit_api
from homeport.bootstrap import api as bootstrap_api
from homeport.files import api as files_api
from homeport.identity import api as identity_api
from homeport.identity.types import SignedIn, UserCreated
from homeport.mcp import api as mcp_api
from homeport.oauth2 import api as oauth2_api
from homeport.oauth2.service import grants
from homeport.oauth2.service.tokens import families
from homeport.organizations import api as organizations_api
from homeport.organizations.service.members import place_created_user
from homeport.organizations.service.syncing.signing_in import synchronizer
from homeport.provisioning import api as provisioning_api
from homeport.provisioning.service.authentication import daemon_resolver, resolve_job_holder
from homeport.scim import api as scim_api
from homeport.scim.service.door import provider_resolver
from homeport.server import deployment, health
from homeport.server.binding import current
from homeport.server.parts import Parts
from homeport.templates import api as templates_api
from homeport.templates.service.imports import Imports
from homeport.workspaces import api as workspaces_api
from homeport.workspaces.service import registration

_IN_V2 = (
    deployment.api_routes,
    health.routes,
    access_api.routes,
    audit_api.routes,
    bootstrap_api.routes,
    identity_api.routes,
    organizations_api.routes,
    files_api.routes,
    provisioning_api.routes,
    templates_api.routes,
    workspaces_api.routes,
)


@dataclass(frozen=True)
class Choice:
    """What an operator may switch off: the authorization server with MCP, SCIM, the page about the API."""

    oauth2: bool
    scim: bool
    swagger: bool


def routes(choice: Choice) -> list[Any]:
    """Return every route of the server. Those of the authorization server, MCP and SCIM exist only where they are switched on."""
    in_v2 = [handler for handlers in _IN_V2 for handler in handlers]
    root = [
        *deployment.root_routes,
        *bootstrap_api.root_routes,
        *oauth2_api.absent_routes,
        *scim_api.absent_routes,
        *web.routes,
    ]
    if choice.scim:
        root.append(scim_api.router())
    if choice.oauth2:
        in_v2 += oauth2_api.routes
        root += [*oauth2_api.root_routes, *web.oauth2_routes, *mcp_api.routes(lambda: current("mcp"))]
    return [Router("/api/v2", route_handlers=[*in_v2, agents_api.router()]), *root]


def connect(parts: Parts) -> None:
    """Register event handlers, authenticators and hooks. Once per process."""
    parts.authenticators.register_agent(resolve_agent)
    parts.authenticators.register_provisioner("provisioner", daemon_resolver(parts.settings.provisioner_daemon_psk))
    parts.authenticators.register_provisioner("job", resolve_job_holder)
    parts.authenticators.register_scim(provider_resolver(parts.settings))
    events = parts.db.events
    events.subscribe(UserCreated, place_created_user)
    events.subscribe(SignedIn, synchronizer(parts.settings))
    Imports(parts.cipher).register(events)
    registration.register(events, parts.cipher, parts.settings, links=parts.links)
    families.register(events)
    grants.register(events)
