"""Turns what Terraform says, a line of JSON at a time, into lines of the job's log, errors for people, and timings. Pure."""

import json
from datetime import datetime, timedelta
from typing import Any

from homeport_provisioner.engine import Log
from homeport_provisioner.terraform.masking import Masker
from homeport_sdk.provisioner_protocol import LogLevel, Timing

_LEVELS: dict[str, LogLevel] = {"trace": "trace", "debug": "debug", "info": "info", "warn": "warn", "error": "error"}
_SILENT = frozenset({"version", "resource_drift_summary"})
_SILENT_CODES = frozenset(
    {
        "backend_configured_success_message",
        "initializing_backend_message",
        "lock_info",
        "output_init_success_cli_message",
        "output_init_success_cli_cloud_message",
        "output_init_empty_message",
    }
)
# Said as plain text of the backend that the engine has set itself.
_SILENT_LINES = frozenset(
    {
        "",
        'Successfully configured the backend "local"! Terraform will automatically',
        "use this backend unless the backend configuration changes.",
    }
)
# A lock file that a job makes for itself is nobody's, so what it lacks is nobody's either.
_SILENT_WARNINGS = frozenset({"Incomplete lock file information for providers"})
_DETAILS = frozenset({"refresh_start", "refresh_complete", "init_output", "log"})
# What Terraform says when it does not reach a registry of providers or modules.
_UNREACHED = ("failed to request discovery document", "could not connect to")
_OFFLINE = (
    "This provisioner does not reach that registry. Its operator can name a mirror of providers in HOMEPORT_PROVISIONER_TERRAFORM_CONFIG; "
    'a module can be put into a folder of the template itself (source = "./modules/…").'
)
_MOST_ERRORS = 5
_MOST_TIMINGS = 500


class Scribe:
    """Hears one command. `errors` is what to tell people when it fails."""

    def __init__(self, log: Log, masker: Masker, *, stage: str, now: datetime) -> None:
        self.errors: list[str] = []
        self.timings: list[Timing] = []
        self._log = log
        self._masker = masker
        self._stage = stage
        self._now = now
        self._begun: dict[str, datetime] = {}

    def hear(self, line: str) -> None:
        """Take one line of standard output."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or "@message" not in message:
            if self._stage != "init" or line not in _SILENT_LINES:
                self._say(line, "info")
            return
        self._take(message)

    def hear_error(self, line: str) -> None:
        """Take one line of standard error: debugging, or a crash."""
        if line.strip():
            self._say(line, "debug" if "[DEBUG]" in line or "[TRACE]" in line or "[INFO]" in line else "warn")

    def failure(self, text: str) -> str:
        """Return one text for people: what failed, and the errors that Terraform named."""
        if not self.errors:
            return text
        more = len(self.errors) - _MOST_ERRORS
        shown = self.errors[:_MOST_ERRORS] + ([f"and {more} more errors: see the log."] if more > 0 else [])
        return f"{text} " + "\n".join(shown)

    def _take(self, message: dict[str, Any]) -> None:
        kind = str(message.get("type", ""))
        level = _LEVELS.get(str(message.get("@level")), "info")
        diagnostic = message.get("diagnostic")
        if isinstance(diagnostic, dict):
            if diagnostic.get("summary") in _SILENT_WARNINGS and diagnostic.get("severity") == "warning":
                return
            text = describe(diagnostic)
            if diagnostic.get("severity") == "error":
                self.errors.append(self._masker.mask(text))
            self._say(text, "error" if diagnostic.get("severity") == "error" else "warn")
            return
        self._time(kind, message)
        if kind in _SILENT or message.get("message_code") in _SILENT_CODES:
            return
        text = str(message["@message"])
        if text.strip():
            is_detail = kind in _DETAILS or (kind == "planned_change" and self._stage == "apply")
            self._say(text, "debug" if is_detail and level == "info" else level)

    def _say(self, text: str, level: LogLevel) -> None:
        self._log(self._masker.mask(text), level)

    def _time(self, kind: str, message: dict[str, Any]) -> None:
        hook = message.get("hook")
        if not isinstance(hook, dict) or not isinstance(hook.get("resource"), dict):
            return
        address = str(hook["resource"].get("addr", ""))
        at = _moment(message.get("@timestamp")) or self._now
        operation, _, phase = kind.partition("_")
        if phase == "start":
            self._begun[f"{operation} {address}"] = at
        elif phase in {"complete", "errored"} and len(self.timings) < _MOST_TIMINGS:
            began = self._begun.pop(f"{operation} {address}", at)
            action = str(hook.get("action") or {"refresh": "read", "provision": "provision"}.get(operation, operation))
            self.timings.append(
                Timing(
                    started_at=began,
                    ended_at=max(at, began),
                    stage=self._stage,
                    source=str(hook["resource"].get("implied_provider", ""))[:256],
                    action=action[:256],
                    resource=address[:256],
                )
            )


def describe(diagnostic: dict[str, Any]) -> str:
    """Return a diagnostic as people read it: place, summary, detail."""
    where = diagnostic.get("range")
    place = ""
    if isinstance(where, dict):
        line = (where.get("start") or {}).get("line")
        place = f"{where.get('filename')}:{line}: "
    elif diagnostic.get("address"):
        place = f"{diagnostic['address']}: "
    summary = str(diagnostic.get("summary") or "").strip().rstrip(".")
    detail = " ".join(str(diagnostic.get("detail") or "").split())
    return f"{place}{summary}. {detail}".strip() if detail else f"{place}{summary}."


def with_advice(failure: str) -> str:
    """Return why nothing could be fetched, with what helps where a registry could not be reached."""
    if not any(words in failure for words in _UNREACHED):
        return failure
    return f"{failure}\n{_OFFLINE}"


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and moment.utcoffset() == timedelta() else None
