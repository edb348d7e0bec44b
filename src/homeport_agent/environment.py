"""What a command in the workspace sees: its environment, its shell, its folder."""

import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

from homeport_sdk.agent_protocol import AgentManifest

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAM = str(Path(__file__).with_name("__main__.py"))
_FALLBACK_SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh")
_NO_LOGIN = frozenset({"nologin", "false"})


class Surroundings:
    """Environment, shell and folder of everything that runs in the workspace."""

    def __init__(self, manifest: AgentManifest, *, url: str, token: str) -> None:
        self._manifest = manifest
        self._url = url
        self._token = token
        self.home = os.environ.get("HOME") or _passwd_home() or "/"
        self.shell = login_shell()

    @property
    def directory(self) -> str:
        """The folder in which commands start: the template's where it exists, else home, else the root."""
        for folder in (self.expanded_directory, self.home):
            if folder and Path(folder).is_dir():
                return folder
        return "/"

    @property
    def expanded_directory(self) -> str:
        """The template's folder with `~` and variables filled in; empty when it names none."""
        return self.expand(self._manifest.directory)

    @property
    def motd_path(self) -> str:
        """Path of the message of the day; empty for none."""
        return self.expand(self._manifest.motd_path)

    def expand(self, path: str) -> str:
        """Fill in `~` and `$VARIABLES`, and read relative paths from home."""
        if not path:
            return ""
        if path == "~" or path.startswith("~/"):
            path = self.home + path[1:]
        values = self.variables()
        for name in sorted(values, key=len, reverse=True):
            path = path.replace("${" + name + "}", values[name]).replace("$" + name, values[name])
        return path if path.startswith("/") else str(Path(self.home) / path)

    def variables(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment; later sources win: the agent's own, ours, the template's, the session's."""
        manifest = self._manifest
        values = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
        values.setdefault("PATH", _DEFAULT_PATH)
        values.update(HOME=self.home, SHELL=self.shell, USER=_user_name(), LOGNAME=_user_name())
        ours = {
            "WORKSPACE_NAME": manifest.workspace_name,
            "WORKSPACE_ID": str(manifest.workspace_id),
            "WORKSPACE_AGENT_NAME": manifest.agent_name,
            "WORKSPACE_OWNER_NAME": manifest.owner_username,
            "AGENT_URL": self._url,
            "AGENT_TOKEN": self._token,
        }
        for name, value in ours.items():
            values[f"CODER_{name}"] = values[f"HOMEPORT_{name}"] = value
        values.update(CODER="true", HOMEPORT="true", CODER_URL=manifest.access_url or self._url)
        # In isolated mode, by its path: git runs it inside of repositories, whose files must not become part of it.
        values["GIT_SSH_COMMAND"] = f"{_quote(sys.executable)} -I {_quote(_PROGRAM)} gitssh --"
        values.update(manifest.environment_variables)
        values.update(extra or {})
        return values


_PRIVATE = frozenset({"HOMEPORT_RECONNECT_ID", "INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET"})


def login_shell() -> str:
    """Return the user's shell: from the account, else bash, else sh."""
    try:
        shell = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        shell = ""
    if shell and Path(shell).name not in _NO_LOGIN and os.access(shell, os.X_OK):
        return shell
    return next((path for path in _FALLBACK_SHELLS if os.access(path, os.X_OK)), "/bin/sh")


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return os.environ.get("USER", "") or str(os.getuid())


def _passwd_home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _quote(word: str) -> str:
    return word if word.isascii() and " " not in word else "'" + word.replace("'", "'\\''") + "'"
