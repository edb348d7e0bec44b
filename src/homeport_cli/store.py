"""What the command line remembers between calls: the server's address and the session, in files that only the user can read."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

URL_NAMES = ("HOMEPORT_URL", "CODER_URL")
TOKEN_NAMES = ("HOMEPORT_SESSION_TOKEN", "CODER_SESSION_TOKEN")


def first_of(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the value of the first of these variables that is set and not empty."""
    return next((environment[name] for name in names if environment.get(name)), "")


def config_dir(environment: Mapping[str, str]) -> Path:
    """Return the folder of the command line's files: HOMEPORT_CONFIG_DIR, or homeport below XDG_CONFIG_HOME or ~/.config."""
    chosen = first_of(environment, ("HOMEPORT_CONFIG_DIR", "CODER_CONFIG_DIR"))
    if chosen:
        return Path(chosen).expanduser()
    base = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Path(base) / "homeport"


@dataclass(frozen=True)
class Store:
    """The files `url` and `session` in one folder."""

    folder: Path

    def url(self) -> str:
        """Return the remembered address, or an empty text."""
        return self._read("url")

    def token(self) -> str:
        """Return the remembered session token, or an empty text."""
        return self._read("session")

    def save(self, *, url: str, token: str) -> None:
        """Remember both; the folder and the files are for the user alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write("url", url)
        self._write("session", token)

    def forget(self) -> None:
        """Forget the session; the address stays."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "session").unlink()

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text("utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def _write(self, name: str, text: str) -> None:
        draft = self.folder / f".{name}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        draft.replace(self.folder / name)
