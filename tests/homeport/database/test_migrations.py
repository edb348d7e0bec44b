"""Migrations: what they make, how servers share them, and which database is refused."""

import asyncio
import re
import socket
from pathlib import Path

import asyncpg
import pytest

from homeport.database import DatabaseUnavailable
from homeport.database.embedded.binaries import find_programs
from homeport.database.errors import DatabaseRefused
from homeport.database.migrations import SCHEMA_VERSION, prepare_database, runner
from homeport.database.migrations.compiler import compile_script, script_directory
from homeport.database.migrations.files import Definition, list_definitions, newest_revision


async def run(url: str, sql: str) -> object:
    """Run one statement on a session of its own and return its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.mark.requirement("DB-MIGRATE-01")
async def test_servers_that_start_together_migrate_once(blank_database: str) -> None:
    await asyncio.gather(*(prepare_database(blank_database) for _ in range(4)))
    assert await run(blank_database, "SELECT version_num FROM alembic_version") == newest_revision()
    assert await run(blank_database, "SELECT schema_version FROM schema_compat") == SCHEMA_VERSION
    assert await run(blank_database, "SELECT count(*) FROM schema_definitions") == len(list_definitions())
    await prepare_database(blank_database)


@pytest.mark.requirement("DB-MIGRATE-01")
async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    blank_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [*list_definitions(), Definition("views", "broken", "CREATE VIEW broken AS SELECT nothing FROM nowhere")]
    monkeypatch.setattr(runner, "list_definitions", lambda: broken)
    with pytest.raises(Exception, match="refused") as caught:
        await prepare_database(blank_database)
    assert "sql/views/broken.sql" in str(getattr(caught.value.__cause__, "__notes__", []))
    assert await run(blank_database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


@pytest.mark.requirement("DB-MIGRATE-01")
async def test_a_script_that_cannot_be_written_leaves_the_database_as_it_was(
    blank_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_COMPILER", "homeport.database.migrations.nowhere")
    with pytest.raises(RuntimeError, match=r"No module named .*nowhere"):
        await prepare_database(blank_database)
    assert await run(blank_database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


@pytest.mark.requirement("DB-MIGRATE-02")
async def test_definitions_are_renewed_when_their_text_changes_and_dropped_with_their_file(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = "CREATE OR REPLACE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN {}; END $$"
    first = [
        Definition("functions", "answer", function.format("NEW")),
        Definition("views", "shown", "CREATE VIEW shown AS SELECT 1 AS one, 2 AS two"),
        Definition(
            "triggers",
            "asked",
            "CREATE OR REPLACE TRIGGER asked BEFORE INSERT ON site_configs FOR EACH ROW EXECUTE FUNCTION answer()",
        ),
    ]
    own = list_definitions()
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgname = 'asked'"

    async def prepare(definitions: list[Definition]) -> None:
        monkeypatch.setattr(
            runner, "list_definitions", lambda: sorted(definitions, key=lambda d: "fvt".index(d.kind[0]))
        )
        await prepare_database(own_database)

    await prepare([*own, *first])
    assert await run(own_database, "SELECT two FROM shown") == 2
    assert await run(own_database, triggers) == 1
    # A column that disappears is what CREATE OR REPLACE VIEW refuses.
    await prepare([*own, first[0], Definition("views", "shown", "CREATE VIEW shown AS SELECT 'x' AS one"), first[2]])
    assert await run(own_database, "SELECT one FROM shown") == "x"
    await prepare([*own, first[0]])
    assert await run(own_database, triggers) == 0
    assert await run(own_database, "SELECT to_regclass('shown')") is None
    await prepare(own)
    assert await run(own_database, "SELECT count(*) FROM pg_proc WHERE proname = 'answer'") == 0
    assert await run(own_database, "SELECT count(*) FROM schema_definitions") == len(own)


@pytest.mark.requirement("DB-COMPAT-01")
async def test_a_schema_that_needs_a_newer_server_is_refused(own_database: str) -> None:
    await run(
        own_database,
        f"UPDATE schema_compat SET schema_version = {SCHEMA_VERSION + 2}, compat_version = {SCHEMA_VERSION + 1}",
    )
    with pytest.raises(
        DatabaseRefused, match=rf"schema {SCHEMA_VERSION + 2}, .* {SCHEMA_VERSION + 1}.* has {SCHEMA_VERSION}"
    ):
        await prepare_database(own_database)


@pytest.mark.requirement("DB-COMPAT-01")
async def test_a_newer_schema_that_allows_us_is_used_and_not_touched(own_database: str) -> None:
    await run(
        own_database,
        f"UPDATE schema_compat SET schema_version = {SCHEMA_VERSION + 1}, definitions = 'newer'",
    )
    await prepare_database(own_database)
    assert await run(own_database, "SELECT definitions FROM schema_compat") == "newer"


@pytest.mark.requirement("DB-CONNECT-01")
async def test_a_database_that_does_not_answer_is_named_by_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DatabaseUnavailable, match="HOMEPORT_PG_CONNECTION_URL"):
        await prepare_database(f"postgresql://u:verysecret@127.0.0.1:{port}/d", patience=0.1)


@pytest.mark.requirement("DB-CONNECT-01")
async def test_a_wrong_password_or_url_is_explained_without_showing_it(cluster_url: str) -> None:
    password = re.search(":([0-9a-f]+)@", cluster_url)
    assert password is not None
    for url in (cluster_url.replace(password[1], "verysecret"), "verysecret"):
        with pytest.raises(DatabaseRefused, match="HOMEPORT_PG_CONNECTION_URL") as caught:
            await prepare_database(url, patience=1)
        assert "verysecret" not in str(caught.value)


@pytest.mark.requirement("DB-CONNECT-02")
async def test_a_postgresql_that_is_too_old_is_refused(cluster_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "OLDEST_POSTGRESQL", 19)
    with pytest.raises(DatabaseRefused, match="HOMEPORT_PG_CONNECTION_URL points to PostgreSQL 18"):
        await prepare_database(cluster_url)
    assert find_programs().postgres.is_file()


def test_migrations_are_numbered_without_gaps_and_have_their_sql() -> None:
    folder = Path(runner.__file__).parent / "versions"
    names = sorted(path.stem for path in folder.glob("[0-9]*.py"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    for name in names:
        assert (folder.parents[1] / "sql" / f"{name}.sql").is_file()


def test_the_newest_revision_is_what_alembic_takes_for_it() -> None:
    assert script_directory().get_heads() == [newest_revision()]
    assert compile_script(newest_revision()).strip() == ""
    assert "COMMIT" not in compile_script(None).upper().split()
