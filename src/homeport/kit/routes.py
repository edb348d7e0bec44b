"""What each route declares about who may call it.

The service decides; this says what it decides on, for readers, tests and OpenAPI.

It stands in the kit because rooms on every tier have routes. `access` reads it to choose how a request is
authenticated.
"""

from typing import Any, Literal

import msgspec

KEY = "access"

Credential = Literal["public", "user", "optional", "agent", "provisioner", "job", "scim"]


class Resource(msgspec.Struct, frozen=True):
    """A protected resource beside the HTTP API (RFC 9728): its path below the access address, and the scopes to begin with."""

    path: str
    scopes: tuple[str, ...]


class Access(msgspec.Struct, frozen=True):
    """How a route is entered: with which credential, and by which permission (empty: any holder of the credential).

    `resource` is None for the HTTP API and pages. `has_cors` lets pages of every site call the route, without credentials
    that a browser sends by itself. The answer of a route that `lasts` goes on for as long as its person may have it.
    """

    credential: Credential
    permission: str = ""
    reason: str = ""
    is_page: bool = False
    resource: Resource | None = None
    has_cors: bool = False
    lasts: bool = False


def requires(permission: str, *, is_page: bool = False) -> dict[str, Any]:
    """A signed-in user who holds `permission` (`resource:action`, decided by the service)."""
    return {KEY: Access("user", permission=permission, is_page=is_page)}


def authenticated(*, is_page: bool = False) -> dict[str, Any]:
    """Any signed-in user. A page sends a stranger to the sign-in page, an API route answers 401."""
    return {KEY: Access("user", is_page=is_page)}


def public(reason: str, *, is_page: bool = False, has_cors: bool = False) -> dict[str, Any]:
    """Anybody, signed in or not; `reason` says why. The subject is absent. With `has_cors` for pages of every site."""
    return {KEY: Access("public", reason=reason, is_page=is_page, has_cors=has_cors)}


def protected_resource(path: str, *, scopes: tuple[str, ...]) -> dict[str, Any]:
    """Whoever shows, in a header, a token that is good at the resource of this path.

    Strangers are told to ask for `scopes`. Pages of every site may call it.
    """
    return {KEY: Access("user", resource=Resource(path, scopes), has_cors=True, lasts=True)}


def lasting(declared: dict[str, Any]) -> dict[str, Any]:
    """The same for a route whose answer goes on, such as an event stream: it ends with the person's right to it.

    WebSockets are that by themselves.
    """
    access: Access = declared[KEY]
    return {**declared, KEY: msgspec.structs.replace(access, lasts=True)}


def optional(reason: str, *, is_page: bool = False) -> dict[str, Any]:
    """Anybody; a valid session is recognised, an invalid one is ignored."""
    return {KEY: Access("optional", reason=reason, is_page=is_page)}


def agent_route() -> dict[str, Any]:
    """An agent with its token."""
    return {KEY: Access("agent")}


def provisioner_route() -> dict[str, Any]:
    """A provisioner daemon with a key or the deployment's PSK, or a user who may run daemons."""
    return {KEY: Access("provisioner")}


def scim_route() -> dict[str, Any]:
    """The deployment's identity provider, with the token that the settings name. No cookie, session or key counts."""
    return {KEY: Access("scim")}


def job_route() -> dict[str, Any]:
    """The daemon that acquired a job, with the job's token."""
    return {KEY: Access("job")}
