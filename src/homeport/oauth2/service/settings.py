"""What owners decide at run time, over the settings that the server was started with."""

from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from homeport.audit import AuditAction, AuditResource, attempt, declare, record
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.oauth2.queries import settings as queries
from homeport.oauth2.rules.objects import APP
from homeport.oauth2.schemas.management import OAuth2ProviderSettings, PutOAuth2ProviderSettingsRequest
from homeport.rbac import Action, Subject, require

_KEY = "oauth2_dynamic_client_registration"
_NOUN = "OAuth2 provider settings"
# How long another server's decision may go unnoticed in the metadata; registering itself always looks.
_SECONDS = 2.0
_known: WeakKeyDictionary[Database, tuple[float, bool]] = WeakKeyDictionary()


class ProviderSettingsRow(msgspec.Struct, frozen=True):
    """What audit compares."""

    dynamic_client_registration_enabled: bool


_AUDIT = declare("oauth2_provider_settings", ProviderSettingsRow, tracked=("dynamic_client_registration_enabled",))
# There is one set of settings and no row of them: audit knows it by an id of its own.
_RESOURCE = AuditResource(UUID("00000000-0000-0000-0000-0000000000a1"), "OAuth2 provider settings")


async def is_registration_open(conn: Connection, settings: Settings) -> bool:
    """Whether clients may register themselves at this moment."""
    stored = await queries.find_value(conn, _KEY)
    return settings.oauth2_dynamic_client_registration if stored is None else stored == "true"


async def is_registration_shown(db: Database, settings: Settings) -> bool:
    """Whether metadata says that clients may register themselves: remembered for a moment, as metadata is asked for often."""
    now = clock.monotonic()
    known = _known.get(db)
    if known is not None and now < known[0]:
        return known[1]
    async with db.connection() as conn:
        found = await is_registration_open(conn, settings)
    _known[db] = (now + _SECONDS, found)
    return found


async def read_settings(db: Database, settings: Settings, *, subject: Subject) -> OAuth2ProviderSettings:
    """Return what is decided. Needs oauth2_app:update."""
    require(subject, Action.UPDATE, APP, noun=_NOUN)
    async with db.connection() as conn:
        return OAuth2ProviderSettings(await is_registration_open(conn, settings))


async def update_settings(
    db: Database, settings: Settings, *, subject: Subject, request: PutOAuth2ProviderSettingsRequest
) -> OAuth2ProviderSettings:
    """Decide; what the request leaves out stays as it is. Clients that have registered go on working. Needs oauth2_app:update."""
    attempt(_AUDIT, subject_id=subject.id, action=AuditAction.WRITE, resource=_RESOURCE)
    require(subject, Action.UPDATE, APP, noun=_NOUN)
    async with db.transaction() as conn:
        await conn.lock(_KEY)
        before = await is_registration_open(conn, settings)
        after = request.dynamic_client_registration_enabled
        if after is None or after == before:
            return OAuth2ProviderSettings(before)
        await queries.put_value(conn, _KEY, str(after).lower(), clock.now())
        await record(
            conn,
            subject_id=subject.id,
            action=AuditAction.WRITE,
            resource=_RESOURCE,
            before=ProviderSettingsRow(before),
            after=ProviderSettingsRow(after),
        )
        conn.after_commit(lambda: _forget(db))
    return OAuth2ProviderSettings(after)


def _forget(db: Database) -> None:
    _known.pop(db, None)
