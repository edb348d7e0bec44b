"""Devices that cannot show a browser (RFC 8628): they get two codes, a person types one of them elsewhere and answers.

The page on which people answer is `web`'s; it finds a request by `find_device_request` and answers by `answer_device_request`.
"""

from typing import Final
from uuid import UUID

import msgspec

from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.ids import new_id, random_text
from homeport.oauth2.errors import invalid_target, unauthorized_client
from homeport.oauth2.queries import devices as queries
from homeport.oauth2.queries.clients import find_app
from homeport.oauth2.rules import client_authentication, resources, scopes
from homeport.oauth2.rules.credentials import CredentialKind
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.rules.user_codes import ALPHABET, LENGTH, read_user_code, shown_user_code
from homeport.oauth2.schemas.tokens import OAuth2DeviceResponse
from homeport.oauth2.service.attempts import Attempts
from homeport.oauth2.service.clients import Client, authenticate_client, note_use
from homeport.oauth2.service.credentials import new_credential
from homeport.oauth2.types import (
    DEVICE_CODE_LIFETIME,
    DEVICE_POLL_SECONDS,
    AppRow,
    DeviceCodeRow,
    GrantType,
)

PARAMETERS: Final = frozenset({"scope", "resource"}) | client_authentication.PARAMETERS
VERIFICATION_PATH: Final = "/oauth2/device/verify"
_ATTEMPTS: Final = 5


class DeviceRequest(msgspec.Struct, frozen=True):
    """What a device asks for, and the client that runs on it."""

    row: DeviceCodeRow
    app: AppRow


async def answer_device_authorization(
    db: Database, settings: Settings, attempts: Attempts, *, authorization: str, form: Form
) -> OAuth2DeviceResponse:
    """Give a device its two codes. Raises invalid_client, unauthorized_client, invalid_scope, invalid_target."""
    async with attempts.counted(client_authentication.claimed_client_id(authorization, form)):
        client = await authenticate_client(db, settings, authorization=authorization, form=form)
    return await begin_device_request(db, settings, client, form)


async def begin_device_request(db: Database, settings: Settings, client: Client, form: Form) -> OAuth2DeviceResponse:
    """Make the two codes for a client that has proved itself."""
    app = client.app
    if GrantType.DEVICE_CODE not in app.grant_types:
        raise unauthorized_client("This client is not registered for the device grant.")
    asked = form.resource
    resource = resources.own_resource(asked, settings.access_url)
    if asked and not resource:
        raise invalid_target("The resource is none of this server.")
    wanted = scopes.requested(form.get("scope"), scopes.ceiling_of(app, settings.oauth2_unregistered_client_scopes))
    credential, now = new_credential(CredentialKind.DEVICE_CODE), clock.now()
    async with db.transaction() as conn:
        for _ in range(_ATTEMPTS):
            row = DeviceCodeRow(
                id=new_id(),
                created_at=now,
                expires_at=now + DEVICE_CODE_LIFETIME,
                secret_prefix=credential.prefix_hash,
                hashed_secret=credential.secret_hash,
                user_code=random_text(LENGTH, ALPHABET),
                app_id=app.id,
                scopes=list(wanted),
                resource_uri=resource or None,
                interval_seconds=DEVICE_POLL_SECONDS,
                last_polled_at=None,
                status="pending",
                user_id=None,
                grant_id=None,
            )
            if await queries.insert_device_code(conn, row):
                break
        else:
            raise RuntimeError("no free user code was found")
        await note_use(conn, client)
    shown, page = shown_user_code(row.user_code), f"{settings.access_url.rstrip('/')}{VERIFICATION_PATH}"
    return OAuth2DeviceResponse(
        device_code=credential.text,
        user_code=shown,
        verification_uri=page,
        verification_uri_complete=f"{page}?user_code={shown}",
        expires_in=round(DEVICE_CODE_LIFETIME.total_seconds()),
        interval=DEVICE_POLL_SECONDS,
    )


async def find_device_request(db: Database, user_code: str) -> DeviceRequest | None:
    """Return the open request of a user code as a person has typed it; None when there is none (any more).

    The caller limits attempts: a code has 34 bits.
    """
    code = read_user_code(user_code)
    if not code:
        return None
    async with db.connection() as conn:
        row = await queries.find_device_code_by_user_code(conn, code)
        if row is None or row.status != "pending" or row.expires_at <= clock.now():
            return None
        app = await find_app(conn, row.app_id)
    return None if app is None else DeviceRequest(row, app)


async def answer_device_request(
    conn: Connection, row: DeviceCodeRow, *, user_id: UUID, grant_id: UUID | None, scopes: list[str]
) -> bool:
    """Note a person's answer: the grant of an approval, None for a refusal. False when it comes too late.

    The caller has recorded the grant in the same transaction, and records the answer in audit.
    """
    status = "denied" if grant_id is None else "approved"
    return await queries.update_answer(
        conn, row.id, status=status, user_id=user_id, grant_id=grant_id, scopes=scopes, now=clock.now()
    )
