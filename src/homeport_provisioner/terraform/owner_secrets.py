"""Which secrets of its owner a template reads, by its text and that of its modules. Reads files.

Only what is read is handed to a build. A mention counts, be it in a comment: better one secret too many than a workspace that
does not work. What hands on the whole of `data.coder_workspace_owner.me` without ever naming an attribute is not seen.
"""

import re
from pathlib import Path
from typing import Final

from homeport_sdk.provisioner_protocol import OwnerSecret

# `.session_token`, `["session_token"]` and `lookup(…, "session_token")`, also of coder_workspace, where its name begins with owner_.
_MENTION: Final = re.compile(rb"""(?:\.|[\[,]\s*\\?["'])\s*(?:owner_)?(session_token|oidc_access_token)\b""")
_NAMES: Final[dict[bytes, OwnerSecret]] = {
    b"session_token": "session_token",
    b"oidc_access_token": "oidc_access_token",
}
_LARGEST: Final = 4 * 1024 * 1024


def owner_secrets(*folders: Path) -> list[OwnerSecret]:
    """Return the secrets that files in these folders mention: the template's, and the modules that were fetched for it. Raises OSError."""
    found: set[OwnerSecret] = set()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
                continue
            found |= {_NAMES[match.group(1)] for match in _MENTION.finditer(path.read_bytes())}
    return sorted(found)
