"""How moments, lengths and states are said to people. Pure."""

import re
from datetime import datetime
from typing import Any

STATUS_KINDS = {
    "running": "good",
    "pending": "busy",
    "starting": "busy",
    "stopping": "busy",
    "canceling": "busy",
    "deleting": "busy",
    "failed": "bad",
    "canceled": "warn",
    "stopped": "idle",
    "deleted": "idle",
    "succeeded": "good",
    "connected": "good",
    "connecting": "busy",
    "disconnected": "bad",
    "timeout": "bad",
    "ready": "good",
    "created": "idle",
    "off": "idle",
    "idle": "good",
    "offline": "bad",
    "active": "good",
    "dormant": "idle",
    "suspended": "bad",
    "healthy": "good",
    "unhealthy": "bad",
    "initializing": "busy",
}
ACTIVE_STATUSES = frozenset({"pending", "starting", "stopping", "canceling", "deleting", "running"})
WAY_WORDS = {"github": "GitHub", "oidc": "OpenID Connect"}
TRANSITION_WORDS = {"start": "Start", "stop": "Stop", "delete": "Delete"}
NOTICES = {
    "profile": "Your profile has been saved.",
    "password": "Your password has been changed. Other sessions and tokens have ended.",
    "revoked": "The token works no more.",
    "application": "The application has no access any more.",
    "registered": "The application has been registered.",
    "changed": "The application has been changed.",
    "secret": "The secret works no more, nor do tokens that were issued through it.",
    "gone": "The application has been deleted.",
    "registration": "Your decision counts from now on.",
    "sshkey": "A new git key has been made; register it where the old one was.",
    "user": "The account has been created.",
    "canceling": "The build has been asked to stop.",
    "signed-out": "You have been signed out.",
    "signed-out-everywhere": "You have been signed out everywhere.",
    "session": "The session has ended.",
    "passcode": "If there is an account with this address that signs in by password, a code is on its way to it.",
    "password-reset": "Your password has been set, and you have been signed out everywhere. Sign in with it.",
    "sessions": "All other sessions have ended.",
    "renamed": "The name has been changed.",
    "deleted": "The workspace is being deleted.",
}
NOTICES |= {
    "organization": "The organization has been created.",
    "organization-changed": "The organization has been changed.",
    "sync": "The sync has been saved; it counts from the next sign-in of each person on.",
    "organization-gone": "The organization has been deleted; its name is free again.",
    "member-added": "The person is a member now.",
    "member-gone": "The person has left the organization and its groups.",
    "roles": "The roles have been saved. They count from the next request on.",
    "role-made": "The role has been created. Give it to members on their pages.",
    "role-changed": "The role has been changed, also for those who have it.",
    "role-gone": "The role has been deleted, and nobody has it any more.",
    "group": "The group has been created.",
    "group-changed": "The group has been changed.",
    "group-gone": "The group has been deleted.",
    "group-member": "The person is in the group now.",
    "group-left": "The person is not in the group any more.",
    "user-changed": "The account has been changed.",
    "user-password": "The password has been set. The person's sessions and tokens have ended.",
    "activated": "The account is active.",
    "suspended": "The account is suspended: its sessions have ended and nothing of it works.",
    "key-gone": "It works no more.",
    "person-out": "The account is signed out everywhere.",
    "user-gone": "The account has been deleted.",
    "permissions": "The permissions of the template have been changed.",
    "daemon-key-gone": "The key has been deleted; its provisioners get no more jobs.",
    "job-canceling": "The job has been asked to stop.",
    "quiet-hours": "Your quiet hours have been saved.",
}
NOTICES |= {
    "template": "The template has been created. Workspaces can be made from it.",
    "template-changed": "The settings of the template have been changed.",
    "template-gone": "The template has been deleted; its name is free again.",
    "promoted": "It is the active version: new workspaces get it.",
    "archived": "The version is archived: nothing can be made of it until it is taken back.",
    "unarchived": "The version is back.",
    "archived-unused": "Versions that nothing uses are archived.",
    "version-changed": "The version has been changed.",
    "import-canceled": "The import has been asked to stop.",
    "trial-canceled": "The dry run has been asked to stop.",
}
AN_APPLICATION_ASKS = "An application asks for access. Sign in to see what it wants; nothing is allowed by that."
_EMOJI_PATH = re.compile(r"/emojis/([0-9a-f]{1,6}(?:-[0-9a-f]{1,6}){0,7})\.png")
_STEPS = ((60, 1, "second"), (3600, 60, "minute"), (86400, 3600, "hour"), (86400 * 30, 86400, "day"))


def how_long_ago(moment: datetime, now: datetime) -> str:
    """Return how far a moment is from now, such as `3 minutes ago` or `in 2 hours`; the date beyond a month."""
    seconds = int((now - moment).total_seconds())
    if abs(seconds) < 10:
        return "just now"
    for limit, unit, name in _STEPS:
        if abs(seconds) < limit:
            count = abs(seconds) // unit
            words = f"{count} {name}" + ("" if count == 1 else "s")
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return f"{moment:%Y-%m-%d}"


def duration(start: datetime | None, end: datetime | None) -> str:
    """Return the time between two moments, such as `1.4 s` or `2 min 5 s`; empty when either is missing."""
    if start is None or end is None:
        return ""
    seconds = max(0.0, (end - start).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def status_kind(status: str) -> str:
    """Return which colour a state has: good, busy, warn, bad or idle."""
    if status.endswith(("_error", "_timeout")):
        return "bad"
    return STATUS_KINDS.get(status, "busy")


def readable(word: Any) -> str:
    """Return a name of the wire as words: `start_error` becomes `start error`."""
    return str(word).replace("_", " ")


def emblem(icon: str, name: str) -> str:
    """Return what stands for a thing beside its name: its emoji, else the first letter of the name.

    An icon may be the address of a picture as well. Those are not loaded: whoever set it would learn who looks.
    """
    if found := _EMOJI_PATH.fullmatch(icon):
        points = [int(part, 16) for part in found[1].split("-")]
        if all(0xFF < point < 0x110000 and not 0xD800 <= point < 0xE000 for point in points):
            return "".join(chr(point) for point in points)
    if icon and len(icon) <= 8 and not icon.isascii() and icon.isprintable():
        return icon
    return name[:1].upper()
