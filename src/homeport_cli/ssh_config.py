"""The marked block in an OpenSSH configuration: reading, rendering and replacing it. Pure, but for `write_file`.

Everything outside of the block belongs to others and stays byte by byte.
"""

import contextlib
import os
import shlex
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from homeport_cli.errors import CliError

BEGIN = "# ------------ START HOMEPORT ------------"
END = "# ------------- END HOMEPORT -------------"
_REMEMBERED = "# :ssh-option="
_DEFAULTS = {
    "ConnectTimeout": "0",
    "StrictHostKeyChecking": "no",
    # The stream is authenticated by the session; a workspace's host key changes when it is made anew.
    "UserKnownHostsFile": "/dev/null",
    "LogLevel": "ERROR",
}


class Parts(msgspec.Struct, frozen=True):
    """A configuration cut into what stands before our block, the block, and what stands after it."""

    before: str
    block: str
    after: str


def split(text: str) -> Parts:
    """Cut a configuration. Raises CliError when the marks are not a pair."""
    lines = text.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.strip() == END]
    if not begins and not ends:
        return Parts(text, "", "")
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise CliError(
            f"The marks of Homeport's block are damaged. Remove the lines '{BEGIN}' and '{END}' and what is ours between them."
        )
    first, last = begins[0], ends[0] + 1
    return Parts("".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:]))


def remembered_options(block: str) -> list[str]:
    """Return the options that an earlier call was given."""
    lines = (line.strip() for line in block.splitlines())
    return [line.removeprefix(_REMEMBERED) for line in lines if line.startswith(_REMEMBERED)]


def parse_option(text: str) -> tuple[str, str]:
    """Read `Key=value` or `Key value`. Raises CliError, also for what would break out of its line."""
    key, sign, value = text.partition("=")
    if not sign or " " in key.strip():
        key, _, value = text.strip().partition(" ")
    key, value = key.strip(), value.strip()
    if not key.isalnum() or not value or any(ord(letter) < 32 for letter in text):
        raise CliError(f"--ssh-option: '{text}' is not of the form Key=value.")
    return key, value


def proxy_command(program: Sequence[str], config_dir: Path, *arguments: str) -> str:
    """Return the command with which OpenSSH reaches a workspace; `%h` is the host that it asks for."""
    words = [*program, "--global-config", str(config_dir), "ssh", "--stdio", *arguments]
    return " ".join(shlex.quote(word) for word in words).replace("%", "%%") + " %h"


def render(hosts: Mapping[str, str], *, server_options: Mapping[str, str], given: Iterable[str]) -> str:
    """Write the block: `hosts` maps host patterns to their proxy commands, `given` are options as texts, which win."""
    given = list(given)
    options = dict(_DEFAULTS)
    for key, value in [*server_options.items(), *(parse_option(text) for text in given)]:
        options = {known: kept for known, kept in options.items() if known.lower() != key.lower()} | {key: value}
    lines = [
        BEGIN,
        "# Written by `homeport config-ssh`: what you change between these marks is lost.",
        "# To take it out: homeport config-ssh --remove",
        *(f"{_REMEMBERED}{text}" for text in given),
    ]
    for pattern, command in hosts.items():
        lines.append(f"Host {pattern}")
        lines += [f"    {key} {value}" for key, value in options.items() if key.lower() != "proxycommand"]
        lines.append(f"    ProxyCommand {command}")
    return "\n".join([*lines, END, ""])


def replace(text: str, block: str) -> str:
    """Return the configuration with this block, in its old place or at the end; an empty block takes it out.

    The block has the line ends of the file.
    """
    parts = split(text)
    if "\r\n" in text:
        block = block.replace("\n", "\r\n")
    if parts.block and block:
        return parts.before + block + parts.after
    if parts.block:
        return _without_gap(parts) + parts.after
    if not block:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else (end if text.endswith("\n") else end * 2)
    return text + gap + block


def _without_gap(parts: Parts) -> str:
    """Return what stands before the block without the empty line that set it off at the end of the file."""
    lines = parts.before.splitlines(keepends=True)
    return "".join(lines[:-1]) if not parts.after and lines and not lines[-1].strip() else parts.before


def read_file(path: Path) -> str:
    """Return the configuration's text; empty when there is none. Bytes that are no UTF-8 survive. Raises CliError."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}.") from error


def write_file(path: Path, text: str) -> None:
    """Replace a configuration in one step. A link stays a link, the file's mode stays; a new file is the user's alone. Raises CliError."""
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        descriptor, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(mode)
            Path(draft).replace(target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(draft).unlink()
            raise
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from error
