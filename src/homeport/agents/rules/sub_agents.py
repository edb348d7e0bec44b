"""What a sub-agent may look like (spec: workspaces 4.4)."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from homeport.agents.errors import InvalidSubAgent
from homeport.agents.schemas import AppCreationError, SubAgentAppRequest
from homeport.agents.types import SubAgentApp
from homeport.kit.errors import FieldError

DISPLAY_APPS = ("vscode", "vscode_insiders", "web_terminal", "ssh_helper", "port_forwarding_helper")
SHARING_LEVELS = ("owner", "authenticated", "public", "organization")
OPEN_IN = ("slim-window", "tab")
MAX_NAME = 64
MAX_APPS = 200

# ASCII: ignoring case, the pattern would match the Kelvin sign for a k.
_AGENT_NAME = re.compile(r"(?ia)[a-z0-9](?:-?[a-z0-9])*")
_SLUG = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")
# From closed to open; a template may keep its workspaces from opening further than a level.
_OPENNESS = {"owner": 0, "organization": 1, "authenticated": 2, "public": 3}


def check_display_apps(values: Sequence[int | str]) -> list[str]:
    """Return the display apps by name. Raises InvalidSubAgent that names the entry."""
    found: list[str] = []
    for index, value in enumerate(values):
        name = _choose(value, DISPLAY_APPS)
        if name is None:
            field = FieldError(f"display_apps[{index}]", f"'{value}' is none of {', '.join(DISPLAY_APPS)}.")
            raise InvalidSubAgent([field])
        if name not in found:
            found.append(name)
    return found


def check_name(name: str) -> str:
    """Return a name that an agent may have. Raises InvalidSubAgent on field `name`."""
    if not name:
        raise InvalidSubAgent([FieldError("name", "A sub-agent needs a name.")])
    if len(name) > MAX_NAME or not _AGENT_NAME.fullmatch(name):
        detail = f"Use up to {MAX_NAME} letters and digits; single hyphens may stand between them."
        raise InvalidSubAgent([FieldError("name", detail)])
    return name


def check_id(text: str) -> UUID:
    """Return the id of a declared sub-agent: a UUID as text. Raises InvalidSubAgent on field `id`."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidSubAgent([FieldError("id", "The id must be a UUID.")]) from None


def unique_slug(agent_name: str, slug: str) -> str:
    """Make a slug unique in the whole workspace: eight characters of a hash of agent and slug stand before it."""
    digest = hashlib.sha256(f"{agent_name}/{slug}".encode()).digest()
    return f"{base64.b32hexencode(digest).decode().rstrip('=').lower()[:8]}-{slug}"


def check_apps(
    agent_name: str, apps: Iterable[SubAgentAppRequest], *, max_level: str
) -> tuple[list[tuple[int, SubAgentApp]], list[AppCreationError]]:
    """Part the apps into those to make (with their index) and errors for the others.

    A sharing level above the template's highest is lowered without a word.
    """
    good: list[tuple[int, SubAgentApp]] = []
    errors: list[AppCreationError] = []
    seen: set[str] = set()
    for index, app in enumerate(apps):
        problem = _app_problem(app, seen) if index < MAX_APPS else ("", f"At most {MAX_APPS} apps are made.")
        if problem is not None:
            errors.append(AppCreationError(index, problem[1], problem[0] or None))
            continue
        seen.add(app.slug)
        good.append((index, _stored(agent_name, app, max_level)))
    return good, errors


def clamp_level(level: str, highest: str) -> str:
    """Return the level, or the template's highest where it is more open."""
    return level if _OPENNESS[level] <= _OPENNESS.get(highest, 0) else highest


def _app_problem(app: SubAgentAppRequest, seen: set[str]) -> tuple[str, str] | None:
    """Return (field, sentence) of what is wrong with an app."""
    if not app.slug:
        return "slug", "A slug is required."
    if len(app.slug) > MAX_NAME or not _SLUG.fullmatch(app.slug):
        return "slug", f"'{app.slug[:80]}' is no slug: use lower-case letters, digits and single hyphens."
    if app.slug in seen:
        return "slug", f"The slug '{app.slug}' appears twice in this request."
    if _choose(app.share, SHARING_LEVELS) is None:
        return "share", f"'{app.share}' is none of {', '.join(SHARING_LEVELS)}."
    if _choose(app.open_in, OPEN_IN) is None:
        return "open_in", f"'{app.open_in}' is none of {', '.join(OPEN_IN)}."
    check = app.healthcheck
    texts = (app.display_name, app.icon, app.command, app.url, app.group, check.url if check is not None else "")
    if any("\0" in text for text in texts):
        return "", "Text must not hold NUL."
    if not -(2**31) <= app.order < 2**31:
        return "order", "The order does not fit into 32 bits."
    if check is not None and not all(0 <= value < 2**31 for value in (check.interval, check.threshold)):
        return "healthcheck", "Interval and threshold must not be negative nor beyond 32 bits."
    return None


def _stored(agent_name: str, app: SubAgentAppRequest, max_level: str) -> SubAgentApp:
    check = app.healthcheck
    has_check = check is not None and bool(check.url)
    return SubAgentApp(
        slug=unique_slug(agent_name, app.slug),
        display_name=app.display_name or app.slug,
        icon=app.icon,
        command=app.command,
        url=app.url,
        external=app.external,
        subdomain=app.subdomain,
        sharing_level=clamp_level(_choose(app.share, SHARING_LEVELS) or "owner", max_level),
        open_in=_choose(app.open_in, OPEN_IN) or OPEN_IN[0],
        display_group=app.group,
        display_order=app.order,
        hidden=app.hidden,
        healthcheck_url=check.url if check is not None else "",
        healthcheck_interval=check.interval if check is not None else 0,
        healthcheck_threshold=check.threshold if check is not None else 0,
        health="initializing" if has_check else "disabled",
    )


def _choose(value: int | str, names: Sequence[str]) -> str | None:
    """Return the name that a number or name stands for."""
    if isinstance(value, str):
        return value if value in names else None
    return names[value] if 0 <= value < len(names) else None
