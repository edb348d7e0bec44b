"""Making a pair: an API key as the access token, and beside it a refresh token where the client may have one."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from homeport.config import Settings
from homeport.database import Connection
from homeport.identity.service.keys import create_key
from homeport.identity.types import LoginType
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.oauth2.queries import tokens as queries
from homeport.oauth2.rules.credentials import CredentialKind
from homeport.oauth2.schemas.tokens import OAuth2TokenResponse
from homeport.oauth2.service.clients import Client
from homeport.oauth2.service.credentials import new_credential
from homeport.oauth2.types import FamilyRow, GrantType, TokenRow


class Pair(msgspec.Struct, frozen=True):
    """What was issued: the row, and the answer with the two secrets, which are stored nowhere."""

    row: TokenRow
    answer: OAuth2TokenResponse


async def issue_pair(
    conn: Connection,
    settings: Settings,
    *,
    client: Client,
    user_id: UUID,
    scopes: Sequence[str],
    audience: str | None,
    family: FamilyRow | None,
    rotated: TokenRow | None = None,
) -> Pair:
    """Issue an access token in a person's name and, within a family, a refresh token if the client is registered for that.

    `rotated` is the token that this one replaces: the caller has taken it. Nothing outlives its family. The caller
    authorizes and records.
    """
    now = clock.now()
    lifetime = settings.oauth2_access_token_lifetime
    expires_at = now + lifetime if family is None else min(now + lifetime, family.expires_at)
    key, access_token = await create_key(
        conn,
        user_id=user_id,
        login_type=LoginType.OAUTH2_PROVIDER_APP,
        lifetime=lifetime,
        token_name=f"{user_id}_{client.app.id}_oauth_session_token",
        scopes=scopes,
        expires_at=expires_at,
        audience=audience,
    )
    has_refresh_token = family is not None and GrantType.REFRESH_TOKEN in client.app.grant_types
    refresh = new_credential(CredentialKind.REFRESH_TOKEN) if has_refresh_token else None
    ends_at = expires_at
    if refresh is not None and family is not None:
        ends_at = min(now + settings.oauth2_refresh_token_lifetime, family.expires_at)
    row = TokenRow(
        id=new_id(),
        created_at=now,
        expires_at=max(ends_at, expires_at),
        hash_prefix=refresh.prefix_hash if refresh else None,
        refresh_hash=refresh.secret_hash if refresh else None,
        app_id=client.app.id,
        app_secret_id=client.secret_id,
        api_key_id=key.id,
        user_id=user_id,
        family_id=family.id if family else None,
        scopes=list(scopes),
        audience=audience,
    )
    if rotated is None:
        await queries.insert_token(conn, row)
    else:
        await queries.insert_rotated_token(conn, row, rotated)
    return Pair(
        row,
        OAuth2TokenResponse(
            access_token=access_token,
            token_type="Bearer",
            expires_in=round((expires_at - now).total_seconds()),
            expiry=expires_at,
            refresh_token=refresh.text if refresh else "",
            scope=" ".join(scopes),
        ),
    )
