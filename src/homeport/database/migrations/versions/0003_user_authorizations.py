"""What authorizes each user, ready to be read with the session."""

from homeport.database.migrations.script import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; the triggers that keep it fill it as well."""
    run_sql("0003_user_authorizations.sql")
