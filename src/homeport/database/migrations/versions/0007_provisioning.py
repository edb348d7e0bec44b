"""Templates and provisioning in full."""

from homeport.database.migrations.script import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change the tables."""
    run_sql("0007_provisioning.sql")
