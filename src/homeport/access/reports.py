"""What browsers report of pages that broke the policy: a few fields, short, escaped and without secrets, into the log.

Anybody can send reports, of whatever they make up. So nothing of one is kept elsewhere, and their number is limited by address.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from homeport.telemetry.logs import get_logger

MAX_BODY: Final = 16 * 1024
_LONGEST: Final = 256
# The words of CSP 2 and their names in the log. Left out: referrer, script-sample and original-policy, which hold or repeat
# what belongs to the page.
_WORDS: Final = MappingProxyType(
    {
        "effective-directive": "directive",
        "violated-directive": "directive",
        "disposition": "disposition",
    }
)
_ADDRESSES: Final = MappingProxyType({"document-uri": "page", "blocked-uri": "blocked", "source-file": "source"})
_NUMBERS: Final = MappingProxyType({"line-number": "line", "column-number": "column", "status-code": "status"})
_log = get_logger(__name__)


def note(report: Mapping[str, Any]) -> None:
    """Write a report into the log."""
    _log.warning("a page broke the content security policy", **told(report))


def told(report: Mapping[str, Any]) -> dict[str, str | int]:
    """Return what the log gets of a report; what has another type than it should is left out."""
    found: dict[str, str | int] = {}
    for name, known in _WORDS.items():
        if isinstance(value := report.get(name), str) and value and known not in found:
            found[known] = escaped(value)
    for name, known in _ADDRESSES.items():
        if isinstance(value := report.get(name), str) and value:
            found[known] = escaped(bare(value))
    for name, known in _NUMBERS.items():
        value = report.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
            found[known] = value
    return found


def bare(address: str) -> str:
    """Return an address without user name, query and fragment, where secrets stand; of other schemes than http the scheme."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "unreadable"
    if parts.scheme in {"http", "https", "ws", "wss"}:
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    # Browsers write inline, eval and self here; all else of other schemes may hold content.
    return parts.scheme or address.partition("?")[0].partition("#")[0]


def escaped(text: str) -> str:
    """Return a short text that stays one line of plain letters, whatever it was."""
    return text[:_LONGEST].encode("unicode_escape").decode("ascii")[:_LONGEST]
