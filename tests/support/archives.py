"""Archives that tests upload."""

import io
import tarfile
from collections.abc import Mapping


def pack(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> bytes:
    """Return a tar archive of these files, and of symbolic links to where they lead."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type = tarfile.SYMTYPE
            info.linkname = target
            archive.addfile(info)
    return buffer.getvalue()
