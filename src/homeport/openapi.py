"""The OpenAPI document of the server as it is: the routes of every room joined as the server joins them, with nothing running."""

from typing import Any

import msgspec

from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.server.app import build_asgi, build_parts
from homeport.server.openapi import document as document_of

# Never used: no request is served, so nothing connects and nothing is sealed.
_NOWHERE = "postgresql://nowhere/none"
_KEY = bytes(32)


def document() -> dict[str, Any]:
    """Return the document as plain JSON. Opens no connection and reads no setting of this machine."""
    db = Database(_NOWHERE, pool_size=1)
    _, app, _ = build_asgi(build_parts(Settings(), db, Listener(db.connect), Cipher([_KEY])))
    plain: dict[str, Any] = msgspec.to_builtins(document_of(app))
    return plain
