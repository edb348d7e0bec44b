"""One job's work with Terraform: prepare once, then plan, read and apply as often as the job needs."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

from homeport_provisioner.engine import EngineFailure, Task, Variables
from homeport_provisioner.terraform.binary import Binary
from homeport_provisioner.terraform.command import Command, Surroundings
from homeport_provisioner.terraform.environment import EXTERNAL_AUTH_PREFIX, terraform_settings
from homeport_provisioner.terraform.installation import Installation, constraints_of
from homeport_provisioner.terraform.logs import Scribe, with_advice
from homeport_provisioner.terraform.masking import Masker, sensitive_values
from homeport_provisioner.terraform.reading import Reading, read_plan, read_state
from homeport_provisioner.terraform.source import Source, prepare_lock_file, read_source, set_backend
from homeport_provisioner.terraform.states import names_own_provider
from homeport_provisioner.terraform.variables import ephemeral_file, secrets_of, values_file
from homeport_provisioner.terraform_provider.mirror import offer
from homeport_sdk import clock
from homeport_sdk.provisioner_protocol import LogLevel, Timing

# What Terraform keeps for itself: beside the template, so that nothing of an archive is taken for it.
_DATA = "terraform"

_WITHOUT_FRAME = str.maketrans("", "", "╷│╵")


class Session:
    """The commands of one job. `state` is the file in which Terraform keeps the state; `lock` a descriptor that they all hold."""

    def __init__(
        self,
        task: Task,
        *,
        binary: Binary,
        installation: Installation,
        base: Mapping[str, str],
        masker: Masker,
        state: Path,
        lock: int,
        is_debugging: bool = False,
    ) -> None:
        self.timings: list[Timing] = []
        self.plan_file = task.scratch / "plan"
        self._task = task
        self._binary = binary
        self._installation = installation
        self._base = dict(base)
        self._masker = masker
        self._state = state
        self._lock = lock
        self._is_debugging = is_debugging
        self._config = task.scratch / "terraform.rc"
        self._values = task.scratch / "values.tfvars.json"
        self._ephemeral = task.scratch / "ephemeral.tfvars.json"
        self._cookie = uuid4().hex
        self._stack = ExitStack()
        self._dot: str | None = None

    def close(self) -> None:
        """Let go of what the job used."""
        self._stack.close()

    async def prepare(self, variables: Variables) -> Source:
        """Write what Terraform reads, and let it fetch modules and providers; return what was read. Raises EngineFailure, OSError."""
        task = self._task
        source = await asyncio.to_thread(read_source, task.source)
        source.has_own_provider |= await asyncio.to_thread(names_own_provider, self._state)
        self._values.write_bytes(values_file(source, variables))
        self._values.chmod(0o600)
        self._keep_ephemeral(ephemeral_file(source, variables))
        self._masker.add(secrets_of(variables))
        is_bundled = await self._installation.wants_bundled(source)
        prepare_lock_file(task.source, task.log, is_bundled=is_bundled)
        set_backend(task.source, self._state)
        mirror = await self._mirror(source) if is_bundled else None
        began = clock.now()
        if source.has_remote_modules:
            # Before it is our turn with the cache: whoever offers a module may let us wait for ever, and with us would all others.
            self._installation.configure(self._config, mirror=mirror, cache=None)
            await self._get_modules()
        async with self._installation.cache(task, self._stack) as turn:
            self._installation.configure(self._config, mirror=mirror, cache=turn.folder)
            scribe, status = await self._run("init", "init", "-json", "-no-color", "-input=false")
            turn.is_failed = status != 0
        self._note("init", began)
        if status:
            raise EngineFailure(with_advice(scribe.failure("Terraform could not be initialized.")))
        return source

    async def plan(self, facts: Mapping[str, str], *, destroys: bool = False, has_state: bool = False) -> Reading:
        """Plan, and read what the plan would make. Raises EngineFailure."""
        options = ["-destroy"] if destroys else []
        if not has_state:
            options.append("-refresh=false")
        # Beside the plan: it looks at the configuration alone, and each command starts every provider anew.
        graph = asyncio.create_task(self._graph(facts))
        try:
            document = await self._plan_to_file(options, facts)
            is_start = _is_start(facts)
            reading = await asyncio.to_thread(read_plan, document, await graph, is_start=is_start)
        finally:
            await _abandon(graph)
        if is_start:
            self._warn(reading)
            self._warn_of_accounts(reading, facts)
        return reading

    async def apply(self, facts: Mapping[str, str]) -> None:
        """Do what was planned last. Raises EngineFailure; whatever happens, the state's file says what there is."""
        scribe, status = await self._run(
            "apply",
            "apply",
            "-json",
            "-no-color",
            "-input=false",
            "-lock=false",
            "-auto-approve",
            *([f"-var-file={self._ephemeral}"] if self._ephemeral.exists() else ()),
            str(self.plan_file),
            facts=facts,
        )
        self.timings += scribe.timings
        if status:
            raise EngineFailure(scribe.failure("Terraform could not apply the plan."))

    async def read(self, facts: Mapping[str, str]) -> Reading:
        """Read what there is now. Raises EngineFailure."""
        document = await self._show(None, facts)
        return await asyncio.to_thread(read_state, document, await self._graph(facts), is_start=_is_start(facts))

    async def _get_modules(self) -> None:
        """Fetch modules. This command alone says nothing as JSON."""
        scribe = self._scribe("init")
        errors: list[str] = []
        command = Command(self._surroundings({}), ["get", "-no-color"])
        status = await command.run(canceled=self._task.canceled, on_line=scribe.hear, on_error_line=errors.append)
        if status:
            text = self._masker.mask(" ".join(" ".join(errors).translate(_WITHOUT_FRAME).split()))
            raise EngineFailure(with_advice(f"Terraform could not fetch the template's modules. {text[:2000]}"))

    def _keep_ephemeral(self, values: bytes | None) -> None:
        # Terraform before 1.10, which knows none, takes no values beside a plan.
        if values is not None:
            self._ephemeral.write_bytes(values)
            self._ephemeral.chmod(0o600)

    async def _plan_to_file(self, options: list[str], facts: Mapping[str, str]) -> dict[str, Any]:
        began = clock.now()
        scribe, status = await self._run(
            "plan",
            "plan",
            "-json",
            "-no-color",
            "-input=false",
            "-lock=false",
            f"-var-file={self._values}",
            f"-out={self.plan_file}",
            *options,
            facts=facts,
        )
        self._note("plan", began)
        if status:
            raise EngineFailure(scribe.failure("Terraform could not make a plan."))
        return await self._show(self.plan_file, facts)

    async def _mirror(self, source: Source) -> Path:
        self._task.log("The provider coder/coder is this installation's own.", "info")
        return await offer(self._installation.provider_dir, constraints_of(source))

    async def _show(self, plan: Path | None, facts: Mapping[str, str]) -> dict[str, Any]:
        arguments = ["show", "-json", "-no-color", *([str(plan)] if plan else [])]
        document, secrets = await asyncio.to_thread(_read_document, await self._output("show", arguments, facts))
        self._masker.add(secrets)
        return document

    async def _graph(self, facts: Mapping[str, str]) -> str:
        if self._dot is None:
            began = clock.now()
            self._dot = (await self._output("graph", ["graph"], facts)).decode("utf-8", "replace")
            self._note("graph", began)
        return self._dot

    async def _output(self, stage: str, arguments: list[str], facts: Mapping[str, str]) -> bytes:
        scribe = self._scribe(stage)
        errors: list[str] = []
        command = Command(self._surroundings(facts, is_quiet=True), arguments)
        status, output = await command.output(canceled=self._task.canceled, on_error_line=errors.append)
        if status:
            text = self._masker.mask(" ".join(" ".join(errors).split()))
            raise EngineFailure(scribe.failure(f"Terraform's '{stage}' failed: {text[:2000]}"))
        return output

    async def _run(self, stage: str, *arguments: str, facts: Mapping[str, str] | None = None) -> tuple[Scribe, int]:
        scribe = self._scribe(stage)
        command = Command(self._surroundings(facts or {}), arguments)
        status = await command.run(canceled=self._task.canceled, on_line=scribe.hear, on_error_line=scribe.hear_error)
        return scribe, status

    def _scribe(self, stage: str) -> Scribe:
        return Scribe(self._log, self._masker, stage=stage, now=clock.now())

    def _log(self, text: str, level: LogLevel) -> None:
        self._task.log(text, level)

    def _surroundings(self, facts: Mapping[str, str], *, is_quiet: bool = False) -> Surroundings:
        settings = terraform_settings(
            config=self._config,
            data_dir=self._task.scratch / _DATA,
            is_debugging=self._is_debugging and not is_quiet,
        )
        return Surroundings(
            binary=self._binary.path,
            directory=self._task.source,
            environment={**self._base, **facts, **settings},
            cookie=self._cookie,
            lock=self._lock,
        )

    def _note(self, stage: str, began: Any) -> None:
        self.timings.append(
            Timing(started_at=began, ended_at=clock.now(), stage=stage, source="terraform", action=stage, resource="")
        )

    def _warn(self, reading: Reading) -> None:
        self._masker.add(reading.secrets)
        for warning in dict.fromkeys(reading.warnings):
            self._task.log(self._masker.mask(warning), "warn")

    def _warn_of_accounts(self, reading: Reading, facts: Mapping[str, str]) -> None:
        """Say where a token will be empty: what fails for lack of it fails far from here, and in other words."""
        for wanted in reading.external_auth:
            if not facts.get(f"{EXTERNAL_AUTH_PREFIX}{wanted.id}"):
                kind = "may have" if wanted.optional else "needs"
                self._task.log(
                    f"The template {kind} an account at '{wanted.id}' (coder_external_auth), and none is linked: access_token is empty.",
                    "warn",
                )


def _is_start(facts: Mapping[str, str]) -> bool:
    return facts.get("CODER_WORKSPACE_TRANSITION") == "start"


def modules_of(task: Task) -> Path:
    """Return where the modules are that were fetched for a job."""
    return task.scratch / _DATA / "modules"


def _read_document(data: bytes) -> tuple[dict[str, Any], list[str]]:
    """Return a plan or a state, and what is secret in it. Raises EngineFailure."""
    try:
        document = dict(json.loads(data or b"{}"))
        return document, list(sensitive_values(document))
    except RecursionError as error:
        raise EngineFailure("The values of the template's resources are nested too deep.") from error


async def _abandon(task: "asyncio.Task[str]") -> None:
    """End a task that nobody waits for any more; what it says of its end does not matter."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
