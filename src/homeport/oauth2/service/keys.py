"""Public keys of clients that prove themselves by signatures: sent with the registration, or fetched from the client's address.

Fetched ones are remembered by this process within the bounds of documents. An unknown key makes it look again, at most once a
minute, so that a client may renew its keys.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from homeport.config import Settings
from homeport.kit import clock
from homeport.kit.flights import Flights
from homeport.oauth2.errors import invalid_client
from homeport.oauth2.rules import documents as rules
from homeport.oauth2.rules.registration import keys_problem
from homeport.oauth2.service.documents import fetcher
from homeport.oauth2.service.fetching import FetchFailed
from homeport.oauth2.types import AppRow
from homeport.telemetry.logs import get_logger

MOST_BYTES: Final = 16 * 1024
_BETWEEN_LOOKS: Final = timedelta(minutes=1)
_MOST_REMEMBERED: Final = 1000
_UNREACHABLE: Final = "The keys of this client cannot be fetched from its jwks_uri."
_log = get_logger(__name__)


class _Remembered(msgspec.Struct, frozen=True):
    jwks: dict[str, Any]
    fetched_at: datetime
    expires_at: datetime


_remembered: "Final[OrderedDict[str, _Remembered]]" = OrderedDict()
_flights: "Final[Flights[_Remembered]]" = Flights()


async def keys_of(settings: Settings, app: AppRow, *, is_key_unknown: bool = False) -> dict[str, Any]:
    """Return a client's key set. `is_key_unknown`: the one from before lacks the key. Raises invalid_client."""
    if app.jwks is not None:
        return app.jwks
    if not app.jwks_uri:
        raise invalid_client("This client has no keys; register it with jwks or jwks_uri.")
    now = clock.now()
    known = _remembered.get(app.jwks_uri)
    if known is not None and (
        now < known.fetched_at + _BETWEEN_LOOKS or (now < known.expires_at and not is_key_unknown)
    ):
        return known.jwks
    return (await _flights.join(app.jwks_uri, lambda: _fetch(settings, app.jwks_uri))).jwks


async def _fetch(settings: Settings, uri: str) -> _Remembered:
    try:
        fetched = await fetcher.fetch(
            uri,
            most_bytes=MOST_BYTES,
            may_be_private=rules.is_private_host(uri, settings.oauth2_client_metadata_private_hosts),
        )
    except FetchFailed as error:
        _log.warning("a client's keys were not had", url=uri, reason=str(error))
        raise invalid_client(_UNREACHABLE) from error
    if problem := keys_problem(fetched.document):
        raise invalid_client(f"The keys of this client are not accepted. {problem}")
    now = clock.now()
    found = _Remembered(fetched.document, now, rules.expires_at(fetched.headers, now))
    _remembered[uri] = found
    _remembered.move_to_end(uri)
    while len(_remembered) > _MOST_REMEMBERED:
        _remembered.popitem(last=False)
    return found
