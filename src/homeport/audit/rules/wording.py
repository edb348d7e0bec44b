"""The sentence that describes an entry. Pure."""

_VERBS = {
    "create": "created",
    "write": "updated",
    "delete": "deleted",
    "start": "started",
    "stop": "stopped",
    "login": "signed in",
    "logout": "signed out",
    "register": "registered",
    "connect": "connected to",
    "disconnect": "disconnected from",
    "open": "opened",
    "close": "closed",
    "request_password_reset": "asked for a password reset of",
}


def describe(action: str, resource_type: str, target: str, status_code: int) -> str:
    """Return a sentence with `{user}` for the actor, such as `{user} created workspace dev`."""
    kind = resource_type.replace("_", " ")
    verb = _VERBS.get(action, action)
    sentence = f"{{user}} {verb}" if action in {"login", "logout"} else f"{{user}} {verb} {kind} {target}".rstrip()
    return sentence if status_code < 400 else sentence.replace("{user}", "{user} unsuccessfully attempted:", 1)
