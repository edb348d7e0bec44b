"""What a migration's module may do: hand its `.sql` file over as it is."""

from importlib import resources

from alembic import op

from homeport.database import sql


def run_sql(name: str) -> None:
    """Add `database/sql/NAME` to the migration, byte for byte (no parameters, no escapes)."""
    text = resources.files(sql).joinpath(name).read_text(encoding="utf-8")
    op.get_context().impl.static_output(text.rstrip().rstrip(";") + ";")
