"""Where the parts of bundles lie that set-up has made, and what they are made of."""

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Final

from homeport.bootstrap.types import Platform

SOURCE: Final = Path(__file__).resolve().parents[3]
"""The folder with all our packages."""
COMMAND: Final = "python -m homeport.bootstrap.service"
_INSTALLED: Final = Path(__file__).resolve().parents[1] / "requirements.txt"
_PACKING: Final = Path(__file__).with_name("packing.py")
_NAME: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)


def requirements() -> Path:
    """Return the hashed requirements of the agent."""
    return _INSTALLED if _INSTALLED.exists() else SOURCE.parent / "requirements" / "agent.txt"


def required_names() -> list[str]:
    """Return the names of all packages that agents need."""
    return _NAME.findall(requirements().read_text("utf-8"))


def places() -> tuple[Path, ...]:
    """Return where parts may be: in the installation, else in the user's own data."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(sys.prefix) / "share" / "homeport" / "agent", data / "homeport" / "agent"


def part_name(platform: Platform) -> str:
    """Return the file of a platform's part: other requirements, or another way of packing, make another name."""
    digest = hashlib.sha256(requirements().read_bytes() + _PACKING.read_bytes()).hexdigest()[:16]
    return f"{platform.name}-{digest}.tar.gz"


def find_part(platform: Platform) -> Path | None:
    """Return a platform's part, if set-up has made it."""
    name = part_name(platform)
    return next((place / name for place in places() if (place / name).is_file()), None)
