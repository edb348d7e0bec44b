"""Small tables to play with, and a stopped cluster that tests copy, so that not each of them pays for `initdb`."""

import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from homeport.database import Database
from homeport.database.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def fresh_cluster() -> Iterator[Path]:
    """A stopped cluster that tests copy, so that not each pays for `initdb`."""
    with tempfile.TemporaryDirectory(prefix="homeport-cluster-") as folder:
        with EmbeddedPostgres(Path(folder) / "postgres", is_fast=True):
            pass
        yield Path(folder) / "postgres"


@pytest.fixture
def folder(fresh_cluster: Path, tmp_path: Path) -> Path:
    """A copy of the cluster, owners kept."""
    target = tmp_path / "postgres"
    subprocess.run(["cp", "-a", str(fresh_cluster), str(target)], check=True)
    return target


_TABLES = """
CREATE TABLE parents (id integer PRIMARY KEY CONSTRAINT small CHECK (id < 1000), name text UNIQUE, note text NOT NULL DEFAULT '');
CREATE TABLE children (parent_id integer CONSTRAINT has_parent REFERENCES parents (id));
CREATE TYPE mood AS ENUM ('calm', 'busy');
INSERT INTO parents (id, name) VALUES (1, 'first'), (2, 'second');
"""


@pytest.fixture
async def play(blank_database: str) -> AsyncIterator[Database]:
    """A database with two small tables of its own."""
    database = Database(blank_database, pool_size=4, patience=5)
    await database.execute(_TABLES)
    yield database
    await database.close()
