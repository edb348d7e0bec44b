"""The fixtures that every other test stands on."""

import pytest

from homeport.database import Database
from tests.support.names import unique_name


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_finds_the_tables_as_the_migrations_left_them(db: Database, turn: int) -> None:
    assert await db.fetchval("SELECT count(*) FROM site_configs WHERE key = 'left over'") == 0
    assert await db.fetchval("SELECT count(*) FROM schema_compat") == 1
    await db.execute("INSERT INTO site_configs (key, value) VALUES ('left over', 'x')")
    await db.execute("DELETE FROM schema_compat")


@pytest.mark.requirement("TEST-NAMES-01", "M24")
def test_names_never_repeat_and_end_in_a_rising_counter() -> None:
    names = [unique_name() for _ in range(500)]
    counters = [int(name.rpartition("-")[2]) for name in names]
    assert len(set(names)) == 500
    assert counters == sorted(counters)
    assert max(len(name) for name in names) <= 32
