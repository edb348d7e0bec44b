"""Pure rules of audit: diffs, the words of entries, the grammars of the searches."""

from homeport.audit.rules.diff import difference
from homeport.audit.rules.searching import parse_connection_search, parse_search
from homeport.audit.rules.wording import describe

__all__ = ["describe", "difference", "parse_connection_search", "parse_search"]
