"""Rules for names that people choose (spec: workspaces 1.2 and 5.1, authorization-and-data 10 and 11)."""

import re

from homeport.kit.errors import invalid_field

MAX_NAME = 32
MAX_DISPLAY_NAME = 64
_NAME = re.compile(r"^[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*$")
_VERSION_NAME = re.compile(r"^[a-zA-Z0-9]+(?:[_.-]{1}[a-zA-Z0-9]+)*$")
_TRIMMED = re.compile(r"^\S(?:.*\S)?$")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
RESERVED_NAMES = frozenset({"new", "create"})
# Where a user is named, these are oneself and an id.
_SOMETHING_ELSE = re.compile("me|[0-9a-f]{32}", re.IGNORECASE)


def is_valid_name(value: str, *, most: int = MAX_NAME) -> bool:
    """Tell whether `value` is 1 to 32 (or `most`) letters and digits, joined by single hyphens, and not reserved."""
    return len(value) <= most and value.lower() not in RESERVED_NAMES and bool(_NAME.match(value)) and "\n" not in value


def validate_name(value: str, field: str = "name", *, most: int = MAX_NAME) -> str:
    """Return `value`, or raise a 400 that names `field`."""
    if is_valid_name(value, most=most):
        return value
    raise invalid_field(field, _explain(value, most))


def is_valid_username(value: str) -> bool:
    """Tell whether a user may have this name: a valid one that addresses do not read as something else."""
    return is_valid_name(value) and not _SOMETHING_ELSE.fullmatch(value)


def validate_username(value: str, field: str = "username") -> str:
    """Return `value`, or raise a 400 that names `field`."""
    if _SOMETHING_ELSE.fullmatch(value):
        raise invalid_field(field, f"The name '{value}' is reserved; choose another.")
    return validate_name(value, field)


def validate_version_name(value: str, field: str = "name") -> str:
    """Return a template version's name (1 to 64 letters, digits, single `_`, `.` and `-` inside), or raise a 400."""
    if 1 <= len(value) <= 64 and _VERSION_NAME.match(value) and "\n" not in value:
        return value
    raise invalid_field(field, "Use 1 to 64 letters and digits; single '.', '_' and '-' may stand between them.")


def validate_display_name(value: str, field: str = "display_name") -> str:
    """Return a display name (0 to 64 characters, no white space at its ends, no control characters), or raise a 400."""
    if value == "" or (len(value) <= MAX_DISPLAY_NAME and _TRIMMED.match(value) and value.isprintable()):
        return value
    raise invalid_field(field, f"Use at most {MAX_DISPLAY_NAME} printable characters with no white space at the ends.")


def validate_text(value: str, field: str, *, most: int) -> str:
    """Return free text of at most `most` characters without NUL (PostgreSQL cannot hold it), or raise a 400."""
    if len(value) <= most and "\x00" not in value:
        return value
    raise invalid_field(field, f"Use at most {most} characters, none of them NUL.")


def is_storable(text: str) -> bool:
    """Tell whether PostgreSQL can hold a text, or be asked for it: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def validate_email(value: str, field: str = "email") -> str:
    """Return an address that has the form local@domain and at most 254 characters, or raise a 400."""
    if len(value) <= 254 and _EMAIL.match(value) and value.isprintable():
        return value
    raise invalid_field(field, "Give an e-mail address of the form name@domain.")


def _explain(value: str, most: int) -> str:
    if not value:
        return "A name is required."
    if len(value) > most:
        return f"A name has at most {most} characters; this one has {len(value)}."
    if value.lower() in RESERVED_NAMES:
        return f"The name '{value}' is reserved; choose another."
    return "Use letters and digits; single hyphens may stand between them."
