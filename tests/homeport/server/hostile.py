"""Values that no client of good will sends, chosen by what the OpenAPI document says of a field or parameter."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

LONG = 100_000
UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"

# Half of a surrogate pair, and a byte that is no UTF-8.
NO_JSON = ['"\\ud800"', '"a\\udfffb"', '"\udcff"']
_MARK = '"@hostile@"'


class Field(msgspec.Struct, frozen=True):
    """A place in a body: `kinds` are the JSON types that may stand there."""

    path: Path
    schema: Schema
    kinds: frozenset[str]
    is_required: bool

    @property
    def name(self) -> str:
        """Return the innermost name."""
        return next(str(step) for step in reversed(self.path) if isinstance(step, str))


def fields_of(schema: Schema, components: Mapping[str, Schema]) -> list[Field]:
    """List every field of a body, those of nested objects too; one that several places share is listed once."""
    seen: set[int] = set()
    return list(_walk(schema, components, (), seen))


def _walk(schema: Schema, components: Mapping[str, Schema], path: Path, seen: set[int]) -> Iterator[Field]:
    for choice in _choices(schema, components):
        required = choice.get("required", ())
        for name, inner in choice.get("properties", {}).items():
            if id(inner) in seen:
                continue
            seen.add(id(inner))
            here = (*path, name)
            yield Field(here, _constraints(inner, components), _kinds(inner, components), name in required)
            yield from _walk(inner, components, here, seen)
        if isinstance(items := choice.get("items"), Mapping):
            if "$ref" not in items:
                yield Field((*path, 0), _constraints(items, components), _kinds(items, components), False)
            yield from _walk(items, components, (*path, 0), seen)


def _choices(schema: Schema, components: Mapping[str, Schema]) -> list[Schema]:
    """Return the alternatives that a schema allows, references followed."""
    if "$ref" in schema:
        return _choices(components[schema["$ref"].rpartition("/")[2]], components)
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return [found for one in schema[word] for found in _choices(one, components)]
    return [schema]


def _kinds(schema: Schema, components: Mapping[str, Schema]) -> frozenset[str]:
    found: set[str] = set()
    for choice in _choices(schema, components):
        kind = choice.get("type", "object")
        found.update([kind] if isinstance(kind, str) else kind)
    return frozenset(found)


def _constraints(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    """Return everything that is said of a field beside its types."""
    found: dict[str, Any] = {}
    for choice in [schema, *_choices(schema, components)]:
        found.update(choice)
    return found


_OF_KIND = {
    "null": ["null"],
    "boolean": ["true"],
    "integer": ["12"],
    "number": ["1.5"],
    "string": ['"12"', '""'],
    "array": ["[]", "[null]", "[[[]]]"],
    "object": ["{}", '{"a":{"b":null}}'],
}


def wrong_kinds(field: Field) -> list[str]:
    """Return JSON texts of types that the field does not take; each must be refused by the field's name."""
    kinds = set(field.kinds)
    if "number" in kinds:
        kinds.add("integer")
    found = [text for kind, texts in _OF_KIND.items() if kind not in kinds for text in texts]
    if "array" in kinds:
        found += ["[null]"] if "items" in field.schema else []
    # A whole number may be written as 12.0, a text that says a number is none.
    return found


def odd_values(field: Field) -> list[str]:
    """Return JSON texts of the right type that are odd, too long, too large or not there."""
    found: list[str] = []
    if "string" in field.kinds:
        found += _texts(str(field.schema.get("format", "")))
    if field.kinds & {"integer", "number"}:
        found += [
            "-1", "0", "1", str(2**31), str(2**53 + 1), str(2**63 - 1), str(-(2**63)), str(2**63), str(10**30), str(-(10**30)),
            "1e30", "1e400", "-0.0", "1.0", "1" * 5000,
        ]  # fmt: skip
    if "object" in field.kinds and "additionalProperties" in field.schema:
        found += ['{"a":"b"}', '{"":""}', '{"\\u0000":"a"}', '{"a":"\\u0000"}', '{"scope":"user","owner":"x"}']
        found += [f'{{"{UNKNOWN_ID}":"use"}}', f'{{"{UNKNOWN_ID}":"healthy"}}', '{"' + "k" * 5000 + '":"v"}']
        found += ["{" + ",".join(f'"k{number}":"v"' for number in range(3000)) + "}"]
    if "array" in field.kinds:
        found += ['["a","a"]', "[" + ",".join(['"owner"'] * 5000) + "]"]
    return found


def _texts(form: str) -> list[str]:
    plain = [
        "",
        " ",
        "a\x00b",
        "main\n",
        "a\nb",
        "../../etc/passwd",
        "\u202eabc\u200b",
        "x" * 300,
        "x" * LONG,
        "\U0001f600" * 40,
    ]
    found = [msgspec.json.encode(text).decode() for text in plain] + NO_JSON
    if form == "uuid":
        ids = (UNKNOWN_ID, str(UUID(int=0)), UNKNOWN_ID.replace("-", ""), UNKNOWN_ID.upper(), f"{{{UNKNOWN_ID}}}")
        found += [f'"{each}"' for each in ids]
    if form == "date-time":
        moments = (
            "yesterday", "2026-13-45T99:99:99Z", "2026-01-01T00:00:00", "2026-01-01", "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
        )  # fmt: skip
        found += [f'"{each}"' for each in moments]
    return found


