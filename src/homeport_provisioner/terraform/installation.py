"""From where Terraform gets providers: our own, the operator's settings, the registry; and the cache that all jobs share.

Terraform's cache is not made for several `init` at once, so one lock goes around each. An `init` that was killed may leave half a provider
in it: a mark tells, and the cache is emptied as soon as no job uses it; until then jobs do without.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from fcntl import LOCK_NB, LOCK_SH, flock
from pathlib import Path

import httpx

from homeport_provisioner.engine import Task
from homeport_provisioner.settings import Settings
from homeport_provisioner.staging import Busy, hold, remove
from homeport_provisioner.terraform.source import Source
from homeport_provisioner.terraform.sources import OWN_PROVIDER, methods, read_config, settings_text, text_of
from homeport_sdk import clock
from homeport_sdk.hcl import Block

REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
TURN_SECONDS = 60.0
"""How long a job waits for another that fetches providers, before it does without the cache."""
_PROBE_SECONDS = 3.0
_PROBE_FRESH_SECONDS = 120.0


class Installation:
    """What all jobs of a daemon share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.provider_dir = settings.data_dir / "terraform" / "provider"
        self._cache = PluginCache(settings.data_dir / "terraform" / "cache")
        self._probes: dict[str, tuple[float, bool]] = {}

    async def wants_bundled(self, source: Source) -> bool:
        """Whether a template gets our own provider: it asks for Coder's, and the settings say so or no registry answers."""
        mode = self._settings.terraform_bundled_provider
        if not source.has_own_provider or mode == "never":
            return False
        if mode == "always":
            return True
        chosen = methods(await asyncio.to_thread(read_config, self._settings.terraform_config))
        if chosen is None:
            return not await self._registry_answers()
        # Whoever runs this provisioner has said where providers come from: what is there goes first.
        for method in chosen:
            if await self._brings_coder(method):
                return False
        return True

    def configure(self, path: Path, *, mirror: Path | None, cache: Path | None) -> None:
        """Write Terraform's own settings for one job. Raises EngineFailure, OSError."""
        config = read_config(self._settings.terraform_config)
        path.write_text(settings_text(config, mirror=mirror, cache=cache), "utf-8")

    @asynccontextmanager
    async def cache(self, task: Task, stack: ExitStack) -> AsyncIterator["Turn"]:
        """Give the cache for one `init`, alone. `stack` ends with the job's use of what comes from it."""
        async with self._cache.entered(task, stack) as turn:
            yield turn

    async def _registry_answers(self) -> bool:
        return await self._answers(REGISTRY)

    async def _brings_coder(self, method: Block) -> bool:
        """Whether one of the operator's methods has Coder's provider."""
        match method.type:
            case "filesystem_mirror":
                folder = Path(text_of(method, "path"), OWN_PROVIDER)
                return await asyncio.to_thread(folder.is_dir)
            case "network_mirror":
                return await self._answers(f"{text_of(method, 'url').rstrip('/')}/{OWN_PROVIDER}/index.json")
            case "direct":
                return await self._registry_answers()
        return True

    async def _answers(self, url: str) -> bool:
        now = clock.monotonic()
        probed_at, is_there = self._probes.get(url, (None, False))
        if probed_at is None or now - probed_at > _PROBE_FRESH_SECONDS:
            try:
                async with httpx.AsyncClient(timeout=_PROBE_SECONDS, follow_redirects=True) as client:
                    is_there = (await client.get(url)).status_code == 200
            except (httpx.HTTPError, httpx.InvalidURL, OSError):
                is_there = False
            self._probes[url] = (now, is_there)
        return is_there


@dataclass
class Turn:
    """The cache while it is one job's; no folder means to do without. `is_failed` is to be set by an `init` that had no success."""

    folder: Path | None
    is_failed: bool = False


class PluginCache:
    """One folder for all jobs on a data folder."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "plugins"
        self._turn = root / "turn.lock"
        self._users = root / "users.lock"
        self._mark = root / "unfinished"

    @asynccontextmanager
    async def entered(self, task: Task, stack: ExitStack) -> AsyncIterator[Turn]:
        """Wait for the turn, then give the folder; none while it may be damaged. Raises EngineCanceled, OSError."""
        self._turn.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as turn:
            if not await self._wait_for_turn(task, turn):
                task.log(
                    "Another job has been fetching providers for long: this job does without the cache of them.", "warn"
                )
                yield Turn(None)
                return
            if self._mark.exists() and not self._mend():
                task.log("The cache of providers may be damaged and is in use: this job does without.", "warn")
                yield Turn(None)
                return
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._use(stack)
            self._mark.touch()
            mine = Turn(self._folder)
            before = self._packages()
            yield mine
            # Not in a `finally`: an init that was cut off leaves the mark, and so does one that failed while it brought something.
            if not mine.is_failed or self._packages() == before:
                self._mark.unlink(missing_ok=True)

    async def _wait_for_turn(self, task: Task, turn: ExitStack) -> bool:
        """Wait until nobody else has the turn; not for ever, as whoever offers a provider may keep somebody's job waiting."""
        give_up_at = clock.monotonic() + TURN_SECONDS
        has_waited = False
        while True:
            try:
                turn.enter_context(hold(self._turn))
                return True
            except Busy:
                task.check_canceled()
            if clock.monotonic() > give_up_at:
                return False
            if not has_waited:
                task.log("Waiting for another job that fetches providers.", "info")
                has_waited = True
            await asyncio.sleep(0.05)

    def _packages(self) -> set[Path]:
        return set(self._folder.glob("*/*/*/*/*"))

    def _mend(self) -> bool:
        """Empty the cache if nobody uses it."""
        try:
            with hold(self._users):
                remove(self._folder)
        except Busy:
            return False
        self._mark.unlink(missing_ok=True)
        return True

    def _use(self, stack: ExitStack) -> None:
        file = stack.enter_context(self._users.open("a"))
        flock(file.fileno(), LOCK_SH | LOCK_NB)


def constraints_of(source: Source) -> Sequence[str]:
    """Return the versions of Coder's provider that a template asks for."""
    return tuple(dict.fromkeys(source.constraints))
