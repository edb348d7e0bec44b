"""Clients whose client_id is the address of a document about them: fetched, checked, stored, and fetched again when it is old.

The row in the database is the cache, for all servers. An error is never stored. A document whose host cannot be reached
counts until 24 hours after it was last read; one that is gone or wrong does not count any more.
"""

from datetime import datetime
from typing import Final

import msgspec

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database, UniqueViolation
from homeport.kit import clock
from homeport.kit.flights import Flights
from homeport.oauth2.errors import OAuthError, invalid_client
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.queries.apps import find_app_by_url
from homeport.oauth2.rules import documents as rules
from homeport.oauth2.rules.registration import Metadata
from homeport.oauth2.service.client_trail import record_app
from homeport.oauth2.service.fetching import Fetched, Fetcher, FetchFailed
from homeport.oauth2.service.narrowing import end_what_is_beyond
from homeport.oauth2.service.registering import columns, make_room, new_row
from homeport.oauth2.types import AppRow, ClientKind
from homeport.telemetry.logs import get_logger

PREFIX: Final = "https://"
fetcher: Final = Fetcher()
_flights: Final[Flights[AppRow]] = Flights()
_log = get_logger(__name__)


async def resolve_document_client(db: Database, settings: Settings, url: str) -> AppRow:
    """Return the client whose document is at `url`, as it is now. Raises invalid_client.

    The policy of the settings is asked every time, so a domain that is refused from today is refused at once.
    """
    if not settings.oauth2_client_metadata_documents:
        raise invalid_client("This server accepts no clients by the address of their metadata; register the client.")
    problem = rules.address_problem(url) or rules.domain_problem(
        url,
        allowed=settings.oauth2_client_metadata_domains,
        denied=settings.oauth2_client_metadata_denied_domains,
    )
    if problem:
        raise invalid_client(problem)
    row = await find_app_by_url(db, url)
    if row is not None and _is_fresh(row, clock.now()):
        return row
    return await _flights.join((id(db), url), lambda: _renew(db, settings, url, row))


def _is_fresh(row: AppRow, now: datetime) -> bool:
    return row.metadata_expires_at is not None and now < row.metadata_expires_at


async def _renew(db: Database, settings: Settings, url: str, known: AppRow | None) -> AppRow:
    try:
        fetched = await fetcher.fetch(
            url,
            most_bytes=rules.MOST_BYTES,
            may_be_private=rules.is_private_host(url, settings.oauth2_client_metadata_private_hosts),
        )
    except FetchFailed as error:
        _log.warning("a client's metadata document was not had", url=url, reason=str(error))
        if known is None or error.is_final or not _may_still_count(known):
            raise invalid_client("The client's metadata document cannot be fetched from its address.") from error
        return await _keep_for_a_while(db, known)
    try:
        found = rules.read_document(url, fetched.document)
    except OAuthError as error:
        _log.warning("a client's metadata document is wrong", url=url, reason=error.message)
        raise invalid_client(f"The client's metadata document is not accepted. {error.message}") from error
    return await _store(db, settings, url, found, fetched)


def _may_still_count(row: AppRow) -> bool:
    read_at = row.metadata_fetched_at
    return read_at is not None and clock.now() < read_at + rules.LONGEST_LIFE


async def _keep_for_a_while(db: Database, known: AppRow) -> AppRow:
    """Let a document count a little longer, so that not every request waits for a host that does not answer."""
    assert known.metadata_fetched_at is not None
    until = min(clock.now() + rules.SHORTEST_LIFE, known.metadata_fetched_at + rules.LONGEST_LIFE)
    async with db.transaction() as conn:
        await queries.update_metadata_expiry(conn, known.id, until)
    return known


async def _store(db: Database, settings: Settings, url: str, found: Metadata, fetched: Fetched) -> AppRow:
    now = clock.now()
    times = {"metadata_fetched_at": now, "metadata_expires_at": rules.expires_at(fetched.headers, now)}

    async def work(conn: Connection) -> AppRow:
        before = await queries.lock_app_by_metadata_url(conn, url)
        if before is None:
            await make_room(conn, settings)
            row = msgspec.structs.replace(
                new_row(found, ClientKind.METADATA_DOCUMENT, is_scope_limit=False), metadata_url=url, **times
            )
            try:
                async with conn.savepoint():
                    await queries.insert_app(conn, row)
            except UniqueViolation:
                # Another server has stored it in this moment.
                before = await queries.lock_app_by_metadata_url(conn, url)
                assert before is not None
            else:
                await record_app(conn, AuditAction.REGISTER, after=row)
                return row
        return await _update(conn, settings, before, msgspec.structs.replace(before, **columns(found), **times))

    return await db.run(work, isolation="read_committed")


async def _update(conn: Connection, settings: Settings, before: AppRow, after: AppRow) -> AppRow:
    timeless = msgspec.structs.replace(
        after, metadata_fetched_at=before.metadata_fetched_at, metadata_expires_at=before.metadata_expires_at
    )
    has_changed = timeless != before
    row = msgspec.structs.replace(after, updated_at=clock.now()) if has_changed else after
    await queries.update_app(conn, row)
    if has_changed:
        reason = rules.revoking_change(before, row)
        if reason:
            ended = await queries.delete_grants(conn, row.id)
            _log.warning(
                "a client's document has changed: its grants are revoked",
                url=row.client_id,
                member=reason,
                grants=ended,
            )
        await end_what_is_beyond(conn, settings, before=before, after=row)
        await record_app(
            conn,
            AuditAction.WRITE,
            before=before,
            after=row,
            reason=f"{reason} changed: grants revoked" if reason else "",
        )
    return row
