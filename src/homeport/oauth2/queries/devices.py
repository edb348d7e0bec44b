"""SQL on `oauth2_provider_device_codes`."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import maybe
from homeport.oauth2.types import DeviceCodeRow

_FIELDS = DeviceCodeRow.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)

INSERT_DEVICE_CODE = f"""
insert into oauth2_provider_device_codes ({_COLUMNS})
values ({", ".join(f"${number}" for number in range(1, len(_FIELDS) + 1))})
on conflict (user_code) do nothing
"""
# Parents first, as for every code and token (see `tokens.py`). By the unique index on secret_prefix.
LOCK_DEVICE_CODE = f"""
select {", ".join(f"d.{name}" for name in _FIELDS)}
from oauth2_provider_device_codes d join oauth2_provider_apps a on a.id = d.app_id
where d.secret_prefix = $1
for key share of a for update of d
"""
LOCK_DEVICE_CODE_BY_USER_CODE = f"select {_COLUMNS} from oauth2_provider_device_codes where user_code = $1 for update"
FIND_DEVICE_CODE_BY_USER_CODE = f"select {_COLUMNS} from oauth2_provider_device_codes where user_code = $1"
UPDATE_POLLED = "update oauth2_provider_device_codes set last_polled_at = $2, interval_seconds = $3 where id = $1"
# Only the first answer counts.
UPDATE_ANSWER = """
update oauth2_provider_device_codes set status = $2, user_id = $3, grant_id = $4, scopes = $5
where id = $1 and status = 'pending' and expires_at > $6
"""
DELETE_DEVICE_CODE = "delete from oauth2_provider_device_codes where id = $1"


async def insert_device_code(conn: Connection, row: DeviceCodeRow) -> bool:
    """Insert a device code; False when its user code is in use."""
    return await conn.execute(INSERT_DEVICE_CODE, *msgspec.structs.astuple(row)) == 1


async def lock_device_code(conn: Connection, prefix: bytes) -> DeviceCodeRow | None:
    """Return a device code and hold it, so that polls come one after the other."""
    return maybe(DeviceCodeRow, await conn.fetchrow(LOCK_DEVICE_CODE, prefix))


async def lock_device_code_by_user_code(conn: Connection, user_code: str) -> DeviceCodeRow | None:
    """Return the device code that a person has typed the user code of, and hold it."""
    return maybe(DeviceCodeRow, await conn.fetchrow(LOCK_DEVICE_CODE_BY_USER_CODE, user_code))


async def find_device_code_by_user_code(conn: Connection, user_code: str) -> DeviceCodeRow | None:
    """Return the device code that a person has typed the user code of."""
    return maybe(DeviceCodeRow, await conn.fetchrow(FIND_DEVICE_CODE_BY_USER_CODE, user_code))


async def update_polled(conn: Connection, row_id: UUID, *, now: datetime, interval_seconds: int) -> None:
    """Note a poll, and how long the device has to wait for the next."""
    await conn.execute(UPDATE_POLLED, row_id, now, interval_seconds)


async def update_answer(
    conn: Connection,
    row_id: UUID,
    *,
    status: str,
    user_id: UUID,
    grant_id: UUID | None,
    scopes: list[str],
    now: datetime,
) -> bool:
    """Note a person's answer; False when it was answered before, or has expired."""
    return await conn.execute(UPDATE_ANSWER, row_id, status, user_id, grant_id, scopes, now) == 1


async def delete_device_code(conn: Connection, row_id: UUID) -> bool:
    """Use a device code up; False when somebody has been faster."""
    return await conn.execute(DELETE_DEVICE_CODE, row_id) == 1
