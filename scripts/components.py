"""Programs beyond Python that tests run: how to see whether they are here, and what brings them.

Shared by `make test`, which installs what it may, and by the pytest marker `needs`, which skips (or, with CI=true,
fails) a test whose component is missing.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

MANAGERS: Final = ("apt-get", "dnf", "apk", "brew")
_INSTALL: Final = {
    "apt-get": "apt-get install -y --no-install-recommends",
    "dnf": "dnf install -y",
    "apk": "apk add",
    "brew": "brew install",
}
_SYSTEM_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib/podman", "/usr/libexec/podman")


@dataclass(frozen=True)
class Component:
    """A program: the commands of which any one will do, and its package by package manager (absent: none there).

    `folder` is where it has to lie, if not just anywhere on the path.
    """

    name: str
    commands: tuple[str, ...]
    packages: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    def path(self) -> str | None:
        """Return where the program is, or None. Looks into the system folders too, which a user's path often lacks."""
        search = self.folder or os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))
        return next((found for command in self.commands if (found := shutil.which(command, path=search))), None)


def _same(package: str) -> dict[str, str]:
    return dict.fromkeys(MANAGERS, package)


_ALL: Final = (
    Component(
        "chromium",
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
        _same("chromium"),
    ),
    Component(
        "ssh",
        ("ssh",),
        {"apt-get": "openssh-client", "dnf": "openssh-clients", "apk": "openssh-client", "brew": "openssh"},
    ),
    Component(
        "sshd",
        ("sshd",),
        {"apt-get": "openssh-server", "dnf": "openssh-server", "apk": "openssh-server", "brew": "openssh"},
    ),
    Component("rsync", ("rsync",), _same("rsync")),
    Component("git", ("git",), _same("git")),
    Component("terraform", ("terraform",), {"brew": "terraform"}),
    # Podman and what it works with here: a runtime that runs in virtual machines of any kind, networks, layers.
    Component("podman", ("podman",), _same("podman")),
    Component("runc", ("runc",), _same("runc")),
    Component("netavark", ("netavark",), _same("netavark")),
    Component("iptables", ("iptables",), _same("iptables")),
    # What the tests' image is made of, beside what each Debian has: this system's own Python, and `ps`.
    Component("system python", ("python3",), _same("python3"), folder="/usr/bin"),
    Component("ps", ("ps",), {"apt-get": "procps", "dnf": "procps-ng", "apk": "procps"}),
    # Makes images without a registry (examples/images).
    Component("debootstrap", ("debootstrap",), {"apt-get": "debootstrap", "dnf": "debootstrap"}),
    Component("bubblewrap", ("bwrap",), {"apt-get": "bubblewrap", "dnf": "bubblewrap", "apk": "bubblewrap"}),
    Component("ip", ("ip",), {"apt-get": "iproute2", "dnf": "iproute", "apk": "iproute2"}),
    # Shells and programs for fetching that images may have instead of others.
    Component("busybox", ("busybox",), _same("busybox")),
    Component("dash", ("dash",), _same("dash")),
    Component("curl", ("curl",), _same("curl")),
    Component("wget", ("wget",), _same("wget")),
)
COMPONENTS: Final[Mapping[str, Component]] = {component.name: component for component in _ALL}


def must_be_complete() -> bool:
    """Tell whether nothing may be left out: in continuous integration (CI=true)."""
    return os.environ.get("CI", "").strip().lower() in {"1", "true", "yes"}


def missing(components: Iterable[Component] = _ALL) -> list[Component]:
    """Return those components that are not on this machine."""
    return [component for component in components if component.path() is None]


def package_manager() -> str | None:
    """Return the package manager of this machine, or None when it is none that we know."""
    return next((manager for manager in MANAGERS if shutil.which(manager)), None)


def install_command(components: Iterable[Component], manager: str | None) -> str | None:
    """Return the command that brings `components`, or None when `manager` has no package for any of them."""
    packages = (
        dict.fromkeys(component.packages[manager] for component in components if manager in component.packages)
        if manager
        else {}
    )
    if not packages or manager is None:
        return None
    may_need_root = "" if manager == "brew" or os.geteuid() == 0 else "sudo "
    return f"{may_need_root}{_INSTALL[manager]} {' '.join(packages)}"


def explain(component: Component) -> str:
    """Return a sentence that says what is missing and what brings it."""
    command = install_command([component], package_manager())
    remedy = (
        f"`{command}` brings it" if command else f"install {' or '.join(component.commands)} so that it is on the path"
    )
    return f"{component.name} is not on this {sys.platform} machine; {remedy}"
