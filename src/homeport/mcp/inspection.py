"""Looking into a JSON-RPC body before the SDK does: which tool is called, so that scopes are decided on by HTTP status. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

_decode = msgspec.json.decode


class Called(msgspec.Struct, frozen=True):
    """A call of a tool: its name, what was given to it, and whether the client wants to hear of its progress."""

    name: str
    arguments: Mapping[str, Any]
    wants_progress: bool


def called_tool(body: bytes) -> Called | None:
    """Return the tool that a body calls; None for every other message, and for what the SDK will refuse."""
    try:
        message = _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    if not isinstance(params, dict) or not isinstance(params.get("name"), str):
        return None
    given, meta = params.get("arguments"), params.get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    return Called(params["name"], given if isinstance(given, dict) else {}, isinstance(token, str | int))
