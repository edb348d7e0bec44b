"""Pure decisions of the queue: tags, protocol versions, log lines, quiet daemons and hung jobs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from homeport.kit.errors import BadRequest, invalid_field
from homeport.kit.moments import validate_moment
from homeport.provisioning.schemas import CompleteJobRequest, LogLine, ProvisionerJobWait
from homeport.provisioning.types import ProvisionerJobRow

API_VERSION = (1, 0)

# A daemon that has said nothing for this long counts as gone (spec: authorization-and-data 21).
STALE_AFTER = timedelta(seconds=90)
# A daemon that has said nothing for this long is forgotten.
FORGET_AFTER = timedelta(days=7)
# So many daemons one credential may have in one organization. Quiet ones give place to new ones, so that names which change with
# each start (of containers, say) hold nobody up.
MOST_DAEMONS = 1000
MOST_DAEMONS_OF_PERSON = 100
# How long a daemon may work on a job without a word; a setting says otherwise.
HUNG_AFTER = timedelta(minutes=5)
# The part of that time after which the daemon itself gives up, so that it has stopped when the server does.
SILENCE_SHARE = 0.6
# A daemon reports at once when it gets a job. Without a word for so long it has not got it, and another shall have it.
UNHEARD_AFTER = timedelta(seconds=30)
# After a canceled job was to stop by force, its daemon has so long to say that it has.
STOP_AFTER_FORCE = timedelta(minutes=2)
PENDING_TOO_LONG_AFTER = timedelta(minutes=30)
REAPED_PER_SWEEP = 10

LOG_LIMIT = 1 << 20
# A log that becomes longer keeps its beginning, which says what was decided, and its end, which says how it went.
HEAD_LIMIT = TAIL_LIMIT = LOG_LIMIT // 2
# So much is cut beyond what must go, so that a talkative job is not cut with each report.
TAIL_SLACK = 64 * 1024
# What a line costs beside its text: empty lines are bounded too.
LINE_COST = 16
LINE_LIMIT = 16 * 1024
ERROR_LIMIT = 16 * 1024
STAGE_LIMIT = 256
_CUT = " … (line cut)"
# A clock outside of these is wrong, and the ends of the calendar cannot be stored.
_YEARS = range(1970, 2200)

# What an engine's state may have; one of more than some MiB comes packed, since a report has at most 16.
MOST_STATE = 64 * 1024 * 1024

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

    Raises 400 for an unknown scope, a user scope without an owner, too many tags, and what is no tag.
    """
    if len(tags) > MAX_TAGS:
        raise invalid_field("tags", f"Use at most {MAX_TAGS} tags.")
    for name, value in tags.items():
        _refuse_odd_tag(name, value)
    scope = tags.get("scope") or "organization"
    if scope == "user":
        if owner_id is None:
            raise invalid_field("tags", "The scope 'user' needs a user to belong to.")
        return {**tags, "scope": "user", "owner": str(owner_id)}
    if scope != "organization":
        raise invalid_field("tags", f"The scope '{scope[:64]}' is unknown; use 'organization' or 'user'.")
    return {**tags, "scope": "organization", "owner": ""}


def _refuse_odd_tag(name: str, value: str) -> None:
    """Raise 400 for a tag that nobody can give on a command line or read in a list."""
    if not name.strip():
        raise invalid_field("tags", "A tag needs a name.")
    shown = "".join(character if character.isprintable() else "?" for character in name[:64])
    if max(len(name), len(value)) > MAX_TAG_LENGTH:
        raise invalid_field("tags", f"Name and value of a tag have at most {MAX_TAG_LENGTH} characters: '{shown}'.")
    if not (name + value).isprintable():
        raise invalid_field("tags", f"A tag is one line of text that shows all of its characters: '{shown}'.")


def tags_match(job: Mapping[str, str], daemon: Mapping[str, str]) -> bool:
    """Tell whether a daemon may take a job: plain jobs go to plain daemons only, others to daemons that have all their tags."""
    if job == DEFAULT_TAGS:
        return daemon == DEFAULT_TAGS
    return job.items() <= daemon.items()


