"""Folders and git repositories served by plain HTTP on loopback."""

import functools
import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve a folder's files; yields the address, which ends in a slash."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def make_repository(origin: Path, bare: Path, *branches: str) -> None:
    """Commit everything in a folder to its branch `trunk` and lay a bare copy for plain HTTP at `bare`."""
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=trunk"]
    commands = [["init", "-q"], ["add", "--force", "."], ["commit", "-q", "-m", "Begin"]]
    commands += [["branch", branch] for branch in branches]
    for command in commands:
        subprocess.run([*git, *command], cwd=origin, check=True)
    subprocess.run([*git, "clone", "-q", "--bare", str(origin), str(bare)], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
