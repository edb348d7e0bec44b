"""Who is asking, as far as the network knows.

Set once per request by the outermost middleware, read by audit and logs.
"""

from contextvars import ContextVar
from datetime import datetime

import msgspec

from homeport.kit.ids import NIL_ID

BACKGROUND_ID = str(NIL_ID)


class RequestInfo(msgspec.Struct, frozen=True):
    """Id of the request (the text of a UUID), address of the peer, its user agent (cut to 512 characters), and when it came.

    `arrived_at` is None where nothing came: in background loops. `subsystem` names the part of the server that acts where
    nobody has signed in, as audit shows it.
    """

    request_id: str = BACKGROUND_ID
    ip: str = "127.0.0.1"
    user_agent: str = ""
    arrived_at: datetime | None = None
    subsystem: str = ""


_current: ContextVar[RequestInfo | None] = ContextVar("homeport_request", default=None)
BACKGROUND = RequestInfo()


def current_request() -> RequestInfo:
    """Return the request being served, or the background's (nil id, loopback address)."""
    return _current.get() or BACKGROUND


def set_request(info: RequestInfo) -> None:
    """Remember `info` for the task that serves this request."""
    _current.set(info)
