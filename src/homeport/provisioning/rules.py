"""Pure decisions of the queue: tags, protocol versions, log lines, quiet daemons and hung jobs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from homeport.kit.errors import BadRequest, invalid_field
from homeport.kit.moments import validate_moment
from homeport.provisioning.schemas import CompleteJobRequest, LogLine

API_VERSION = (1, 0)

# A daemon that has said nothing for this long counts as gone (spec: authorization-and-data 21).
STALE_AFTER = timedelta(seconds=90)
# A daemon that has said nothing for this long is forgotten.
FORGET_AFTER = timedelta(days=7)
HUNG_AFTER = timedelta(minutes=5)
PENDING_TOO_LONG_AFTER = timedelta(minutes=30)
REAPED_PER_SWEEP = 10

LOG_LIMIT = 1 << 20
LINE_LIMIT = 16 * 1024
ERROR_LIMIT = 16 * 1024
STAGE_LIMIT = 256
_CUT = " … (line cut)"
# A clock outside of these is wrong, and the ends of the calendar cannot be stored.
_YEARS = range(1970, 2200)
OVERFLOW_NOTE = "The log has reached its limit of 1 MiB. The job goes on; what it says from here is not kept."

DEFAULT_TAGS = {"scope": "organization", "owner": ""}
MAX_TAGS = 64
MAX_TAG_LENGTH = 256

# What a daemon shows as its key where people made none (spec: authorization-and-data 21); the names cannot be given away.
PSEUDO_KEYS = {
    "built-in": UUID("00000000-0000-0000-0000-000000000001"),
    "user-auth": UUID("00000000-0000-0000-0000-000000000002"),
    "psk": UUID("00000000-0000-0000-0000-000000000003"),
}


def normalize_tags(tags: Mapping[str, str], owner_id: UUID | None) -> dict[str, str]:
    """Return tags that name a scope and an owner: `scope=user` belongs to `owner_id`, all else to the organization.

    Raises 400 for an unknown scope, a user scope without an owner, too many or too long tags.
    """
    if len(tags) > MAX_TAGS or any(
        len(text) > MAX_TAG_LENGTH or "\x00" in text for pair in tags.items() for text in pair
    ):
        raise invalid_field("tags", f"Use at most {MAX_TAGS} tags of at most {MAX_TAG_LENGTH} characters.")
    scope = tags.get("scope") or "organization"
    if scope == "user":
        if owner_id is None:
            raise invalid_field("tags", "The scope 'user' needs a user to belong to.")
        return {**tags, "scope": "user", "owner": str(owner_id)}
    if scope != "organization":
        raise invalid_field("tags", f"The scope '{scope[:64]}' is unknown; use 'organization' or 'user'.")
    return {**tags, "scope": "organization", "owner": ""}


def tags_match(job: Mapping[str, str], daemon: Mapping[str, str]) -> bool:
    """Tell whether a daemon may take a job: plain jobs go to plain daemons only, others to daemons that have all their tags."""
    if job == DEFAULT_TAGS:
        return daemon == DEFAULT_TAGS
    return job.items() <= daemon.items()


def require_version(api_version: str) -> None:
    """Refuse (400) a daemon that speaks another major version, or a newer minor version than the server."""
    major, _, minor = api_version.partition(".")
    if int(major) != API_VERSION[0] or int(minor) > API_VERSION[1]:
        ours = ".".join(map(str, API_VERSION))
        raise BadRequest(
            f"The daemon speaks version {api_version} of the protocol and the server {ours}. Install matching versions.",
        )


def is_alive(last_seen_at: datetime | None, now: datetime) -> bool:
    """Tell whether a daemon has shown itself lately."""
    return last_seen_at is not None and now - last_seen_at < STALE_AFTER


def is_forced(canceled_at: datetime | None, now: datetime, force_after: timedelta) -> bool:
    """Tell whether a canceled job has had its time to stop gracefully."""
    return canceled_at is not None and now - canceled_at >= force_after


def isolation_missing(where: str) -> str:
    """Return why a build that needs isolation cannot be done, and what to do; `where` names a daemon, or nothing."""
    place = f"The provisioner {where} does" if where else "The provisioners for this template do"
    return (
        f"{place} not isolate workspaces from the machine they run on. There, only site owners may start workspaces, "
        "for themselves or other site owners, from template versions that site owners have made. Install bubblewrap (bwrap) "
        "on that machine, leave PROVISIONER_ISOLATION at auto, and restart the provisioner."
    )


def clean_text(text: str, limit: int) -> str:
    """Return text without NUL (PostgreSQL cannot hold it), cut to `limit` characters with a mark at the cut."""
    text = text.replace("\x00", "")
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def clean_lines(lines: Sequence[LogLine]) -> list[LogLine]:
    """Return lines as they can be stored: no NUL, bounded in length, no line break at the end, no impossible moment."""
    return [
        msgspec.structs.replace(
            line,
            output=clean_text(line.output.rstrip("\r\n"), LINE_LIMIT),
            stage=clean_text(line.stage, STAGE_LIMIT),
            created_at=line.created_at if line.created_at and line.created_at.year in _YEARS else None,
        )
        for line in lines
    ]


def fit_lines(lines: Iterable[LogLine], used: int) -> tuple[list[LogLine], int, bool]:
    """Return the lines that still fit after `used` bytes, the bytes used then, and whether some did not fit.

    The beginning is kept: it holds what was decided; the end of a failed job is in its error.
    """
    kept: list[LogLine] = []
    for line in lines:
        size = len(line.output.encode())
        if used + size > LOG_LIMIT:
            return kept, used, True
        used += size
        kept.append(line)
    return kept, used, False


def refuse_nul(value: Any, field: str = "") -> None:
    """Raise 400 when any text inside a decoded request holds NUL; `field` is where in the request the value stands."""
    place = _nul_place(msgspec.to_builtins(value), field)
    if place is not None:
        raise invalid_field(place.removeprefix("."), "Text must not hold NUL characters.")


def _nul_place(value: Any, here: str) -> str | None:
    """Return the place of the first text with NUL, such as `logs[0].output`; a bad name is told by what holds it."""
    if isinstance(value, str):
        return here if "\x00" in value else None
    if isinstance(value, dict):
        if any("\x00" in key for key in value):
            return here
        places = (_nul_place(item, f"{here}.{key}") for key, item in value.items())
    elif isinstance(value, list):
        places = (_nul_place(item, f"{here}[{index}]") for index, item in enumerate(value))
    else:
        return None
    return next((place for place in places if place is not None), None)


def refuse_impossible_moments(request: CompleteJobRequest) -> None:
    """Raise 400 for a timing at a moment that cannot be stored."""
    build = request.workspace_build
    for index, timing in enumerate(build.timings if build is not None else ()):
        validate_moment(timing.started_at, f"workspace_build.timings[{index}].started_at")
        validate_moment(timing.ended_at, f"workspace_build.timings[{index}].ended_at")


def reaper_lines(*, is_pending: bool) -> tuple[str, ...]:
    """Return what the reaper writes at the end of the log of a job that it fails."""
    limit = PENDING_TOO_LONG_AFTER if is_pending else HUNG_AFTER
    minutes = int(limit.total_seconds() // 60)
    what = (
        f"No provisioner daemon has taken this job within {minutes} minutes."
        if is_pending
        else f"The provisioner daemon of this job has not reported for {minutes} minutes."
    )
    todo = (
        "Check that a daemon with matching tags is running in this organization."
        if is_pending
        else "It may have been stopped, or have lost its connection to this server."
    )
    return ("", what, "The job has been ended as failed.", todo, "You can start it again.")


def reaper_error(*, is_pending: bool) -> str:
    """Return the error of a job that the reaper fails."""
    minutes = int((PENDING_TOO_LONG_AFTER if is_pending else HUNG_AFTER).total_seconds() // 60)
    if is_pending:
        return f"The job was pending for {minutes} minutes and no provisioner daemon took it."
    return f"The job was ended because its provisioner daemon has not reported for {minutes} minutes."
