"""The scripts that start an agent on a machine, as the server offers them for each platform."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from homeport_sdk import clock

PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))
_SECONDS = 10.0
_FRESH_SECONDS = 60.0
_MOST_BYTES = 96 * 1024
"""A variable of the environment holds 128 KiB at most."""


class InitScripts:
    """Fetches them, and remembers them for a moment: each job wants them."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, dict[str, str]]] = {}

    async def get(self, url: str, *, warn: Callable[[str], None]) -> dict[str, str]:
        """Return the scripts by `os_arch`; those that the server does not offer, or does not answer for, are missing."""
        fetched_at, scripts = self._known.get(url, (0.0, {}))
        if scripts and clock.monotonic() - fetched_at < _FRESH_SECONDS:
            return scripts
        is_local = urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}
        async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=True, trust_env=not is_local) as client:
            results = await asyncio.gather(*(_fetch(client, url, *platform) for platform in PLATFORMS))
        scripts = {name: text for name, text, _ in results if text}
        problems = sorted({problem for _, _, problem in results if problem})
        if not scripts:
            warn(f"The server offers no script that starts agents: {'; '.join(problems)}. init_script will be empty.")
        else:
            self._known[url] = (clock.monotonic(), scripts)
        return scripts


async def _fetch(client: httpx.AsyncClient, url: str, system: str, architecture: str) -> tuple[str, str, str]:
    name = f"{system}_{architecture}"
    try:
        answer = await client.get(f"{url}/api/v2/init-script/{system}/{architecture}")
    except httpx.HTTPError as error:
        return name, "", f"{type(error).__name__} {error}".strip()
    if answer.status_code != 200:
        return name, "", f"status {answer.status_code} for {system}/{architecture}"
    if len(answer.content) > _MOST_BYTES:
        return name, "", f"the one for {system}/{architecture} is longer than {_MOST_BYTES // 1024} KiB"
    return name, answer.text, ""
