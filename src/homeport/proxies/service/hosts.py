"""The hosts of proxies and applications, read once for all who need them, and again when they change."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from homeport.config import Settings
from homeport.database import Database, DatabaseError, Follower, Listener
from homeport.kit import clock
from homeport.proxies import queries, rules
from homeport.proxies.types import AppHosts, ProxyPlace
from homeport.telemetry.logs import get_logger

CHANGED: Final = "workspace_proxies"
"""The channel; its payload is the proxy's id. A trigger tells, whoever writes the row."""

SEEN_WITHIN: Final = timedelta(minutes=3)
"""How long a proxy counts as there after it was seen last."""

_LOOK_SECONDS: Final = 30.0
_log = get_logger(__name__)


class HostCache:
    """The one cache of a process. All readers share `current`, which is another object after each change.

    `start` and `stop` belong to the composition root; before `start` it knows the primary alone.
    """

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._primary = ProxyPlace(settings.access_url, settings.wildcard_access_url)
        self.current: AppHosts = rules.app_hosts(self._primary, ())
        self._follower = Follower("hosts of proxies")

    async def start(self, listener: Listener) -> None:
        """Read the hosts and begin to follow them; returns when both are so."""
        await self._follower.start(lambda note_ready: self._follow(listener, note_ready))

    async def stop(self) -> None:
        """Follow no more."""
        await self._follower.stop()

    async def look(self) -> None:
        """Read the hosts anew. Without a database those of before stay."""
        try:
            async with self._db.connection() as conn:
                places = await queries.list_places(conn, seen_after=clock.now() - SEEN_WITHIN)
        except DatabaseError as error:
            _log.warning("could not look at the workspace proxies", reason=error.message)
            return
        found = rules.app_hosts(self._primary, places)
        if found != self.current:
            self.current = found

    async def _follow(self, listener: Listener, note_ready: Callable[[], None]) -> None:
        async with listener.subscribe(CHANGED) as news:
            await self.look()
            note_ready()
            while True:
                # Nobody tells of a proxy that falls silent, so this looks by itself as well.
                await news.wait(_LOOK_SECONDS)
                await self.look()
