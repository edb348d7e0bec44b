"""Prepare a database for this server: check PostgreSQL and schema, migrate, renew functions, views and triggers.

Every server does this at its start. One query tells that nothing is to be done; else one transaction under one lock
does all of it, so a second server waits and then finds it done, and a server that is killed leaves nothing behind.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass

import asyncpg

from homeport.database import queries
from homeport.database.connection import Raw
from homeport.database.driver import LOST, RAISED, translate
from homeport.database.errors import DatabaseRefused, DatabaseUnavailable
from homeport.database.migrations.files import Definition, list_definitions, newest_revision
from homeport.database.session import open_session
from homeport.telemetry.logs import get_logger

OLDEST_POSTGRESQL = 14

# The schema that this release brings.
SCHEMA_VERSION = int(newest_revision())

# The oldest release (by its schema version) that can work on this schema. Raise it with a migration that takes
# something away or changes its meaning; older servers then refuse the database instead of damaging it.
# 2: an older server would hand builds that need isolation to daemons without it.
COMPAT_VERSION = 2

log = get_logger(__name__)

_COMPILER = "homeport.database.migrations.compiler"


@dataclass(frozen=True)
class State:
    """What the database says of itself; all empty for a new one."""

    schema_version: int = 0
    compat_version: int = 0
    definitions: str = ""


async def prepare_database(url: str, *, patience: float = 30.0) -> None:
    """Bring the database at `url` to the schema of this release.

    Waits `patience` seconds for PostgreSQL. Raises DatabaseUnavailable when it cannot be reached, DatabaseRefused when
    it is too old, does not let us in, or has a schema that needs a newer Homeport. No message holds the password.
    """
    raw = await _connect(url, patience)
    try:
        _check_server(raw)
        definitions = list_definitions()
        state = await _read_state(raw)
        if not _is_done(state, definitions):
            async with raw.transaction():
                await raw.execute(queries.LOCK, "homeport schema")
                # Another server may have done it while we waited.
                state = await _read_state(raw)
                if not _is_done(state, definitions):
                    await _migrate(raw, state, definitions)
    except RAISED as error:
        raise translate(error) from error
    finally:
        await raw.close()


async def _connect(url: str, patience: float) -> Raw:
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + patience, 0.02
    while True:
        try:
            return await open_session(url, {"application_name": "homeport migration", "statement_timeout": "0"})
        except LOST as error:
            if loop.time() >= end:
                raise DatabaseUnavailable(
                    "PostgreSQL cannot be reached. Check HOMEPORT_PG_CONNECTION_URL and that the server runs.",
                    detail=repr(error),
                ) from error
        except (asyncpg.InterfaceError, ValueError) as error:
            # Without the driver's words, which may quote parts of the URL.
            raise DatabaseRefused("HOMEPORT_PG_CONNECTION_URL is not a valid address of a PostgreSQL.") from error
        except asyncpg.PostgresError as error:
            raise DatabaseRefused(
                f"PostgreSQL does not let us in. Check HOMEPORT_PG_CONNECTION_URL: {error}", detail=repr(error)
            ) from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)


def _check_server(raw: Raw) -> None:
    version = raw.get_server_version()
    if version.major < OLDEST_POSTGRESQL:
        raise DatabaseRefused(
            f"HOMEPORT_PG_CONNECTION_URL points to PostgreSQL {version.major}; "
            f"Homeport needs {OLDEST_POSTGRESQL} or newer."
        )


async def _read_state(raw: Raw) -> State:
    try:
        row = await raw.fetchrow(queries.GET_SCHEMA_STATE) if await raw.fetchval(queries.HAS_SCHEMA_STATE) else None
    except asyncpg.UndefinedTableError:
        return State()
    return State() if row is None else State(row["schema_version"], row["compat_version"], row["definitions"])


def _is_done(state: State, definitions: list[Definition]) -> bool:
    """Whether this server may work as things are. Raises DatabaseRefused when it must not."""
    if state.compat_version > SCHEMA_VERSION:
        raise DatabaseRefused(
            f"The database has schema {state.schema_version}, which needs a Homeport with schema "
            f"{state.compat_version} or newer; this one has {SCHEMA_VERSION}. Install the newer release again or "
            "restore a backup."
        )
    if state.schema_version > SCHEMA_VERSION:
        # A newer server was here and says that we can still work; its functions and triggers stay.
        return True
    return state.schema_version == SCHEMA_VERSION and state.definitions == _fingerprint(definitions)


async def _migrate(raw: Raw, state: State, definitions: list[Definition]) -> None:
    await raw.execute(queries.CREATE_SCHEMA_STATE)
    # Views hold the columns that they read; without them a migration may change any table.
    for name in await _recorded(raw, "views"):
        await raw.execute(queries.DROP_VIEW.format(name=name))
    if state.schema_version < SCHEMA_VERSION:
        current = f"{state.schema_version:04}" if state.schema_version else None
        log.info("migrating the database", current=current, target=newest_revision())
        await raw.execute(await _compile_script(current))
    await _define(raw, definitions)
    await raw.execute(queries.PUT_SCHEMA_STATE, SCHEMA_VERSION, COMPAT_VERSION, _fingerprint(definitions))


async def _compile_script(current: str | None) -> str:
    """Return the pending statements, written by a process of its own (migrations/compiler.py says why)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", _COMPILER, *([current] if current else []), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        script, problem = await process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"{_COMPILER} ended with {process.returncode}: {problem.decode(errors='replace')}")
    return script.decode("utf-8")


async def _define(raw: Raw, definitions: list[Definition]) -> None:
    """Create every definition anew and drop those whose file is gone."""
    wanted = {(definition.kind, definition.name) for definition in definitions}
    for name in await _recorded(raw, "triggers"):
        if ("triggers", name) not in wanted:
            for table in await raw.fetch(queries.LIST_TABLES_WITH_TRIGGER, name):
                await raw.execute(queries.DROP_TRIGGER.format(name=name, table=table["name"]))
    for name in await _recorded(raw, "functions"):
        if ("functions", name) not in wanted:
            await raw.execute(queries.DROP_FUNCTION.format(name=name))
    await raw.execute(queries.ALLOW_FORWARD_REFERENCES)
    for definition in definitions:
        try:
            await raw.execute(definition.text)
        except asyncpg.PostgresError as error:
            error.add_note(f"in database/sql/{definition.kind}/{definition.name}.sql")
            raise
    await raw.execute(queries.DELETE_DEFINITIONS)
    await raw.executemany(
        queries.INSERT_DEFINITION, [(definition.kind, definition.name, definition.hash) for definition in definitions]
    )


async def _recorded(raw: Raw, kind: str) -> list[str]:
    return [row["name"] for row in await raw.fetch(queries.LIST_DEFINITIONS, kind)]


def _fingerprint(definitions: list[Definition]) -> str:
    return ",".join(sorted(f"{definition.kind}/{definition.name}={definition.hash[:16]}" for definition in definitions))
