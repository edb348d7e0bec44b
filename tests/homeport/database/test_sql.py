"""Every SQL constant of every room is prepared against the migrated schema, so a typing error never reaches a user."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import homeport
from homeport.database import Database

_SQL = re.compile(r"\s*(--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|VALUES|TABLE)\b", re.IGNORECASE)

# Where a list asks the authorization engine for a condition; any condition fits there.
_PREDICATE = "{predicate}"


def sql_constants() -> Iterator[tuple[str, str]]:
    """Yield name and text of each upper-case string constant in `queries.py` or `queries/*.py` that is a statement."""
    for found in pkgutil.walk_packages(homeport.__path__, "homeport."):
        if "queries" not in found.name.split("."):
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str) and _SQL.match(value):
                yield f"{found.name}.{name}", value.replace(_PREDICATE, "TRUE")


CONSTANTS = dict(sql_constants())


@pytest.mark.requirement("DB-SQL-01")
async def test_every_statement_fits_the_schema(db: Database) -> None:
    wrong = []
    async with db.connection() as connection:
        for name, sql in CONSTANTS.items():
            try:
                await connection.raw.prepare(sql)
            except Exception as error:  # reason: all of them are shown at once
                wrong.append(f"{name}: {error}")
    assert not wrong, "\n".join(wrong)


def test_the_constants_of_this_room_are_among_them() -> None:
    assert {"homeport.database.queries.NOTIFY", "homeport.database.queries.PUT_SCHEMA_STATE"} <= CONSTANTS.keys()