def require_version(api_version: str) -> None:
    """Refuse (400) a daemon that speaks a higher major or a newer minor version than the server; an older one is served."""
    major, _, minor = api_version.partition(".")
    if (int(major), int(minor)) > API_VERSION:
        ours = ".".join(map(str, API_VERSION))
        raise BadRequest(
            f"The daemon speaks version {api_version} of the provisioner protocol and this server only {ours}. "
            "Update the server, or install the daemon's version that belongs to it.",
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


def lines_size(lines: Iterable[LogLine]) -> int:
    """Return what lines take of a log's limit."""
    return sum(len(line.output.encode()) + LINE_COST for line in lines)


def split_lines(lines: Sequence[LogLine], room: int) -> tuple[list[LogLine], list[LogLine]]:
    """Return the first lines, as many as fit into `room`, and the rest."""
    for number, line in enumerate(lines):
        room -= lines_size((line,))
        if room < 0:
            return list(lines[:number]), list(lines[number:])
    return list(lines), []


def last_lines(lines: Sequence[LogLine], room: int) -> list[LogLine]:
    """Return the last lines, as many as fit into `room`."""
    kept, _ = split_lines(lines[::-1], room)
    return kept[::-1]


def gap_note(left_out: int) -> str:
    """Return the line that stands where the middle of a log was."""
    what = "1 line is" if left_out == 1 else f"{left_out:,} lines are"
    return f"… {what} left out here: a log keeps its first and its last {HEAD_LIMIT // 1024} KiB. The job itself goes on. …"


def refuse_nul(value: Any, field: str = "") -> None:
    """Raise 400 when any text inside a decoded request holds NUL; `field` is where in the request the value stands."""
    # Texts without it are all but all, and large ones are looked through in no time when they are encoded.
    if b"\\u0000" not in msgspec.json.encode(value):
        return
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


Ending = Literal["pending", "hung", "unstoppable"]


class Limits(msgspec.Struct, frozen=True):
    """When the reaper ends jobs: running ones without a word for `hung_after`, canceled ones that run `stop_after` later."""

    hung_after: timedelta = HUNG_AFTER
    stop_after: timedelta = timedelta(minutes=10) + STOP_AFTER_FORCE

    @property
    def unheard_after(self) -> timedelta:
        """After which time a job goes back whose daemon has never reported: well before it would be ended."""
        return min(UNHEARD_AFTER, self.hung_after * SILENCE_SHARE)


def ending_of(job: ProvisionerJobRow, now: datetime, limits: Limits) -> Ending | None:
    """Return why the reaper must end a job, or None where it must not (any more)."""
    if job.completed_at is not None:
        return None
    if job.started_at is None:
        return "pending" if now - job.updated_at > PENDING_TOO_LONG_AFTER else None
    if now - job.updated_at > limits.hung_after:
        return "hung"
    is_late = job.canceled_at is not None and now - job.canceled_at > limits.stop_after
    return "unstoppable" if is_late else None


def write_duration(duration: timedelta) -> str:
    """Return a duration in words: `5 minutes`, `90 seconds`."""
    seconds = int(duration.total_seconds())
    count, word = (seconds, "second") if seconds % 60 or seconds == 0 else (seconds // 60, "minute")
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def reaper_words(ending: Ending, limits: Limits, worker: str) -> tuple[tuple[str, ...], str]:
    """Return what the reaper writes at the end of the log of a job that it ends (five lines), and the job's error."""
    hung, stop, pending = map(write_duration, (limits.hung_after, limits.stop_after, PENDING_TOO_LONG_AFTER))
    who = f"The provisioner {worker}" if worker else "The provisioner of this job"
    what, todo, error = {
        "pending": (
            f"No provisioner daemon has taken this job within {pending}.",
            "Check that a daemon with matching tags is running in this organization.",
            f"The job was pending for {pending} and no provisioner daemon took it.",
        ),
        "hung": (
            f"{who} has not reported for {hung}.",
            "It may have been stopped, or have lost its connection to this server. What it reports from here on is refused.",
            f"The job was ended because its provisioner daemon has not reported for {hung}.",
        ),
        "unstoppable": (
            f"The job was canceled, and {who[0].lower()}{who[1:]} has not stopped it within {stop}.",
            "What it made may be incomplete: stopping or deleting the workspace puts that in order.",
            f"The job was canceled and did not stop within {stop}.",
        ),
    }[ending]
    return (
        "",
        what,
        "The job has been ended as failed; the state from before is kept.",
        todo,
        "You can start it again.",
    ), error


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What a daemon that works for a job's organization offers, and what it does."""

    provisioners: Sequence[str]
    tags: Mapping[str, str]
    isolates: bool
    is_alive: bool
    is_busy: bool


def wait_of(job: ProvisionerJobRow, candidates: Sequence[Candidate], ahead: int) -> ProvisionerJobWait:
    """Return why a pending job waits. `candidates` are all daemons that work for its organization, also quiet ones."""
    able = [each for each in candidates if job.provisioner in each.provisioners and tags_match(job.tags, each.tags)]
    living = [each for each in able if each.is_alive]
    if job.needs_isolation:
        living = [each for each in living if each.isolates] or living
    if living:
        return _wait_for_turn(living, ahead)
    if able:
        who = "The provisioner that accepts" if len(able) == 1 else f"None of the {len(able)} provisioners that accept"
        what = "is not connected" if len(able) == 1 else "is connected"
        return ProvisionerJobWait(
            reason="none_alive", message=f"{who} this job {what}. It begins as soon as one is back."
        )
    return _wait_for_somebody(job, candidates)


def _wait_for_turn(able: Sequence[Candidate], ahead: int) -> ProvisionerJobWait:
    before = "" if not ahead else " One job is ahead." if ahead == 1 else f" {ahead} jobs are ahead."
    if not all(each.is_busy for each in able):
        words = "A provisioner that accepts this job is free." if ahead else "A provisioner is free and takes it now."
        return ProvisionerJobWait(reason="next", message=words + before, ahead=ahead)
    who = (
        "The provisioner that accepts this job is"
        if len(able) == 1
        else f"All {len(able)} provisioners that accept this job are"
    )
    return ProvisionerJobWait(reason="busy", message=f"{who} busy.{before or ' It is next.'}", ahead=ahead)


def _wait_for_somebody(job: ProvisionerJobRow, candidates: Sequence[Candidate]) -> ProvisionerJobWait:
    """Return what is missing where no daemon accepts the job: what the connected ones lack, else any of them."""
    if not candidates:
        return ProvisionerJobWait(
            reason="no_daemons",
            message="No provisioner works for this organization.",
        )
    connected = [each for each in candidates if each.is_alive]
    if not connected:
        return ProvisionerJobWait(reason="none_alive", message="No provisioner of this organization is connected.")
    engines = sorted({name for each in connected for name in each.provisioners})
    known = [each for each in connected if job.provisioner in each.provisioners]
    if not known:
        return ProvisionerJobWait(
            reason="engine",
            message=f"No connected provisioner has the engine '{job.provisioner}': there is only {', '.join(engines)}.",
        )
    return _wait_for_tags(job, known)


def _wait_for_tags(job: ProvisionerJobRow, known: Sequence[Candidate]) -> ProvisionerJobWait:
    if job.tags.get("scope") == "user" and not any(each.tags.get("owner") == job.tags["owner"] for each in known):
        words = "The job is for provisioners of one person (scope=user), and none of theirs is connected."
        return ProvisionerJobWait(reason="tags", message=words, missing_tags={"scope": "user"})
    if job.tags == DEFAULT_TAGS:
        words = "The job has no tags, so it goes to provisioners without tags, and all that are connected have some."
        return ProvisionerJobWait(reason="tags", message=words)
    wanted = {name: value for name, value in job.tags.items() if name not in DEFAULT_TAGS}
    offered = {pair for each in known for pair in each.tags.items()}
    missing = {name: value for name, value in wanted.items() if (name, value) not in offered}
    text = ", ".join(f"{name}={value}" for name, value in sorted((missing or wanted).items()))
    if missing:
        noun = "tag" if len(missing) == 1 else "tags"
        words = f"No connected provisioner offers the {noun} {text}."
        return ProvisionerJobWait(reason="tags", message=words, missing_tags=missing)
    return ProvisionerJobWait(
        reason="tags", message=f"No connected provisioner offers all of the tags {text} together."
    )
