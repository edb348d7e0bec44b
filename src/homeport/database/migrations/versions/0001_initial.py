"""The schema that Homeport begins with."""

from homeport.database.migrations.script import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    run_sql("0001_initial.sql")