def with_value(body: Any, path: Path, text: str) -> bytes:
    """Return the body as JSON with the text at this place, whatever stood there."""
    return msgspec.json.encode(_put(body, path)).replace(_MARK.encode(), text.encode("utf-8", "surrogateescape"))


def quoted(text: str) -> str:
    """Return a text as it stands in a query."""
    return quote(text, safe="")


def without(body: Any, path: Path) -> bytes:
    """Return the body as JSON without the field."""
    marked = _put(body, path)
    parent = marked
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    return msgspec.json.encode(marked)


def _put(body: Any, path: Path) -> Any:
    """Return a copy of the body with the mark at this place; what is missing on the way is made."""
    if not path:
        return _MARK.strip('"')
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        kept = list(body) if isinstance(body, list) else []
        return [_put(kept[0] if kept else None, rest), *kept[1:]]
    fields: dict[str, Any] = dict(body) if isinstance(body, Mapping) else {}
    return fields | {step: _put(fields.get(step), rest)}


BAD_BODIES: list[tuple[bytes, str]] = [
    (b"{", "application/json"),
    (b"", "application/json"),
    (b"\x00", "application/json"),
    (b'{"a":1,}', "application/json"),
    (b"{'a':1}", "application/json"),
    (b'{"a":NaN}', "application/json"),
    (b'{"a":Infinity}', "application/json"),
    (b"\xef\xbb\xbf{}", "application/json"),
    ("{}".encode("utf-16"), "application/json; charset=utf-16"),
    (b"[" * 50_000, "application/json"),
    (b"[" * 5000 + b"]" * 5000, "application/json"),
    (b'{"a":' * 50_000, "application/json"),
    (b'{"a":1} {"b":2}', "application/json"),
    (b"null", "application/json"),
    (b"true", "application/json"),
    (b"12", "application/json"),
    (b'"text"', "application/json"),
    (b"[]", "application/json"),
    (b"[{}]", "application/json"),
    (b"a=b", "application/x-www-form-urlencoded"),
    (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
    (b"--x", "multipart/form-data"),
    (b"\x81\xa1a\x01", "application/x-msgpack"),
    (b"<a/>", "text/xml"),
    (b"{}x", ""),
    (b"{", "\xff/\xff"),
]

BAD_SEGMENTS: list[str] = [
    UNKNOWN_ID, str(UUID(int=0)), UNKNOWN_ID.upper(), quote(f"{{{UNKNOWN_ID}}}"), f"urn:uuid:{UNKNOWN_ID}", "x", "-1",
    str(10**30), "1e5", "%00", "a%00b", "%FF", "%ED%A0%80", "..%2f..%2fetc%2fpasswd", "..", "%2e%2e", "%20", "%0a", "me", "%",
    "%zz", quote("\U0001f600"), quote("' or 1=1 --"), "a" * 10_000, "default", "null", "*", "a:b", "x" * 33, "%C2%A0",
    quote("٣"), quote("²"),
]  # fmt: skip

BAD_QUERIES: list[str] = [
    "[" * 3000, "", "abc", "-1", str(2**31), str(2**63), str(10**30), "1.5", "1e400", "NaN", "%00", "a%00b", "%FF",
    "%ED%A0%80", "[]", "%7B", "true", "null", UNKNOWN_ID, "x,y", "2026-13-45", "2026-01-01T00:00:00", "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59-14:00", quote("٣"), quote("²"), "a" * 9000, "%20",
]  # fmt: skip

BAD_SEARCHES: list[str] = [
    '"', 'name:"', ":", "::", "name:", ":x", "a:b:c", "owner:", "unknown:x", "status:x", "status:active,,", "id:x", "id:,",
    "last_used_after:x", "last_used_after:2026", 'last_used_before:"0001-01-01T00:00:00+14:00"', "date_from:x",
    "date_from:0001-01-01", "date_to:9999-12-31", "resource_id:x", "action:x", "resource_type:x", "param:=", "param:", "dormant:x",
    "%", "_", "\\", "%%%", "\\' ", "has-agent:x", "role:x", "login_type:x", "include_system:x", "name:a name:b", "exact_name:",
    "organization:x", "deprecated:x", "user_status:x", "username:\x00", "\x00", "\ufffd", "\U0001f600", "(" * 500, "last_seen_after:x",
    "created_before:9999-12-31T23:59:59-14:00", "created_after:0001-01-01T00:00:00+14:00", "resource_target:%", "email:x", "/", "a/b/c",
    "last_seen_before:0001-01-01T00:00:00+14:00", "owner:me", "owner:%", "template:\\", "status:", 'name:"a b" c', "request_id:1",
    "dormant:true dormant:true", "id:" + ",".join([UNKNOWN_ID] * 60),
]  # fmt: skip
