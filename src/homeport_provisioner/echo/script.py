"""The file that an echo template consists of: `echo.yaml` or `echo.json`, with the answers to give."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from homeport_provisioner.engine import EngineFailure
from homeport_sdk.provisioner_protocol import ErrorCode, LogLevel, Parameter, Resource, Timing, Variable

NAMES = ("echo.yaml", "echo.yml", "echo.json")
_MOST_BYTES = 8 * 1024 * 1024


class Line(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Lines of the job's log, written `repeat` times."""

    output: str
    level: LogLevel = "info"
    repeat: int = 1


class Act(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What happens in one step, in this order: logs, waiting, hanging, failing; else the resources and the state come out.

    `wait_for` names a file below the daemon's `<data folder>/echo`: the step goes on when it exists. `hang: until_canceled` stops when
    the job is canceled, `hang: until_killed` does not even then. `state` empty: what was before stays.
    """

    logs: list[Line] = []
    wait_for: str = ""
    hang: Literal["", "until_canceled", "until_killed"] = ""
    error: str = ""
    error_code: ErrorCode = ""
    crash: bool = False
    resources: list[Resource] = []
    state: str = ""
    daily_cost: int = 0
    timings: list[Timing] = []


class EchoScript(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"on_import": "import"}):
    """All steps. A dry run without a step of its own answers with the resources of `start`, an import with those of `start` and `stop`."""

    variables: list[Variable] = []
    parameters: list[Parameter] = []
    on_import: Act = Act()
    dry_run: Act | None = None
    start: Act = Act()
    stop: Act = Act()
    delete: Act = Act()


def read_script(source: Path) -> EchoScript:
    """Read the script of an unpacked template. Raises EngineFailure that says what is wrong with it."""
    path = next((source / name for name in NAMES if (source / name).is_file()), None)
    if path is None:
        raise EngineFailure(f"The template has none of {', '.join(NAMES)} at its top.")
    if path.stat().st_size > _MOST_BYTES:
        raise EngineFailure(f"{path.name} has more than {_MOST_BYTES // 1024**2} MiB.")
    try:
        data, loader = path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, Loader=loader)):
            raise EngineFailure(
                f"{path.name} uses an alias (*): write the value out. A few of them can mean any amount."
            )
        plain: Any = yaml.load(data, Loader=loader)  # noqa: S506 - both are safe loaders
        return msgspec.convert(plain if plain is not None else {}, EchoScript)
    except yaml.YAMLError as error:
        raise EngineFailure(f"{path.name} is no YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise EngineFailure(f"{path.name}: {error}") from error
