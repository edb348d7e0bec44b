"""SQL on `passcode_requests`: the queue of those who have forgotten their password."""

from homeport.database import Connection
from homeport.database.rows import maybe
from homeport.identity.types import PasscodeRequest

_COLUMNS = ", ".join(PasscodeRequest.__struct_fields__)

INSERT_REQUEST = f"insert into passcode_requests ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6)"
# Taken for good: the transaction that deletes it writes the mail.
TAKE_REQUEST = f"""
delete from passcode_requests
where id = (select id from passcode_requests order by created_at, id limit 1 for update skip locked)
returning {_COLUMNS}
"""


async def insert_request(conn: Connection, row: PasscodeRequest) -> None:
    """Insert a request."""
    await conn.execute(INSERT_REQUEST, *(getattr(row, name) for name in PasscodeRequest.__struct_fields__))


async def take_request(conn: Connection) -> PasscodeRequest | None:
    """Take the oldest request that no other server is answering, or None."""
    return maybe(PasscodeRequest, await conn.fetchrow(TAKE_REQUEST))
