"""Turning text into setting values.

Durations, switches, addresses, lists. Pure functions; errors say what is accepted.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_TRUE = {"1", "t", "true", "yes", "on"}
_FALSE = {"0", "f", "false", "no", "off", ""}


def parse_duration(text: str) -> timedelta:
    """Parse a duration such as `90s`, `1h30m`, `24h` or `7d`; `0` means none."""
    value = text.strip()
    if value == "0":
        return timedelta(0)
    parts = _DURATION.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise ValueError(f"'{text}' is not a duration; write for example 90s, 30m, 1h30m, 24h or 7d")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def format_duration(value: timedelta) -> str:
    """Write a duration as `parse_duration` reads it: `24h`, `1h30m`, `90s`."""
    seconds = round(value.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{left}s" if left else "")
    return text or "0"


def parse_switch(text: str) -> bool:
    """Parse `true`/`false`, `1`/`0`, `yes`/`no` or `on`/`off` in any case."""
    value = text.strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ValueError(f"'{text}' is neither true nor false")


def parse_whole_number(text: str) -> int:
    """Parse a whole number."""
    try:
        return int(text.strip())
    except ValueError:
        raise ValueError(f"'{text}' is not a whole number") from None


def parse_choice(text: str, choices: Sequence[str]) -> str:
    """Parse one of a few words, in any case."""
    value = text.strip().lower()
    if value in choices:
        return value
    raise ValueError(f"'{text}' is none of {', '.join(choices)}")


def parse_list(text: str) -> tuple[str, ...]:
    """Parse a list of texts separated by commas; empty entries fall away."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_pairs(text: str) -> tuple[str, ...]:
    """Parse names with values, as a JSON object of texts or as `name=value` split by commas; return `name=value` entries."""
    if text.strip().startswith("{"):
        try:
            found = msgspec.json.decode(text.encode(), type=dict[str, str])
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise ValueError(f"'{text}' is not a JSON object of texts") from None
        return tuple(f"{name}={value}" for name, value in found.items())
    entries = parse_list(text)
    if wrong := [entry for entry in entries if not entry.partition("=")[0].strip() or "=" not in entry]:
        raise ValueError(f"'{wrong[0]}' is not of the form name=value")
    return entries


def parse_mapping(text: str) -> str:
    """Check a JSON object whose values are texts or lists of texts, and return it on one line; empty for none."""
    if not text.strip():
        return ""
    try:
        found = msgspec.json.decode(text.encode(), type=dict[str, str | list[str]])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise ValueError(
            'this is not a JSON object of texts, such as {"value": "target"} or {"value": ["target"]}'
        ) from None
    return msgspec.json.encode(found).decode() if found else ""


def mapping_of(text: str) -> dict[str, tuple[str, ...]]:
    """Read what `parse_mapping` returned."""
    found = msgspec.json.decode(text, type=dict[str, str | list[str]]) if text else {}
    return {value: (targets,) if isinstance(targets, str) else tuple(targets) for value, targets in found.items()}


def parse_address(text: str) -> str:
    """Check `host:port` (an IPv6 host stands in brackets) and return it."""
    split_address(text)
    return text.strip()


def split_address(text: str) -> tuple[str, int]:
    """Split `host:port` into its parts; port 0 asks the system for a free one."""
    host, separator, port = text.strip().rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"'{text}' is not an address of the form host:port")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 an empty host asks for every interface, as in the reference


def parse_url(text: str) -> str:
    """Check an absolute http or https address without query and fragment; return it without a trailing slash."""
    value = text.strip()
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"'{text}' is not an absolute http or https address such as https://homeport.example.com")
    return value.rstrip("/")
