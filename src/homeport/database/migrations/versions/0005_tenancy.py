"""History of accounts, the connection log, and what SCIM keeps."""

from homeport.database.migrations.script import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    run_sql("0005_tenancy.sql")
