"""What each route declares about who may call it.

The service decides; this says what it decides on, for readers, tests and OpenAPI.

It stands in the kit because rooms on every tier have routes. `access` reads it to choose how a request is
authenticated.
"""

from typing import Any, Literal

import msgspec

KEY = "access"

Credential = Literal["public", "user", "optional", "agent", "provisioner", "job"]


class Access(msgspec.Struct, frozen=True):
    """How a route is entered: with which credential, and by which permission (empty: any holder of the credential)."""

    credential: Credential
    permission: str = ""
    reason: str = ""
    is_page: bool = False


def requires(permission: str, *, is_page: bool = False) -> dict[str, Any]:
    """A signed-in user who holds `permission` (`resource:action`, decided by the service)."""
    return {KEY: Access("user", permission=permission, is_page=is_page)}


def authenticated(*, is_page: bool = False) -> dict[str, Any]:
    """Any signed-in user. A page sends a stranger to the sign-in page, an API route answers 401."""
    return {KEY: Access("user", is_page=is_page)}


def public(reason: str, *, is_page: bool = False) -> dict[str, Any]:
    """Anybody, signed in or not; `reason` says why. The subject is absent."""
    return {KEY: Access("public", reason=reason, is_page=is_page)}


def optional(reason: str, *, is_page: bool = False) -> dict[str, Any]:
    """Anybody; a valid session is recognised, an invalid one is ignored."""
    return {KEY: Access("optional", reason=reason, is_page=is_page)}


def agent_route() -> dict[str, Any]:
    """An agent with its token."""
    return {KEY: Access("agent")}


def provisioner_route() -> dict[str, Any]:
    """A provisioner daemon with a key or the deployment's PSK, or a user who may run daemons."""
    return {KEY: Access("provisioner")}


def job_route() -> dict[str, Any]:
    """The daemon that acquired a job, with the job's token."""
    return {KEY: Access("job")}
