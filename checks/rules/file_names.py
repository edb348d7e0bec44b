"""A feature of the server holds the agreed files and no others, and nothing is named after having no topic."""

from collections.abc import Iterator

from checks.source import Source, Violation

RULE = "file-name"
ROLES = frozenset({"types", "schemas", "errors", "rules", "queries", "service", "api", "tasks"})
# These rooms own no tables, or are infrastructure: their files are named after their topics.
FREE_ROOMS = frozenset({"kit", "config", "telemetry", "database", "rbac", "access", "web", "mcp", "server"})
# What the outline of the server grants one room beyond the roles.
GRANTED = {"identity": frozenset({"login"})}
TOPICLESS = frozenset({"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"})
_CODE_FOLDERS = frozenset({"src", "tests", "checks", "scripts", "benchmarks"})


def check(source: Source) -> Iterator[Violation]:
    """Yield a violation when the file's place or name is not one of those agreed on."""
    if source.parts[0] not in _CODE_FOLDERS:
        return
    stems = [part.partition(".")[0] for part in source.parts]
    nameless = sorted(TOPICLESS.intersection(stems))
    if nameless:
        yield source.violation(0, RULE, f"`{nameless[0]}` names no topic: name the file after what it owns")
    if source.parts[:2] != ("src", "homeport") or len(source.parts) < 4 or source.parts[2] in FREE_ROOMS:
        return
    room, entry = source.parts[2], source.parts[3]
    is_folder = len(source.parts) > 4
    if not is_folder and entry in {"README.md", "__init__.py"}:
        return
    stem = entry if is_folder else entry.removesuffix(".py")
    if stem not in ROLES | GRANTED.get(room, frozenset()):
        allowed = ", ".join(sorted(ROLES | GRANTED.get(room, frozenset())))
        yield source.violation(0, RULE, f"`{entry}` is none of a feature's files: README.md, {allowed}")
