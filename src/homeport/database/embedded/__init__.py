"""A PostgreSQL of our own: unprivileged, on a unix socket that only we can use, gone when its owner is gone."""

from homeport.database.embedded.server import EmbeddedPostgres, EmbeddedPostgresError

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
