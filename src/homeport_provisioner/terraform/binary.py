"""Finds the program `terraform` and sees that it is new enough. Done once, when the daemon starts."""

import asyncio
import json
import os
import re
import shutil
from dataclasses import dataclass

MINIMUM = (1, 9, 0)
"""The first version whose `init` reports as JSON."""
_SECONDS = 30.0


class TerraformMissing(Exception):
    """There is no usable Terraform; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Binary:
    """The program and its version."""

    path: str
    version: str


async def find_terraform(wanted: str = "") -> Binary:
    """Return the program at a path, else the one on PATH. Raises TerraformMissing."""
    path = shutil.which(os.path.expanduser(wanted) or "terraform")
    if path is None:
        where = (
            f"HOMEPORT_PROVISIONER_TERRAFORM names '{wanted}', which is no program" if wanted else "it is not on PATH"
        )
        raise TerraformMissing(
            f"Terraform is missing: {where}. Install version {_text(MINIMUM)} or newer, or set HOMEPORT_PROVISIONER_TERRAFORM."
        )
    path = os.path.abspath(path)
    version = await _ask_version(path)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < MINIMUM:
        raise TerraformMissing(f"Terraform {version} at {path} is too old: {_text(MINIMUM)} or newer is needed.")
    return Binary(path=path, version=version)


async def _ask_version(path: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            "version",
            "-json",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"CHECKPOINT_DISABLE": "1", "PATH": os.environ.get("PATH", "")},
            cwd="/",
        )
        try:
            async with asyncio.timeout(_SECONDS):
                output, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return str(json.loads(output)["terraform_version"])
    except (OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise TerraformMissing(f"{path} does not say which version of Terraform it is: {error}.") from error


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
