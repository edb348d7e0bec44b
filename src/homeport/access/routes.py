"""What a route declares (`opt=`) and the names of what handlers get by injection.

The declarations live in the kit, because rooms below this one have routes as well; rooms above import them from here.

Injected by name: `subject` (rbac Subject), `identity` (Identity), `optional_identity` (Identity or None), `agent`
(AgentIdentity), `daemon` (ProvisionerIdentity), `db` (Database), `settings` (Settings), `cipher` (kit Cipher),
`rate_limits` (RateLimits). A route may also name a limit that each of its requests counts against: `"rate_limit": "login"`.
"""

from homeport.kit.routes import (
    KEY,
    Access,
    Credential,
    Resource,
    agent_route,
    authenticated,
    job_route,
    lasting,
    optional,
    protected_resource,
    provisioner_route,
    public,
    requires,
    scim_route,
)

__all__ = [
    "KEY",
    "Access",
    "Credential",
    "Resource",
    "agent_route",
    "authenticated",
    "job_route",
    "lasting",
    "optional",
    "protected_resource",
    "provisioner_route",
    "public",
    "requires",
    "scim_route",
]
