"""What a page shows of a client that asks for something. Pure."""

import msgspec

from homeport.oauth2.rules.wording import client_host, client_name, scope_words
from homeport.oauth2.types import MCP_PATH, REFERENCE_MCP_PATH, AppRow

_EVERYTHING = "coder:all"


class ShownClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client, with what it asks for. `host` is that of its document, `is_default`: it did not say what it needs."""

    name: str
    kind: str
    host: str
    resource: str
    is_mcp: bool
    scopes: list[tuple[str, str]]
    has_everything: bool
    is_default: bool


def shown_client(
    app: AppRow, *, scopes: tuple[str, ...], resource: str, access_url: str, is_default: bool = False
) -> ShownClient:
    """Return what is shown. `resource` is empty where the deployment's own API is meant."""
    return ShownClient(
        name=client_name(app),
        kind=app.kind,
        host=client_host(app),
        resource=resource or access_url,
        is_mcp=resource.endswith((MCP_PATH, REFERENCE_MCP_PATH)),
        scopes=[(name, scope_words(name)) for name in scopes],
        has_everything=_EVERYTHING in scopes,
        is_default=is_default,
    )
