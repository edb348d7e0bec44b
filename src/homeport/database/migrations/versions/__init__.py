"""One small module per migration, numbered without gaps; its SQL is in `database/sql/` under the same name."""
