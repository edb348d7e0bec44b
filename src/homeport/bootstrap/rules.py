"""What is told to machines that want the agent: the script, and the list of bundles. Pure."""

from collections.abc import Iterable
from typing import Any

from homeport.bootstrap.types import Bundle


def render_script(shell: str, bring: str, *, server: str, system: str, architecture: str) -> str:
    """Return the script that starts an agent. A shell reads it, whatever the server's address is."""
    values = {
        "'@SERVER@'": quote(server),
        "'@OS@'": quote(system),
        "'@ARCH@'": quote(architecture),
        "@BRING@": quote(bring),
    }
    for mark, value in values.items():
        before, found, after = shell.partition(mark)
        assert found, mark
        shell = before + value + after
    return shell


def quote(text: str) -> str:
    """Return a word that a POSIX shell reads as this very text."""
    return "'" + text.replace("'", "'\\''") + "'"


def manifest(bundles: Iterable[Bundle], *, version: str) -> dict[str, Any]:
    """Return what `/bin/agent.json` tells."""
    return {
        "version": version,
        "bundles": [
            {
                "python": bundle.platform.python,
                "os": bundle.platform.os,
                "arch": bundle.platform.arch,
                "libc": bundle.platform.libc,
                "file": bundle.file,
                "sha256": bundle.sha256,
                "size": bundle.size,
            }
            for bundle in sorted(bundles, key=lambda bundle: bundle.platform)
        ],
    }


def is_same(if_none_match: str, etag: str) -> bool:
    """Tell whether a client has this content already (RFC 9110, 13.1.2)."""
    held = {word.strip().removeprefix("W/") for word in if_none_match.split(",")}
    return "*" in held or etag in held
