"""The layer that writes down requests which have failed, by what their services have declared (`audit.attempt`)."""

from typing import Any

from litestar.types import ASGIApp, Receive, Send

from homeport.access.rules import SAFE_METHODS
from homeport.audit.service.attempts import begin
from homeport.audit.service.failures import record_failure
from homeport.database import Database
from homeport.identity.login.callbacks import is_callback


class Attempts:
    """ASGI application around another one. What only reads passes as it is; people whom providers send back do not only read."""

    def __init__(self, app: ASGIApp, db: Database) -> None:
        self._app = app
        self._db = db

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket. The entry is written before the client hears of the failure."""
        if scope["type"] != "http" or (scope["method"] in SAFE_METHODS and not is_callback(scope["path"])):
            await self._app(scope, receive, send)
            return
        trail = begin()

        async def send_out(message: Any) -> None:
            if message["type"] == "http.response.start":
                await record_failure(self._db, trail, trail.failure or message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_out)
        except Exception:  # reason: whatever it is, it becomes a 500 further out
            await record_failure(self._db, trail, 500)
            raise
        # Of answers that began before what they tell of was tried.
        await record_failure(self._db, trail, trail.failure)
