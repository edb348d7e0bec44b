"""Bringing the schema up to date, and refusing a database that this server does not understand."""

from homeport.database.migrations.runner import COMPAT_VERSION, SCHEMA_VERSION, prepare_database

__all__ = ["COMPAT_VERSION", "SCHEMA_VERSION", "prepare_database"]
