"""The authorization server's tables."""

from homeport.database.migrations.script import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of clients, grants and tokens."""
    run_sql("0002_oauth2.sql")
