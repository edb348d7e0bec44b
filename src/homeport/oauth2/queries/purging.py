"""SQL that removes what has expired, a batch at a time by the index on its moment. Rows in use are left for the next round.

The ids of a batch go through an array, so that the rows are found by them whatever PostgreSQL thinks of the batch's size.
"""

from datetime import datetime
from uuid import UUID

from homeport.database import Connection

DELETE_EXPIRED_CODES = """
delete from oauth2_provider_app_codes where id = any(array(
    select id from oauth2_provider_app_codes where expires_at < $1 order by expires_at limit $2 for update skip locked
))
"""
DELETE_EXPIRED_DEVICE_CODES = """
delete from oauth2_provider_device_codes where id = any(array(
    select id from oauth2_provider_device_codes where expires_at < $1 order by expires_at limit $2 for update skip locked
))
"""
DELETE_EXPIRED_SINGLE_USES = """
delete from oauth2_provider_single_uses where hash = any(array(
    select hash from oauth2_provider_single_uses where expires_at < $1 order by expires_at limit $2 for update skip locked
))
"""
# Used again after this long, a token is unknown; it had expired by then.
DELETE_OLD_SPENT_TOKENS = """
delete from oauth2_provider_spent_refresh_tokens where hash_prefix = any(array(
    select hash_prefix from oauth2_provider_spent_refresh_tokens where rotated_at < $1 order by rotated_at limit $2
    for update skip locked
))
"""
DELETE_EXPIRED_FAMILIES = """
delete from oauth2_provider_token_families where id = any(array(
    select id from oauth2_provider_token_families where expires_at < $1 order by expires_at limit $2 for update skip locked
))
"""
# Each takes its key with it. A token expires when its refresh token and its access token both have.
DELETE_EXPIRED_TOKENS = """
delete from oauth2_provider_app_tokens where id = any(array(
    select id from oauth2_provider_app_tokens where expires_at < $1 order by expires_at limit $2 for update skip locked
)) returning family_id
"""
# A family whose last token has expired gives nothing any more.
DELETE_EMPTY_FAMILIES = """
delete from oauth2_provider_token_families where id = any(array(
    select f.id from oauth2_provider_token_families f
    where f.id = any($1) and not exists (select 1 from oauth2_provider_app_tokens t where t.family_id = f.id)
    for update skip locked
))
"""
DELETE_OLD_DEVICE_ATTEMPTS = "delete from oauth2_provider_device_attempts where begun_at < $1"

BY_EXPIRY = (
    DELETE_EXPIRED_CODES,
    DELETE_EXPIRED_DEVICE_CODES,
    DELETE_EXPIRED_SINGLE_USES,
    DELETE_EXPIRED_FAMILIES,
)


async def delete_batch(conn: Connection, statement: str, *, before: datetime, most: int) -> int:
    """Run one of the statements above that take a moment and a number; returns how many rows went."""
    return await conn.execute(statement, before, most)


async def delete_expired_tokens(conn: Connection, *, before: datetime, most: int) -> tuple[int, list[UUID]]:
    """Delete tokens; returns how many, and the families that they were of."""
    rows = await conn.fetch(DELETE_EXPIRED_TOKENS, before, most)
    return len(rows), list({row["family_id"] for row in rows if row["family_id"] is not None})


async def delete_empty_families(conn: Connection, family_ids: list[UUID]) -> int:
    """Delete those of the families that have no token left."""
    return await conn.execute(DELETE_EMPTY_FAMILIES, family_ids)


async def delete_old_device_attempts(conn: Connection, before: datetime) -> int:
    """Forget counts of wrong device codes that count no more."""
    return await conn.execute(DELETE_OLD_DEVICE_ATTEMPTS, before)
