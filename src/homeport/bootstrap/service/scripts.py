"""The script that starts an agent, as it is sent to machines of one platform."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from homeport.bootstrap.errors import PlatformUnknown
from homeport.bootstrap.rules import render_script
from homeport.bootstrap.types import ARCHITECTURES, SYSTEMS

_FOLDER: Final = Path(__file__).with_name("script")


@lru_cache(maxsize=16)
def init_script(server: str, system: str, architecture: str) -> str:
    """Return the script. Raises PlatformUnknown."""
    if system not in SYSTEMS or architecture not in ARCHITECTURES:
        raise PlatformUnknown
    shell, bring = ((_FOLDER / name).read_text("utf-8") for name in ("init.sh", "bring.py"))
    return render_script(shell, bring, server=server.rstrip("/"), system=system, architecture=architecture)
