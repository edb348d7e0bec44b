"""Random names that never collide: a readable part by chance and a counter that only rises."""

import itertools
import os

from homeport.kit.ids import random_name

_counter = itertools.count(1)

# Names end up in one process' database only, but programs and folders of all test workers live on one machine.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")


def unique_name(prefix: str = "") -> str:
    """Return a name such as `calm-otter-0-17`, valid for users, templates and workspaces (at most 32 characters).

    `prefix` replaces the random part where a test wants to read it again: `unique_name("dev")` is `dev-0-18`.
    """
    readable = prefix or random_name().rpartition("-")[0]
    ending = f"-{_WORKER}-{next(_counter)}"
    return readable[: 32 - len(ending)].rstrip("-") + ending


def unique_email() -> str:
    """Return an address that no other test uses."""
    return f"{unique_name()}@example.com"
