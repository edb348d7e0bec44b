"""`git` over SSH with the key that the server keeps for the workspace's owner: what GIT_SSH_COMMAND runs."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from homeport_agent.client import AgentClient, Refused, Unreachable
from homeport_sdk.agent_protocol import GitSSHKey


def run_git_ssh(arguments: Sequence[str], *, url: str, token: str) -> int:
    """Run `ssh` with the owner's key added; the key lies in a private file only while ssh runs. Returns ssh's status.

    Without a server, ssh runs with the keys that it finds by itself.
    """
    try:
        key = asyncio.run(_fetch_key(url, token))
    except (Refused, Unreachable) as error:
        print(f"homeport: the git key could not be fetched, ssh goes on without it: {error}", file=sys.stderr)
        return subprocess.run(["ssh", *arguments], check=False).returncode
    with tempfile.TemporaryDirectory(prefix="homeport-git-") as folder:
        path = Path(folder) / "key"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.private_key if key.private_key.endswith("\n") else key.private_key + "\n")
        return subprocess.run(["ssh", "-i", str(path), *arguments], check=False).returncode


async def _fetch_key(url: str, token: str) -> GitSSHKey:
    client = AgentClient(url, token)
    try:
        return await client.git_ssh_key()
    finally:
        await client.close()
