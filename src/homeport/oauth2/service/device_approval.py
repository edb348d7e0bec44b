"""A person answers a device that waits (RFC 8628 section 3.3): the code leads to the client, and only a form answers.

Codes are short, so each person has few wrong ones (section 5.1). What is shown names the code and the client: somebody may
have sent the person a link to their own device (section 5.4).
"""

import math
from datetime import datetime, timedelta
from typing import Final

import msgspec

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.types import Identity
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.errors import TooManyRequests
from homeport.oauth2.errors import OAuthError, invalid_request
from homeport.oauth2.queries import device_attempts as queries
from homeport.oauth2.rules.authorization import grant_resource
from homeport.oauth2.rules.user_codes import LENGTH, read_user_code
from homeport.oauth2.service.authorizing import Decision
from homeport.oauth2.service.devices import DeviceRequest, answer_device_request, find_device_request
from homeport.oauth2.service.form_tokens import new_form_token, spend_form_token
from homeport.oauth2.service.grants import hold_parties, record_denial, record_grant, require_person
from homeport.oauth2.types import DEVICE_CODE_LIFETIME, AppRow
from homeport.telemetry.logs import get_logger

MOST_FAILURES: Final = 10
WINDOW: Final = DEVICE_CODE_LIFETIME
_PURPOSE: Final = "oauth2 device"
_log = get_logger(__name__)


class WrongUserCode(OAuthError):
    """Nobody waits with this code. The person may try again."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_request", "No device waits with this code. It may have expired: start again on the device."
        )


class DeviceQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked about a device. `token` makes one answer good."""

    user_code: str
    app: AppRow
    scopes: tuple[str, ...]
    resource: str
    token: str


async def consider_device(db: Database, cipher: Cipher, *, identity: Identity, text: str) -> DeviceQuestion:
    """Return what a typed code asks. Raises WrongUserCode, TooManyRequests, and access_denied for who is no person."""
    require_person(identity)
    found = await _find(db, identity, text)
    return DeviceQuestion(
        user_code=found.row.user_code,
        app=found.app,
        scopes=tuple(found.row.scopes),
        resource=found.row.resource_uri or "",
        token=new_form_token(cipher, purpose=_PURPOSE, key_id=identity.key_id, facts=_facts(found)),
    )


async def decide_device(
    db: Database,
    settings: Settings,
    cipher: Cipher,
    *,
    identity: Identity,
    text: str,
    decision: Decision,
    token: str | None,
) -> AppRow:
    """Do what a person has answered, and return the client. `token` as in `authorizing.decide`.

    Raises WrongUserCode for a device that waits no more, StaleForm, TooManyRequests, access_denied.
    """
    require_person(identity)
    found = await _find(db, identity, text)
    row, app, user_id = found.row, found.app, identity.user_id
    resource = grant_resource(row.resource_uri or "", settings.access_url)
    async with db.transaction() as conn:
        await hold_parties(conn, user_id=user_id, app=app)
        if token is not None:
            facts = _facts(found)
            await spend_form_token(conn, cipher, token, purpose=_PURPOSE, key_id=identity.key_id, facts=facts)
        grant_id = None
        if decision == "allow":
            grant = await record_grant(conn, user_id=user_id, app=app, resource_uri=resource, scopes=row.scopes)
            grant_id = grant.id
        else:
            await record_denial(conn, user_id=user_id, app=app, resource_uri=resource)
        if not await answer_device_request(conn, row, user_id=user_id, grant_id=grant_id, scopes=row.scopes):
            raise WrongUserCode
    return app


async def _find(db: Database, identity: Identity, text: str) -> DeviceRequest:
    if not read_user_code(text):
        raise invalid_request(f"A code has {LENGTH} letters, as XXXX-XXXX, without vowels.")
    now = clock.now()
    failures, begun_at = await queries.put_attempt(db, identity.user_id, now=now, forgotten=now - WINDOW)
    if failures > MOST_FAILURES:
        raise _too_many(begun_at, now)
    found = await find_device_request(db, text)
    if found is None:
        _log.warning("no device waits with a code that was typed", user_id=str(identity.user_id), failures=failures)
        raise WrongUserCode
    await queries.forgive_attempt(db, identity.user_id)
    return found


def _too_many(begun_at: datetime, now: datetime) -> TooManyRequests:
    rest = max(timedelta(seconds=1), begun_at + WINDOW - now)
    minutes = math.ceil(rest.total_seconds() / 60)
    return TooManyRequests(
        f"Too many wrong codes. Try again in {minutes} minutes.", retry_after=math.ceil(rest.total_seconds())
    )


def _facts(found: DeviceRequest) -> list[object]:
    row, app = found.row, found.app
    shown = [row.user_code, app.client_id, app.name, app.kind, row.resource_uri or ""]
    return [str(row.id), *shown, *row.scopes]
