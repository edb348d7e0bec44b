"""Turns pending migrations into one SQL script by Alembic's offline mode: no SQLAlchemy engine and no second driver.

`python -m homeport.database.migrations.compiler [REVISION]` prints it. The server runs that when there is something to
migrate: Alembic and SQLAlchemy would stay in its own memory, a quarter of all that it takes.
"""

import io
import sys
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

_FOLDER = Path(__file__).parent


def script_directory() -> ScriptDirectory:
    """Return Alembic's view of our migrations."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def compile_script(current: str | None) -> str:
    """Return the statements that lead from revision `current` (None: an empty database) to the newest one.

    They include the change of `alembic_version` and no BEGIN or COMMIT: the caller holds the transaction.
    """
    directory = script_directory()
    output = io.StringIO()

    def upgrade(revision: Any, _context: Any) -> Any:
        return directory._upgrade_revs("head", revision)

    with EnvironmentContext(
        Config(), directory, fn=upgrade, as_sql=True, starting_rev=current, destination_rev="head"
    ) as environment:
        environment.configure(dialect_name="postgresql", output_buffer=output, transactional_ddl=False)
        environment.run_migrations()
    return output.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(compile_script(sys.argv[1] if len(sys.argv) > 1 else None).encode())
