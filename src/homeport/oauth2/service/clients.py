"""Finding a client by its client_id, and letting it prove itself at the endpoints that only clients call.

A client proves itself in the way of its registration: not at all (public), by a secret (in the form or by HTTP Basic,
whichever), or by a signed assertion. There is no way down: a client with a secret or a key is refused without it.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.oauth2.errors import invalid_client
from homeport.oauth2.queries import apps as queries
from homeport.oauth2.queries.apps import FoundSecret
from homeport.oauth2.rules.client_authentication import Presented, presented_client
from homeport.oauth2.rules.credentials import Credential, CredentialKind, read_credential
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.service.assertions import verify_assertion
from homeport.oauth2.service.documents import resolve_document_client
from homeport.oauth2.types import AppRow, AuthMethod

DOCUMENT_PREFIX: Final = "https://"
_NOTE_USE_EVERY: Final = timedelta(hours=1)
_NO_SECRET: Final = Credential(b"", b"")


class Client(msgspec.Struct, frozen=True):
    """A client that has proved itself; `secret` is the one that it used, `method` how it did."""

    app: AppRow
    method: AuthMethod
    secret: FoundSecret | None = None

    @property
    def secret_id(self) -> UUID | None:
        """Id of the secret that was used; what is issued through it ends with it."""
        return self.secret.id if self.secret else None


async def find_client(db: Database, settings: Settings, client_id: str) -> AppRow:
    """Return the client that calls itself so: an id of ours, or the https address of its document.

    Raises invalid_client, with words that tell to register again.
    """
    app, _ = await _find(db, settings, client_id, b"")
    return app


async def authenticate_client(db: Database, settings: Settings, *, authorization: str, form: Form) -> Client:
    """Return the client of a request once it has proved itself. `authorization` is the header, or empty.

    Raises invalid_request for two ways at once, invalid_client (401) for everything that is no proof.
    """
    presented = presented_client(authorization, form)
    credential = read_credential(CredentialKind.CLIENT_SECRET, presented.secret)
    app, secret = await _find(
        db, settings, presented.client_id, credential.prefix_hash if credential else b"", is_basic=presented.is_basic
    )
    if presented.assertion:
        await verify_assertion(db, settings, app, presented.assertion)
        return Client(app, AuthMethod.PRIVATE_KEY_JWT)
    if app.is_public:
        if presented.secret:
            raise invalid_client("This is a public client: it has no secret.", is_basic=presented.is_basic)
        return Client(app, AuthMethod.NONE)
    _require_secret(app, presented, credential or _NO_SECRET, secret)
    return Client(app, AuthMethod.SECRET_BASIC if presented.is_basic else AuthMethod.SECRET_POST, secret)


async def note_use(conn: Connection, client: Client) -> None:
    """Note that the client and its secret work: at most once an hour, so that requests do not wait for each other."""
    now = clock.now()
    since = now - _NOTE_USE_EVERY
    if client.app.last_used_at is None or client.app.last_used_at < since:
        await queries.update_app_used(conn, client.app.id, now=now, unless_after=since)
    secret = client.secret
    if secret is not None and (secret.last_used_at is None or secret.last_used_at < since):
        await queries.update_secret_used(conn, secret.id, now=now, unless_after=since)


def _require_secret(app: AppRow, presented: Presented, credential: Credential, secret: FoundSecret | None) -> None:
    is_basic = presented.is_basic
    if app.token_endpoint_auth_method == AuthMethod.PRIVATE_KEY_JWT:
        raise invalid_client("This client proves itself by a signed assertion (private_key_jwt).", is_basic=is_basic)
    if not presented.secret:
        raise invalid_client("This client is confidential: it must send its secret.", is_basic=is_basic)
    if not credential.is_proved_by(secret.hashed_secret if secret else None):
        raise invalid_client("The client secret is not right.", is_basic=is_basic)
    expires_at = app.client_secret_expires_at
    if expires_at is not None and expires_at <= clock.now():
        raise invalid_client("The client secret has expired; register again.", is_basic=is_basic)


async def _find(
    db: Database, settings: Settings, client_id: str, secret_prefix: bytes, *, is_basic: bool = False
) -> tuple[AppRow, FoundSecret | None]:
    if client_id.startswith(DOCUMENT_PREFIX):
        return await resolve_document_client(db, settings, client_id), None
    if (app_id := _as_id(client_id)) is not None:
        app, secret = await queries.find_app_with_secret(db, app_id, secret_prefix)
        # The id of a client with a document is no client_id: it has one name only.
        if app is not None and app.metadata_url is None:
            return app, secret
    raise invalid_client("There is no client with this client_id; register it again.", is_basic=is_basic)


def _as_id(text: str) -> UUID | None:
    """Return an id that is written as we write it, or None."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
