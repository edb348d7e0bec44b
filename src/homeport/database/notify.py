"""What other processes tell: one LISTEN session per process, fanned out to any number of subscriptions.

Messages are wake-ups, never the truth: they may be lost while the session reconnects. After a reconnect every
subscription receives `RESYNC`, upon which its owner reads the tables again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType

from homeport.database.connection import Raw
from homeport.database.driver import RAISED
from homeport.database.queries import PING
from homeport.telemetry.logs import get_logger

# The payload that says: messages may have been lost, look for yourself.
RESYNC = ""

# Payloads that one subscription holds for a slow owner; beyond that it gets RESYNC instead of them.
_BACKLOG = 1000
_PING_SECONDS = 20.0
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 2.0

log = get_logger(__name__)


class Subscription:
    """A place in the fan-out. Use as an async context manager; LISTEN is in force when the block begins."""

    __slots__ = ("_backlog", "_listener", "_waiter", "channel", "key")

    def __init__(self, listener: "Listener", channel: str, key: str | None) -> None:
        self.channel = channel
        self.key = key
        self._listener = listener
        self._backlog: deque[str] = deque()
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> "Subscription":
        await self._listener.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.remove(self)

    async def wait(self, timeout: float | None = None) -> list[str]:
        """Return the payloads since the last call, waiting up to `timeout` seconds for the first; [] on time-out.

        `RESYNC` among them means that messages may have been lost.
        """
        if not self._backlog:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._waiter
            except TimeoutError:
                return []
            finally:
                self._waiter = None
        payloads = list(self._backlog)
        self._backlog.clear()
        return payloads

    def deliver(self, payload: str) -> None:
        """Put one payload in the backlog and wake the owner (for the listener, which calls this)."""
        if len(self._backlog) >= _BACKLOG or (payload == RESYNC and self._backlog):
            self._backlog.clear()
            payload = RESYNC
        self._backlog.append(payload)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Listener:
    """The one LISTEN session of a process. `start` and `stop` belong to the composition root."""

    def __init__(self, connect: Callable[[], Awaitable[Raw]]) -> None:
        """`connect` opens a session outside the pool (`Database.connect`)."""
        self._connect = connect
        self._everything: dict[str, set[Subscription]] = {}
        self._by_key: dict[str, dict[str, set[Subscription]]] = {}
        self._raw: Raw | None = None
        self._listening: set[str] = set()
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether messages arrive at this moment."""
        return self._raw is not None

    async def start(self) -> None:
        """Begin to keep a session open; returns at once."""
        self._task = asyncio.get_running_loop().create_task(self._keep_connected(), name="database listener")

    async def stop(self) -> None:
        """Close the session and end the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    def subscribe(self, channel: str, *, key: str | None = None) -> Subscription:
        """Return a subscription to all payloads of `channel`, or to those that are `key` or begin with `key:`."""
        if key is not None and (not key or ":" in key):
            raise ValueError("a subscription's key is not empty and holds no colon")
        return Subscription(self, channel, key)

    async def add(self, subscription: Subscription) -> None:
        """Enter a subscription and make sure that its channel is listened to (for Subscription, which calls this)."""
        channel, key = subscription.channel, subscription.key
        if key is None:
            self._everything.setdefault(channel, set()).add(subscription)
        else:
            self._by_key.setdefault(channel, {}).setdefault(key, set()).add(subscription)
        if channel in self._listening:
            return
        try:
            async with self._lock:
                await self._listen(channel)
        except BaseException:
            self.remove(subscription)
            raise

    def remove(self, subscription: Subscription) -> None:
        """Take a subscription out. The channel stays listened to: there are few and they come back."""
        channel, key = subscription.channel, subscription.key
        if key is None:
            self._everything.get(channel, set()).discard(subscription)
            return
        keys = self._by_key.get(channel, {})
        if key in keys:
            keys[key].discard(subscription)
            if not keys[key]:
                del keys[key]

    def _dispatch(self, _raw: object, _pid: int, channel: str, payload: object) -> None:
        text = str(payload)
        for subscription in tuple(self._everything.get(channel, ())):
            subscription.deliver(text)
        keys = self._by_key.get(channel)
        if keys:
            for subscription in tuple(keys.get(text.partition(":")[0], ())):
                subscription.deliver(text)

    def _resync(self) -> None:
        for everything in self._everything.values():
            for subscription in tuple(everything):
                subscription.deliver(RESYNC)
        for keys in self._by_key.values():
            for subscriptions in tuple(keys.values()):
                for subscription in tuple(subscriptions):
                    subscription.deliver(RESYNC)

    async def _listen(self, channel: str) -> None:
        if self._raw is None or channel in self._listening:
            return  # not connected: the next session listens to every channel and resyncs
        try:
            await self._raw.add_listener(channel, self._dispatch)
        except RAISED:
            self._lost.set()
            return
        self._listening.add(channel)

    async def _keep_connected(self) -> None:
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                raw = await self._connect()
            except RAISED as error:
                if pause == _SHORTEST_PAUSE_SECONDS:
                    log.warning("the database does not answer the listener", error=repr(error))
                # Real time, never the clock of a test: the database comes back in real time.
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            pause = _SHORTEST_PAUSE_SECONDS
            try:
                await self._serve(raw)
            except RAISED as error:
                log.warning("the listener lost the database", error=repr(error))
            finally:
                self._raw = None
                self._listening.clear()
                raw.terminate()

    async def _serve(self, raw: Raw) -> None:
        self._lost.clear()
        raw.add_termination_listener(lambda _raw: self._lost.set())
        async with self._lock:
            self._raw = raw
            for channel in {*self._everything, *self._by_key}:
                await raw.add_listener(channel, self._dispatch)
                self._listening.add(channel)
        self._resync()
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    await self._lost.wait()
            except TimeoutError:
                # A link can be dead without saying so; nothing would ever arrive on it.
                await raw.fetchval(PING, timeout=_PING_SECONDS)
