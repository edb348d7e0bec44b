"""SQL on `oauth2_provider_single_uses`: what may count once only."""

from datetime import datetime

from homeport.database import Connection, Database

INSERT_SINGLE_USE = "insert into oauth2_provider_single_uses (hash, expires_at) values ($1, $2) on conflict do nothing"


async def insert_single_use(db: Database | Connection, hashed: bytes, expires_at: datetime) -> bool:
    """Use something up; False when somebody has before. The first wins, on whatever server."""
    return await db.execute(INSERT_SINGLE_USE, hashed, expires_at) == 1
