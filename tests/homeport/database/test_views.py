"""Views: they have every column of what they widen, also of a later schema, and each is used."""

import re
from pathlib import Path

import asyncpg
import pytest

import homeport
from homeport.database import Database
from homeport.database.migrations import prepare_database, runner
from homeport.database.migrations.files import list_definitions

VIEWS = [definition.name for definition in list_definitions() if definition.kind == "views"]
_COLUMNS = "select column_name from information_schema.columns where table_schema = 'public' and table_name = $1"

# Softly deleted rows that no other row is about, so that nothing links to them.
_NOT_LINKED = {"workspace_agents"}


async def columns_of(db: Database, name: str) -> set[str]:
    return {row["column_name"] for row in await db.fetch(_COLUMNS, name)}


@pytest.mark.requirement("M23-01")
@pytest.mark.parametrize("view", [name for name in VIEWS if name.endswith("_expanded")])
async def test_a_view_that_widens_a_table_has_all_its_columns(db: Database, view: str) -> None:
    table = await columns_of(db, view.removesuffix("_expanded"))
    assert table, f"{view} widens no table"
    assert table <= await columns_of(db, view)


@pytest.mark.requirement("M23-01")
async def test_columns_that_a_migration_adds_are_in_the_view(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next release: its migration adds a column and takes one away, the views' files are as they were."""
    changes = "alter table workspaces add column colour text; alter table workspaces drop column favorite;"

    async def script(_: str | None) -> str:
        return changes

    monkeypatch.setattr(runner, "SCHEMA_VERSION", runner.SCHEMA_VERSION + 1)
    monkeypatch.setattr(runner, "_compile_script", script)
    await prepare_database(own_database)
    connection = await asyncpg.connect(own_database)
    try:
        found = {row["column_name"] for row in await connection.fetch(_COLUMNS, "workspaces_expanded")}
    finally:
        await connection.close()
    assert "colour" in found
    assert "favorite" not in found


@pytest.mark.requirement("M23-02")
async def test_what_may_be_shown_of_a_user_without_the_right_to_read_it_is_little(db: Database) -> None:
    assert await columns_of(db, "visible_users") == {"id", "username", "name", "avatar_url"}
    text = await db.fetchval("select pg_get_viewdef('workspaces_expanded'::regclass)")
    assert "visible_users" in text
    assert not re.search(r"\busers\b", text)


@pytest.mark.requirement("DB-VIEWS-01")
async def test_every_soft_deletion_is_known_to_the_view_of_deletions(db: Database) -> None:
    deletable = {
        row["table_name"]
        for row in await db.fetch(
            "select c.table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)"
            " where c.table_schema = 'public' and c.column_name = 'deleted' and t.table_type = 'BASE TABLE'"
        )
    }
    text = await db.fetchval("select pg_get_viewdef('deleted_resources'::regclass)")
    assert {name for name in deletable if re.search(rf"\bFROM {name}\b", text)} == deletable - _NOT_LINKED


@pytest.mark.requirement("DB-VIEWS-01")
def test_no_view_is_dead() -> None:
    root = Path(homeport.__file__).parent
    texts = [path.read_text() for path in root.rglob("queries*.py")] + [
        path.read_text() for path in root.rglob("queries/*.py")
    ]
    texts += [definition.text for definition in list_definitions() if definition.kind != "views"]
    unused = [name for name in VIEWS if not any(re.search(rf"\b{name}\b", text) for text in texts)]
    assert not unused
