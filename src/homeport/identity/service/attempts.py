"""Counting attempts to sign in, in the database and so for all servers together.

An attempt is counted before the password is looked at, and taken back when that was right: of many at once no more are looked
at than may fail. Nobody is locked out by strangers for good: what they try in an account's name counts apart from where the
account has a session, and counts for one window only. An unknown account is counted like a known one.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.queries import attempts as queries
from homeport.identity.rules.attempts import (
    Allowance,
    account_allowance,
    address_allowance,
    digest,
    network_of,
    passcode_allowance,
    seconds_left,
    window_start,
)
from homeport.identity.service.passwords import is_password
from homeport.identity.types import UserRow
from homeport.kit import clock
from homeport.kit.errors import TooManyRequests
from homeport.kit.ids import NIL_ID
from homeport.kit.request import current_request
from homeport.telemetry.logs import get_logger

# Longer than any window.
_KEPT: Final = timedelta(hours=2)
_log = get_logger(__name__)


class Taken(msgspec.Struct, frozen=True):
    """One counted attempt, which can be taken back. Without a moment nothing was counted."""

    kind: str = ""
    subject: str = ""
    window_start: datetime | None = None


async def count_address(db: Database, settings: Settings, address: str) -> None:
    """Count an attempt of whatever kind from an address. Raises TooManyRequests."""
    await _take(db, settings, address_allowance(settings.login_rate_limit), network_of(address))


async def uncount_address(db: Database, settings: Settings, address: str) -> None:
    """Take back an attempt from an address that has turned out to be none."""
    if settings.dangerous_disable_rate_limits:
        return
    allowance = address_allowance(settings.login_rate_limit)
    window = window_start(clock.now(), allowance.window)
    await queries.give_back(db, kind=allowance.kind, subject=digest(network_of(address)), window_start=window)


async def is_right(db: Database, settings: Settings, *, email: str, user: UserRow | None, password: str) -> bool:
    """Tell whether a password is an account's, and count the attempt where it is not. Raises TooManyRequests.

    `user` is None for an unknown account, which takes the same statements and the same time.
    """
    counted = await _begin(db, settings, email=email, user_id=user.id if user else None)
    if not await is_password(password, user.hashed_password if user else ""):
        return False
    if counted.window_start is not None:
        await queries.give_back(db, kind=counted.kind, subject=counted.subject, window_start=counted.window_start)
    return True


async def count_passcode_request(db: Database, settings: Settings, email: str) -> None:
    """Count a mail to an address. Raises TooManyRequests."""
    await _take(db, settings, passcode_allowance(settings.login_account_rate_limit), email)


async def purge(db: Database) -> int:
    """Delete counts of windows that are over; returns how many."""
    async with db.transaction() as conn:
        return await queries.delete_old(conn, clock.now() - _KEPT)


async def _begin(db: Database, settings: Settings, *, email: str, user_id: UUID | None) -> Taken:
    address = current_request().ip
    network = network_of(address)
    # Asked for unknown accounts as well: both take as long.
    is_known = await queries.has_key_from(db, user_id or NIL_ID, address, f"{network}/64" if ":" in network else None)
    allowance = account_allowance(settings.login_account_rate_limit, is_known=is_known)
    return await _take(db, settings, allowance, email, network if is_known else "")


async def _take(db: Database, settings: Settings, allowance: Allowance, *subject: str) -> Taken:
    if settings.dangerous_disable_rate_limits:
        return Taken()
    now = clock.now()
    taken = Taken(allowance.kind, digest(*subject), window_start(now, allowance.window))
    assert taken.window_start is not None
    if not await queries.take(
        db, kind=taken.kind, subject=taken.subject, window_start=taken.window_start, most=allowance.most
    ):
        wait = seconds_left(now, allowance.window)
        _log.warning("rate limit reached", limit=allowance.kind, address=current_request().ip)
        raise TooManyRequests(f"{allowance.words} Try again in {wait} seconds.", retry_after=wait)
    return taken
