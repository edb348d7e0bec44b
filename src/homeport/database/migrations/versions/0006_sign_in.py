"""Sign-in through identity providers."""

from homeport.database.migrations.script import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables."""
    run_sql("0006_sign_in.sql")
