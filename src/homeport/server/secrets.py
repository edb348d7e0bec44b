"""What the data folder holds beside the database: the key that seals what must be read back, and the installation's id."""

import base64
import os
from pathlib import Path

from homeport.config import Settings
from homeport.kit.crypto import KEY_BYTES, Cipher
from homeport.kit.ids import new_id


class KeyFileUnusable(Exception):
    """The key file exists and does not hold a key."""


def open_cipher(settings: Settings) -> Cipher:
    """Return the cipher of this deployment.

    The first start makes `DATA_DIR/encryption.key` (mode 0600) unless keys are set.
    """
    if settings.external_token_encryption_keys:
        return Cipher([base64.b64decode(key) for key in settings.external_token_encryption_keys])
    return Cipher([read_key_file(settings.data_dir)])


def read_key_file(folder: Path) -> bytes:
    """Return the key of a data folder, which is made where there is none. Raises KeyFileUnusable."""
    return _read_or_make(folder / "encryption.key")


def _read_or_make(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileUnusable(
            f"{path} does not hold a key. Restore it from a backup: without it, sealed values cannot be read."
        )
    return key


def read_installation_id(folder: Path) -> str:
    """Return the id of this data folder, made at the first start: a restarted server knows by it what its dead self left."""
    path = folder / "installation-id"
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        path.write_text(f"{new_id()}\n", "ascii")
        return path.read_text("ascii").strip()
