"""The background loop of the authorization server."""

from homeport.config import Settings
from homeport.database import Database
from homeport.oauth2.service.purging import purge
from homeport.telemetry.logs import get_logger

INTERVAL_SECONDS = 60.0
_log = get_logger(__name__)


async def purge_once(db: Database, settings: Settings) -> int:
    """Remove what has expired; return how many rows went."""
    count = await purge(db, settings)
    if count:
        _log.info("removed what had expired of the authorization server", rows=count)
    return count
