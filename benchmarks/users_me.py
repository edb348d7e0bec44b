"""`GET /api/v2/users/me` with a session token against the floor app, on one PostgreSQL.

Many short rounds in turns, each side first every other time: what else the machine does then meets both alike.
"""

import statistics
import subprocess
import sys
import urllib.request

from benchmarks.figures import Figure
from benchmarks.load import ask
from benchmarks.running import free_port, running_server

_ROUNDS = 20
_SECONDS = 0.6


def run() -> list[Figure]:
    """Return requests a second of both and their ratio (median of the rounds)."""
    with running_server(daemons=0) as server:
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.floor", server.database_url(), str(port)]
        floor = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert floor.stdout is not None
            floor.stdout.readline()
            headers = [f"Coder-Session-Token: {server.token}"]
            ours: list[float] = []
            floors: list[float] = []
            sides = [(port, "/", floors), (server.port, "/api/v2/users/me", ours)]
            for number in range(_ROUNDS + 1):
                for at, path, speeds in sides if number % 2 else reversed(sides):
                    speeds.append(ask("127.0.0.1", at, path, headers=headers, seconds=_SECONDS))
            # The first round opens sessions and compiles statements.
            del ours[0], floors[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz") as answer:
                assert answer.status == 200
            memory = server.resident_megabytes()
        finally:
            floor.kill()
            floor.wait()
    ratio = statistics.median(mine / least for mine, least in zip(ours, floors, strict=True))
    return [
        Figure("floor app", statistics.median(floors), "requests/s"),
        Figure("GET /api/v2/users/me", statistics.median(ours), "requests/s"),
        Figure("users/me against the floor", ratio, "of the floor", 0.6, "at_least"),
        Figure("server memory after the load", memory, "MB", 150.0),
    ]
