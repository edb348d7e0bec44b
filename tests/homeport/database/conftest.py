"""A stopped cluster that tests copy, so that not each of them pays for `initdb`."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
