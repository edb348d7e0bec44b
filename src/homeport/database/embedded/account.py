"""Which account PostgreSQL runs under. It refuses to run as root, and it should own nothing but its data.

As a normal user it runs as that user. As root it runs under a number of its own that no other program uses: from the
range that systemd's allocation table leaves free (60706 to 61183), which also exists in the 16-bit maps of containers.
A data folder that already belongs to somebody else than root keeps its owner.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from homeport.database.embedded.errors import EmbeddedPostgresError

_FIRST_ID, _LAST_ID = 60743, 60799


@dataclass(frozen=True)
class Account:
    """User and group number that a process is started under."""

    uid: int
    gid: int


def choose_account(data: Path) -> Account | None:
    """Return the account to switch to, or None to stay who we are. `data` may not exist yet."""
    if os.geteuid() != 0:
        if data.exists() and data.stat().st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"The folder {data} belongs to user {data.stat().st_uid}, but Homeport runs as user {os.geteuid()}. "
                "Run it as the user who made the folder, as root, or choose another HOMEPORT_DATA_DIR."
            )
        return None
    if data.exists():
        facts = data.stat()
        if facts.st_uid != 0:
            return Account(facts.st_uid, facts.st_gid)
    for number in range(_FIRST_ID, _LAST_ID + 1):
        if not _is_known(number):
            return Account(number, number)
    raise EmbeddedPostgresError(f"All user numbers from {_FIRST_ID} to {_LAST_ID} are taken on this machine.")


def choose_initial_account() -> Account | None:
    """Return the account for `initdb` under root: it insists on one that has a name; its files change hands later."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        entries = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
        if not entries:
            raise EmbeddedPostgresError(
                "PostgreSQL must not run as root and this machine has no other user. Set HOMEPORT_PG_CONNECTION_URL."
            ) from None
        entry = entries[-1]
    return Account(entry.pw_uid, entry.pw_gid)


def _is_known(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True
