"""What there is to bring: the agent for one Python on one kind of machine."""

import platform
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SYSTEMS: Final = ("linux",)
ARCHITECTURES: Final = ("amd64", "arm64")
MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True, order=True)
class Platform:
    """A Python and the machine it runs on, in the words of agents' architectures."""

    python: str
    os: str = "linux"
    arch: str
    libc: str = "glibc"

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"cp{self.python.replace('.', '')}-{self.os}-{self.arch}-{self.libc}"

    @staticmethod
    def own() -> "Platform":
        """Return that of this very process."""
        machine = platform.machine().lower()
        return Platform(
            python=f"{sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}",
            os=sys.platform,
            arch=MACHINES.get(machine, machine),
            libc="musl" if "musl" in str(sysconfig.get_config_var("SOABI")) else "glibc",
        )


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An archive that is sent as its parts, one after the other: files on disk, or bytes."""

    platform: Platform
    sha256: str
    size: int
    parts: tuple[Path | bytes, ...]

    @property
    def file(self) -> str:
        """The name under which it is fetched."""
        return f"homeport-agent-{self.platform.name}-{self.sha256[:16]}.tar.gz"


PLATFORMS: Final = tuple(
    Platform(python=python, arch=arch, libc=libc)
    for python in ("3.11", "3.12", "3.13", "3.14")
    for arch in ("amd64", "arm64")
    for libc in ("glibc", "musl")
)
"""What parts can be made for."""
USUAL: Final = tuple(platform for platform in PLATFORMS if platform.libc == "glibc")
"""What set-up makes parts for: each costs a second or two."""
