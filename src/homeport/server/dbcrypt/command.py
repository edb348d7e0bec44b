"""The command: which keys there are, the database, what is asked, and what the operator reads."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Literal

from homeport.config import Settings
from homeport.database import Database, DatabaseError
from homeport.database.embedded import EmbeddedPostgres
from homeport.database.migrations import prepare_database
from homeport.kit.crypto import Cipher
from homeport.server.dbcrypt import queries
from homeport.server.dbcrypt.columns import SealedColumn
from homeport.server.dbcrypt.resealing import Resealed, delete_unopenable, find_unopenable, rotate
from homeport.server.secrets import KeyFileUnusable, read_key_file
from homeport.server.start import StartRefused, own_data_dir

Deed = Literal["rotate", "decrypt", "delete"]
_DONE: Final = 0
_NOT_DONE: Final = 1


class DbcryptRefused(Exception):
    """What is asked cannot be done; the text says why and what to do."""


def run(
    settings: Settings,
    deed: Deed,
    *,
    confirm: Callable[[str], None],
    announce: Callable[[str], None] = lambda text: print(text, flush=True),
) -> int:
    """Do one deed and return the exit status. `confirm` raises where the operator does not want it after all."""
    try:
        return asyncio.run(_run(settings, deed, confirm, announce))
    except (DbcryptRefused, StartRefused, DatabaseError, KeyFileUnusable) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return _NOT_DONE


async def _run(settings: Settings, deed: Deed, confirm: Callable[[str], None], announce: Callable[[str], None]) -> int:
    configured, in_folder = configured_keys(settings), folder_key(settings)
    if deed == "decrypt":
        if not configured:
            raise DbcryptRefused(
                "EXTERNAL_TOKEN_ENCRYPTION_KEYS is not set: everything is sealed with the key of the data folder already."
            )
        confirm(
            "Seal everything with the key of the data folder? Nothing is ever stored in plain text; afterwards "
            "EXTERNAL_TOKEN_ENCRYPTION_KEYS can go, and this folder's encryption.key is what must not get lost."
        )
        in_folder = in_folder or read_key_file(settings.data_dir)
        keys = [in_folder, *configured]
    else:
        keys = [*configured, *([in_folder] if in_folder else [])]
        if not keys:
            raise DbcryptRefused(
                f"There is no key: EXTERNAL_TOKEN_ENCRYPTION_KEYS is not set, and {settings.data_dir} holds none."
            )
    cipher = Cipher(list(dict.fromkeys(keys)))
    async with _database(settings) as db:
        if deed == "delete":
            return await _delete(db, cipher, confirm, announce)
        if deed == "decrypt":
            await _require_no_server(db)
        return _report(await rotate(db, cipher), cipher, announce)


async def _delete(db: Database, cipher: Cipher, confirm: Callable[[str], None], announce: Callable[[str], None]) -> int:
    found = await find_unopenable(db, cipher)
    if not found:
        announce("Every sealed value opens with the keys that are configured: there is nothing to delete.")
        return _DONE
    announce("These values open with no key that is configured:")
    for column, count in found.items():
        announce(f"  {column.name}: {count} ({column.words})")
    confirm("Delete them for good? If their key may still be found, add it to EXTERNAL_TOKEN_ENCRYPTION_KEYS instead.")
    gone = await delete_unopenable(db, cipher)
    for column, count in gone.items():
        announce(f"Deleted {count} of {column.name}.")
    return _DONE


def _report(done: list[Resealed], cipher: Cipher, announce: Callable[[str], None]) -> int:
    for each in done:
        if each.resealed:
            announce(f"Sealed {each.resealed} of {each.column.name} with the key {cipher.key_id}.")
    left = [each for each in done if each.left]
    if not left:
        announce(f"Everything that is sealed depends on the key {cipher.key_id} alone; others can be removed.")
        return _DONE
    for each in left:
        announce(_words_of_rest(each.column, each.left))
    announce(
        "Keep the keys that you have. Add the missing ones to EXTERNAL_TOKEN_ENCRYPTION_KEYS and rotate again; what was sealed "
        "meanwhile by servers with another first key goes with it, once they have been restarted. What nobody has a key "
        "for any more goes by: homeport server dbcrypt delete"
    )
    return _NOT_DONE


def _words_of_rest(column: SealedColumn, left: dict[str, int]) -> str:
    return f"Left in {column.name}: " + ", ".join(f"{count} with the key {key}" for key, count in sorted(left.items()))


def configured_keys(settings: Settings) -> list[bytes]:
    """Return the keys of the settings, the one that seals first."""
    return [base64.b64decode(key) for key in settings.external_token_encryption_keys]


def folder_key(settings: Settings) -> bytes | None:
    """Return the key of the data folder; None where there is none."""
    path: Path = settings.data_dir / "encryption.key"
    return read_key_file(settings.data_dir) if path.exists() else None


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """Open the deployment's database: the one of the settings, or the embedded one, which no server may be using meanwhile."""
    async with AsyncExitStack() as stack:
        url = settings.pg_connection_url
        if not url:
            stack.enter_context(own_data_dir(settings.data_dir))
            embedded = EmbeddedPostgres(settings.data_dir / "postgres", on_failure=lambda _: None)
            url = await asyncio.to_thread(embedded.start)
            stack.push_async_callback(asyncio.to_thread, embedded.stop)
        await prepare_database(url)
        db = Database(url, pool_size=5)
        stack.push_async_callback(db.close)
        yield db


async def _require_no_server(db: Database) -> None:
    async with db.connection() as conn:
        if count := await queries.count_live_servers(conn):
            raise DbcryptRefused(
                f"{count} servers use this database, or did so a minute ago. Stop them: they would go on sealing with their own key."
            )
