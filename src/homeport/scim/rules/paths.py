"""The path of a PATCH operation (RFC 7644 3.5.2): `attribute`, `attribute.sub`, `attribute[filter]` or `attribute[filter].sub`."""

from homeport.scim.errors import invalid_path
from homeport.scim.rules.filters import CORE_SCHEMAS, Reader
from homeport.scim.types import Attribute, Target


def parse_path(text: str) -> Target:
    """Read a path. Raises invalidPath. A path that is the address of a schema names everything of it."""
    lowered = text.strip().lower()
    if lowered.startswith("urn:") and lowered.endswith((":user", ":group")):
        return Target(Attribute("", "", "" if lowered in CORE_SCHEMAS else lowered))
    reader = Reader(text, invalid_path)
    attribute = reader.read_attribute()
    inner = reader.read_brackets()
    if inner is None:
        reader.require_end()
        return Target(attribute)
    if attribute.sub:
        raise invalid_path("A filter in brackets follows an attribute of several values, not one below it.")
    sub = reader.read_tail()
    reader.require_end()
    return Target(Attribute(attribute.name, sub, attribute.schema), inner)
