"""Secrets of clients: made here, shown once, kept as two hashes."""

from uuid import UUID

from homeport.database import Connection
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.rules.credentials import CredentialKind, displayed
from homeport.oauth2.service.credentials import new_credential
from homeport.oauth2.types import SecretRow


async def insert_new_secret(conn: Connection, app_id: UUID) -> tuple[SecretRow, str]:
    """Make a secret for a client; return its row and its text, which is stored nowhere."""
    made = new_credential(CredentialKind.CLIENT_SECRET)
    row = SecretRow(
        id=new_id(),
        app_id=app_id,
        secret_prefix=made.prefix_hash,
        hashed_secret=made.secret_hash,
        display_secret=displayed(made.text),
        last_used_at=None,
        created_at=clock.now(),
    )
    await queries.insert_secret(conn, row)
    return row, made.text
