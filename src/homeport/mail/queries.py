"""SQL on `mails`."""

from datetime import datetime, timedelta

from homeport.database import Connection
from homeport.database.rows import maybe
from homeport.mail.types import MailRow

_COLUMNS = ", ".join(MailRow.__struct_fields__)

INSERT_MAIL = f"insert into mails ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
# One server takes one mail. Its claim is of the database's clock, which all servers share; whoever dies lets go by it.
CLAIM_DUE = f"""
update mails set sending_until = clock_timestamp() + $2, attempts = attempts + 1
where id = (
    select id from mails
    where next_attempt_at <= $1 and (sending_until is null or sending_until < clock_timestamp())
    order by next_attempt_at, id limit 1 for update skip locked
)
returning {_COLUMNS}
"""
DELETE_CLAIMED = "delete from mails where id = $1 and sending_until = $2"
PUT_OFF = "update mails set sending_until = null, next_attempt_at = $3 where id = $1 and sending_until = $2"
COUNT_WAITING = "select count(*) from mails"


async def insert_mail(conn: Connection, row: MailRow) -> None:
    """Insert a mail."""
    await conn.execute(INSERT_MAIL, *(getattr(row, name) for name in MailRow.__struct_fields__))


async def claim_due(conn: Connection, *, now: datetime, most: timedelta) -> MailRow | None:
    """Take the mail that has waited longest, for `most` at the longest; None where none is due."""
    return maybe(MailRow, await conn.fetchrow(CLAIM_DUE, now, most))


async def delete_claimed(conn: Connection, row: MailRow) -> bool:
    """Delete a mail that this claim is about; False where it holds no longer."""
    return await conn.execute(DELETE_CLAIMED, row.id, row.sending_until) == 1


async def put_off(conn: Connection, row: MailRow, *, until: datetime) -> bool:
    """Let go of a mail until a moment; False where the claim holds no longer."""
    return await conn.execute(PUT_OFF, row.id, row.sending_until, until) == 1


async def count_waiting(conn: Connection) -> int:
    """Count the mails that wait."""
    count: int = await conn.fetchval(COUNT_WAITING)
    return count
