"""SQL that makes authorization codes; `tokens.py` takes them."""

from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.oauth2.types import CodeRow

_FIELDS = CodeRow.__struct_fields__

# Held (shared) in the order in which they are deleted: person, client; the code's foreign keys would take them out of turn.
HOLD_PARTIES = """
select u.status::text
from users u, oauth2_provider_apps a
where u.id = $1 and not u.deleted and a.id = $2
for key share of u, a
"""
INSERT_CODE = f"""
insert into oauth2_provider_app_codes ({", ".join(_FIELDS)})
values ({", ".join(f"${number}" for number in range(1, len(_FIELDS) + 1))})
"""
DELETE_CODES_OF_GRANT = "delete from oauth2_provider_app_codes where grant_id = $1"


async def hold_parties(conn: Connection, user_id: UUID, app_id: UUID) -> str | None:
    """Keep a person and a client from being deleted until the transaction ends. Returns the person's status.

    None when either is gone.
    """
    found: str | None = await conn.fetchval(HOLD_PARTIES, user_id, app_id)
    return found


async def insert_code(conn: Connection, row: CodeRow) -> None:
    """Insert a code."""
    await conn.execute(INSERT_CODE, *msgspec.structs.astuple(row))


async def delete_codes_of_grant(conn: Connection, grant_id: UUID) -> int:
    """Delete the codes of a grant that nobody has redeemed."""
    return await conn.execute(DELETE_CODES_OF_GRANT, grant_id)
