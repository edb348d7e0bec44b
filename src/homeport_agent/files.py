"""Files over SFTP, for sftp, scp and editors."""

import os
import stat

import asyncssh
from asyncssh import SFTPAttrs, SSHServerChannel
from asyncssh.misc import MaybeAwait


class Files(asyncssh.SFTPServer):
    """Serves the files that the workspace's user may see; relative paths start in the workspace's folder."""

    def __init__(self, chan: SSHServerChannel[bytes], directory: str) -> None:
        super().__init__(chan)
        self._directory = os.fsencode(directory)

    def map_path(self, path: bytes) -> bytes:
        if path == b"~" or path.startswith(b"~/"):
            path = os.path.expanduser(path)
        return os.path.join(self._directory, path)

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> MaybeAwait[object]:
        self._refuse_waiting(path)
        return super().open(path, pflags, attrs)

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: SFTPAttrs) -> MaybeAwait[object]:
        self._refuse_waiting(path)
        return super().open56(path, desired_access, flags, attrs)

    def exit(self) -> None:
        """End with status 0: OpenSSH's scp takes the absence of a status for a failure."""
        self.channel.exit(0)

    def _refuse_waiting(self, path: bytes) -> None:
        """Refuse pipes and devices: they may keep their reader waiting, and the whole agent with it."""
        real = self.map_path(path)
        try:
            kind = os.stat(real).st_mode
        except OSError:
            # Opening it says why, or makes it.
            return
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or os.path.realpath(real) == os.fsencode(os.devnull)):
            raise asyncssh.SFTPFailure("This is a pipe, a socket or a device; only files can be transferred.")
