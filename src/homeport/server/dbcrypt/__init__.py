"""`homeport server dbcrypt`: what the database holds sealed gets another key, or goes where none opens it any more."""

from homeport.server.dbcrypt.command import run

__all__ = ["run"]
