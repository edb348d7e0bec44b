"""SQL that finds what a client was given, to end what it may not have any more."""

from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import many

LIST_CODES = "select id, redirect_uri from oauth2_provider_app_codes where app_id = $1 for update"
LIST_FAMILIES = "select id, scopes from oauth2_provider_token_families where app_id = $1 for update"
# Tokens of client_credentials: they belong to no family.
LIST_SERVICE_TOKENS = """
select id, user_id, scopes from oauth2_provider_app_tokens where app_id = $1 and family_id is null for update
"""
DELETE_CODE = "delete from oauth2_provider_app_codes where id = $1"


class GivenCode(msgspec.Struct, frozen=True):
    """A code that waits, and the redirect address that its request named (None: it named none)."""

    id: UUID
    redirect_uri: str | None


class GivenFamily(msgspec.Struct, frozen=True):
    """A family of tokens and the most that it may have."""

    id: UUID
    scopes: list[str]


class GivenServiceToken(msgspec.Struct, frozen=True):
    """A token of client_credentials, in whose name it works, and the most that it may have."""

    id: UUID
    user_id: UUID
    scopes: list[str]


async def list_codes(conn: Connection, app_id: UUID) -> list[GivenCode]:
    """Return a client's codes and hold them."""
    return many(GivenCode, await conn.fetch(LIST_CODES, app_id))


async def list_families(conn: Connection, app_id: UUID) -> list[GivenFamily]:
    """Return a client's families and hold them."""
    return many(GivenFamily, await conn.fetch(LIST_FAMILIES, app_id))


async def list_service_tokens(conn: Connection, app_id: UUID) -> list[GivenServiceToken]:
    """Return a client's tokens of client_credentials and hold them."""
    return many(GivenServiceToken, await conn.fetch(LIST_SERVICE_TOKENS, app_id))


async def delete_code(conn: Connection, code_id: UUID) -> None:
    """Delete a code: redeeming it is invalid_grant from now on."""
    await conn.execute(DELETE_CODE, code_id)
