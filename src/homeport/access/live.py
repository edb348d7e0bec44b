"""Connections of people that last: each ends as soon as authentication, or a decision that let it in, would refuse it.

A connection that lasts is a WebSocket, or a request whose route declares it (`kit.routes: lasting`): an event stream, a call of
an agent's tool, a long poll. `Authentication` serves them through here, so no handler has to think of it. What authorizes
people tells of each change on the channel `user_access`, by triggers and in the transaction of the change; every server
process then looks again at its own connections of this person. The README of this room has the rules.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from homeport.access.errors import AccessEnded
from homeport.access.service.sessions import Sessions
from homeport.database import RESYNC, DatabaseError, Follower, Listener
from homeport.identity.types import Identity
from homeport.kit.errors import HomeportError
from homeport.rbac import DecisionLog, decisions, is_allowed
from homeport.telemetry import metrics
from homeport.telemetry.logs import get_logger

CHANGED = "user_access"
"""The channel; its payload is the person's id."""

CLOSE_ENDED = 1008
"""Code of the close frame: by policy (RFC 6455 section 7.4.1). Clients do not come back by themselves."""

_BEGINNINGS = frozenset({"websocket.accept", "http.response.start"})
# A close frame holds 125 bytes: two of them the code.
_LONGEST_REASON = 123
_PAUSE_SECONDS = 1.0
_log = get_logger(__name__)
_OPEN = metrics.gauge("access_live_connections", "WebSockets and streams of people that are open on this server.")


class LiveConnections:
    """Those of one process. `start` and `stop` belong to the composition root."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._held: dict[UUID, set[_Held]] = {}
        self._follower = Follower("live connections")
        self.mark = 0
        """Counts the news. Who connects notes it before authentication: an older one has to be looked at again."""

    async def start(self, listener: Listener) -> None:
        """Begin to listen; returns when news are heard."""
        await self._follower.start(lambda note_ready: self._listen(listener, note_ready))

    async def stop(self) -> None:
        """Listen no more. Connections stay as they are: the server ends them in its own order."""
        await self._follower.stop()

    async def serve(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, identity: Identity, mark: int
    ) -> None:
        """Serve a connection until it ends, or its person's right to it. Raises AccessEnded where it has not begun by then."""
        held = _Held(identity, send)
        token = decisions.set(held.log)
        self._held.setdefault(identity.user_id, set()).add(held)
        _OPEN.inc()
        try:
            async with held.limit:
                if mark != self.mark:
                    await self._look_at(held)
                if held.refusal is None:
                    await app(scope, receive, held.send)
        except Exception:  # reason: a handler that is ended may end with any error; an error of its own goes on
            if held.refusal is None:
                raise
        finally:
            self._forget(held)
            decisions.reset(token)
        if held.refusal is not None:
            await held.finish()

    def _forget(self, held: "_Held") -> None:
        _OPEN.dec()
        of_user = self._held[held.identity.user_id]
        of_user.discard(held)
        if not of_user:
            del self._held[held.identity.user_id]

    async def _listen(self, listener: Listener, note_ready: Callable[[], None]) -> None:
        async with listener.subscribe(CHANGED) as news:
            note_ready()
            while True:
                payloads = await news.wait()
                # First of all: whoever was authenticated before these news and is not among the held yet looks by itself.
                self.mark += 1
                await self._look_until_done(self._of(payloads))

    async def _look_until_done(self, found: list["_Held"]) -> None:
        """Look at each. Without a database nobody can tell who may stay, so this waits for it as everybody does."""
        while found:
            try:
                await self._look_at(found[-1])
                found.pop()
            except DatabaseError as error:
                _log.warning("could not look at the connections of somebody whose access changed", reason=error.message)
                await asyncio.sleep(_PAUSE_SECONDS)
            except Exception as error:  # reason: whoever cannot be decided upon goes, and the next ones are looked at
                _log.error("a connection could not be decided upon again; it ends", exc_info=error)
                found.pop().end(AccessEnded())

    def _of(self, payloads: Iterable[str]) -> list["_Held"]:
        """Return the connections that news are about: all of them, where news may have been lost."""
        users = set(payloads)
        if RESYNC in users:
            return [held for of_user in self._held.values() for held in of_user]
        return [held for user in users for held in self._held.get(UUID(user), ())]

    async def _look_at(self, held: "_Held") -> None:
        """End a connection whose key is good for nothing any more, or that would not be let in now."""
        subject = await self._sessions.find_subject(held.identity.key_id)
        if subject is None:
            held.end(self._sessions.refusal("The session or token of this connection has ended."))
        elif not all(is_allowed(subject, action, target) for action, target in tuple(held.log.kept or ())):
            held.end(AccessEnded())


class _Held:
    """One connection, what was decided for it, and the way to its end."""

    def __init__(self, identity: Identity, send: Send) -> None:
        self.identity = identity
        self.log = DecisionLog(keeps=True)
        self.refusal: HomeportError | None = None
        self.limit = asyncio.timeout(None)
        self._send = send
        self._kind = ""
        self._is_over = False

    def end(self, refusal: HomeportError) -> None:
        """Let nothing more through, and end the handler."""
        if self.refusal is None and not self._is_over:
            self.refusal = refusal
            self.limit.reschedule(asyncio.get_running_loop().time())

    async def send(self, message: Message) -> None:
        """Hand on what goes to the client; after the end nothing does."""
        if self.refusal is not None:
            return
        kind = message["type"]
        if kind in _BEGINNINGS:
            self._kind = kind
        elif kind == "websocket.close" or (kind == "http.response.body" and not message.get("more_body")):
            self._is_over = True
        await self._send(message)

    async def finish(self) -> None:
        """Tell the client, whose connection was ended. Raises the refusal where an answer has not begun."""
        assert self.refusal is not None
        if not self._kind:
            raise self.refusal
        end: Any = {"type": "http.response.body", "body": b"", "more_body": False}
        if self._kind == "websocket.accept":
            reason = self.refusal.message.encode()[:_LONGEST_REASON].decode("utf-8", "ignore")
            end = {"type": "websocket.close", "code": CLOSE_ENDED, "reason": reason}
        # The client may have left by itself at the same moment.
        with suppress(OSError, RuntimeError):
            await self._send(end)
