"""From where Terraform gets providers: our own, the operator's settings, the registry; and the cache that all jobs share.

Terraform's cache is not made for several `init` at once, so one lock goes around each. An `init` that was killed may leave half a provider
in it: a mark tells, and the cache is emptied as soon as no job uses it; until then jobs do without.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from fcntl import LOCK_NB, LOCK_SH, flock
from pathlib import Path

import httpx

from homeport_provisioner.engine import EngineFailure, Task
from homeport_provisioner.settings import Settings
from homeport_provisioner.staging import Busy, hold, remove
from homeport_provisioner.terraform.source import Source
from homeport_sdk import clock
from homeport_sdk.hcl import HclError, parse

REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
OWN_PROVIDER = "registry.terraform.io/coder/coder"
_PROBE_SECONDS = 3.0
_PROBE_FRESH_SECONDS = 120.0


class Installation:
    """What all jobs of a daemon share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.provider_dir = settings.data_dir / "terraform" / "provider"
        self._cache = PluginCache(settings.data_dir / "terraform" / "cache")
        self._probed_at: float | None = None
        self._is_registry_there = False

    async def wants_bundled(self, source: Source) -> bool:
        """Whether a template gets our own provider: it asks for Coder's, and the settings say so or no registry answers."""
        mode = self._settings.terraform_bundled_provider
        if not source.has_own_provider or mode == "never":
            return False
        if mode == "auto" and "provider_installation" in await asyncio.to_thread(
            _read_config, self._settings.terraform_config
        ):
            # Whoever runs this provisioner has said where providers come from.
            return False
        return mode == "always" or not await self._registry_answers()

    def configure(self, path: Path, *, mirror: Path | None, cache: Path | None) -> None:
        """Write Terraform's own settings for one job. Raises EngineFailure, OSError."""
        own = _read_config(self._settings.terraform_config)
        lines = [own]
        if cache is not None:
            lines.append(f"plugin_cache_dir = {_quoted(cache)}")
            lines.append("plugin_cache_may_break_dependency_lock_file = true")
        if "provider_installation" not in own:
            # Said in full: by itself Terraform would also look for providers inside of the template.
            lines.append(_sources(mirror))
        elif mirror is not None:
            raise EngineFailure(
                f"The bundled provider cannot be offered beside provider_installation in {self._settings.terraform_config}. "
                "Take that block out, or set HOMEPORT_PROVISIONER_TERRAFORM_BUNDLED_PROVIDER=never."
            )
        path.write_text("\n".join(line for line in lines if line) + "\n", "utf-8")

    @asynccontextmanager
    async def cache(self, task: Task, stack: ExitStack) -> AsyncIterator["Turn"]:
        """Give the cache for one `init`, alone. `stack` ends with the job's use of what comes from it."""
        async with self._cache.entered(task, stack) as turn:
            yield turn

    async def _registry_answers(self) -> bool:
        now = clock.monotonic()
        if self._probed_at is None or now - self._probed_at > _PROBE_FRESH_SECONDS:
            try:
                async with httpx.AsyncClient(timeout=_PROBE_SECONDS) as client:
                    self._is_registry_there = (await client.get(REGISTRY)).status_code == 200
            except (httpx.HTTPError, OSError):
                self._is_registry_there = False
            self._probed_at = now
        return self._is_registry_there


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
            has_waited = False
            while True:
                try:
                    turn.enter_context(hold(self._turn))
                    break
                except Busy:
                    task.check_canceled()
                    if not has_waited:
                        task.log("Waiting for another job that fetches providers.", "info")
                        has_waited = True
                    await asyncio.sleep(0.05)
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


def _sources(mirror: Path | None) -> str:
    if mirror is None:
        return "provider_installation {\n  direct {}\n}"
    include = json.dumps([OWN_PROVIDER])
    return (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {_quoted(mirror)}\n    include = {include}\n  }}\n"
        f"  direct {{\n    exclude = {include}\n  }}\n"
        "}"
    )


def _read_config(path: Path | None) -> str:
    """Return the operator's file, without what we set ourselves being doubled. Raises EngineFailure."""
    if path is None:
        return ""
    try:
        text = path.read_text("utf-8")
        body = parse(text)
    except (OSError, UnicodeDecodeError) as error:
        raise EngineFailure(f"HOMEPORT_PROVISIONER_TERRAFORM_CONFIG: {path} cannot be read: {error}.") from error
    except HclError as error:
        raise EngineFailure(f"HOMEPORT_PROVISIONER_TERRAFORM_CONFIG: {path}:{error.line}: {error}.") from error
    if "plugin_cache_dir" in body.attributes:
        raise EngineFailure(f"{path}: plugin_cache_dir is set by the provisioner: take it out.")
    return text


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def constraints_of(source: Source) -> Sequence[str]:
    """Return the versions of Coder's provider that a template asks for."""
    return tuple(dict.fromkeys(source.constraints))
