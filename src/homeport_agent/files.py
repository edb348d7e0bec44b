"""Files over SFTP, for sftp, scp and editors."""

import os

import asyncssh
from asyncssh import SSHServerChannel


class Files(asyncssh.SFTPServer):
    """Serves the files that the workspace's user may see; relative paths start in the workspace's folder."""

    def __init__(self, chan: SSHServerChannel[bytes], directory: str) -> None:
        super().__init__(chan)
        self._directory = os.fsencode(directory)

    def map_path(self, path: bytes) -> bytes:
        if path == b"~" or path.startswith(b"~/"):
            path = os.path.expanduser(path)
        return os.path.join(self._directory, path)

    def exit(self) -> None:
        """End with status 0: OpenSSH's scp takes the absence of a status for a failure."""
        self.channel.exit(0)
