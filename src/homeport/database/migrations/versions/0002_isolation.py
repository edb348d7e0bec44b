"""Which daemons isolate workspaces, and which builds need one that does."""

from homeport.database.migrations.script import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the two columns; daemons say what they do with their next poll."""
    run_sql("0002_isolation.sql")
