"""Revocation (RFC 7009): a client gives back a token of its own. What is no token of its own stays as it is, and the answer is the same."""

from typing import Final

from homeport.access.live import CHANGED
from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.identity.rules import MalformedToken, parse_token
from homeport.kit.crypto import hash_token, tokens_equal
from homeport.oauth2.queries import tokens as queries
from homeport.oauth2.rules import client_authentication
from homeport.oauth2.rules.credentials import Credential, CredentialKind, read_credential
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.service.attempts import Attempts
from homeport.oauth2.service.clients import Client, authenticate_client
from homeport.oauth2.service.tokens.families import end_family
from homeport.oauth2.service.trail import record_token

PARAMETERS: Final = frozenset({"token", "token_type_hint"}) | client_authentication.PARAMETERS


async def revoke(db: Database, settings: Settings, attempts: Attempts, *, authorization: str, form: Form) -> None:
    """End a token: a refresh token with its whole family, an access token with the refresh token beside it.

    The hint is not needed: tokens say themselves of which kind they are. Raises invalid_client unless the client has
    proved itself as at the token endpoint, invalid_request without a token.
    """
    async with attempts.counted(client_authentication.claimed_client_id(authorization, form)):
        client = await authenticate_client(db, settings, authorization=authorization, form=form)
    text = form.need("token")
    credential = read_credential(CredentialKind.REFRESH_TOKEN, text)

    async def work(conn: Connection) -> None:
        if credential is not None:
            await _revoke_family(conn, client, credential)
        else:
            await _revoke_access_token(conn, client, text)

    await db.run(work, isolation="read_committed")


async def _revoke_family(conn: Connection, client: Client, credential: Credential) -> None:
    """End the family of a refresh token, also of one that was used: whoever gives it back wants it all to end."""
    found = await queries.find_family_of_token(conn, credential.prefix_hash)
    if found is None:
        return
    family, refresh_hash = found
    if credential.is_proved_by(refresh_hash) and family.app_id == client.app.id:
        await end_family(conn, client.app, family, reason="revoked")


async def _revoke_access_token(conn: Connection, client: Client, text: str) -> None:
    try:
        key_id, secret = parse_token(text)
    except MalformedToken:
        return
    seen = await queries.find_token_of_key(conn, key_id)
    if seen is None or not tokens_equal(hash_token(secret), seen.hashed_secret):
        return
    if seen.token.app_id != client.app.id:
        return
    family_id = seen.token.family_id
    if family_id is not None:
        await queries.hold_family(conn, family_id)
    if await queries.delete_token(conn, seen.token.id):
        await record_token(conn, AuditAction.DELETE, client.app, before=seen.token, reason="revoked")
        # Where its family goes on, nothing else tells of this token's end.
        await conn.notify(CHANGED, str(seen.token.user_id))
    if family_id is not None:
        await queries.delete_empty_family(conn, family_id)
