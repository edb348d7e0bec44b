"""The authorization server's tables."""

from homeport.database.migrations.script import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables of clients, grants and tokens."""
    run_sql("0004_oauth2.sql")
