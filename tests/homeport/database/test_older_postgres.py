"""Homeport on a PostgreSQL that is not the embedded one: the wheel's 16 stands in for an operator's server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.database import Database, Listener
from homeport.database.embedded import EmbeddedPostgres, EmbeddedPostgresError
from homeport.database.migrations import prepare_database
from tests.support.waiting import until

_NEWER_SETTINGS = {"io_method"}
_NEWER_OPTIONS = ("--locale-provider", "--builtin-locale", "--set=scram")


class OlderPostgres(EmbeddedPostgres):
    """The launcher with the programs of PostgreSQL 16, which knows fewer settings."""

    def _config(self) -> dict[str, Any]:
        config = super()._config()
        for name in ("postgres", "initdb"):
            config[name] = config[name].replace("/pginstall18/", "/pginstall/")
        config["initdb_options"] = [
            option for option in config["initdb_options"] if not option.startswith(_NEWER_OPTIONS)
        ]
        config["settings"] = {k: v for k, v in config["settings"].items() if k not in _NEWER_SETTINGS}
        return config


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OlderPostgres]:
    """A running PostgreSQL 16."""
    with OlderPostgres(tmp_path_factory.mktemp("older") / "postgres", is_fast=True) as postgres:
        yield postgres


@pytest.mark.requirement("DB-CONNECT-03")
async def test_a_postgresql_older_than_the_embedded_one_serves_as_well(older: OlderPostgres) -> None:
    await prepare_database(older.url)
    database = Database(older.url)
    listener = Listener(database.connect)
    await listener.start()
    try:
        assert (await database.fetchval("SHOW server_version")).startswith("16.")
        await until(lambda: listener.is_connected)
        async with listener.subscribe("news") as subscription:
            async with database.transaction() as connection:
                assert await connection.try_lock("anything")
                await connection.notify("news", "x")
            assert await subscription.wait(10) == ["x"]
        await prepare_database(older.url)
    finally:
        await listener.stop()
        await database.close()


@pytest.mark.requirement("EMBED-VERSION-01")
async def test_a_real_data_folder_of_another_version_is_refused_and_still_works_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    with OlderPostgres(folder, is_fast=True):
        pass
    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 16; this Homeport runs PostgreSQL 18"):
        await asyncio.to_thread(EmbeddedPostgres(folder).start)
    (folder / "data" / "PG_VERSION").read_text()
    again = OlderPostgres(folder, is_fast=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("homeport.database.embedded.folder.MAJOR_VERSION", "16")
        await asyncio.to_thread(again.start)
    await asyncio.to_thread(again.stop)
