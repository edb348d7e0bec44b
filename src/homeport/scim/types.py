"""The words of SCIM (RFC 7643, 7644): addresses of schemas and messages, filters as trees, rows, and what a provider wants. No I/O."""

from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec

PREFIX = "/scim"
BASE = "/scim/v2"
MEDIA_TYPE = "application/scim+json"
# How audit and logs call the part of the server that acts for an identity provider.
SUBSYSTEM = "scim"

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
CONFIG_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
TYPE_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
ERROR_MESSAGE = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST_MESSAGE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

# The most of a list that one answer holds, and what it holds when nothing is asked for.
MOST_RESULTS = 200
DEFAULT_RESULTS = 100

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
OPERATORS: tuple[Operator, ...] = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
Value: TypeAlias = str | bool | int | float | None


class Attribute(msgspec.Struct, frozen=True):
    """The address of an attribute, in lower case: `name`, perhaps `sub` below it, perhaps of a schema that is not the core's."""

    name: str
    sub: str = ""
    schema: str = ""

    def __str__(self) -> str:
        found = f"{self.name}.{self.sub}" if self.sub else self.name
        return f"{self.schema}:{found}" if self.schema else found


class Compare(msgspec.Struct, frozen=True):
    """`attribute operator value`."""

    attribute: Attribute
    operator: Operator
    value: Value


class Present(msgspec.Struct, frozen=True):
    """`attribute pr`: there is a value, and it is not empty."""

    attribute: Attribute


class Every(msgspec.Struct, frozen=True):
    """Filters joined by `and`."""

    parts: "tuple[Filter, ...]"


class Some(msgspec.Struct, frozen=True):
    """Filters joined by `or`."""

    parts: "tuple[Filter, ...]"


class Negation(msgspec.Struct, frozen=True):
    """`not (filter)`."""

    part: "Filter"


class Having(msgspec.Struct, frozen=True):
    """`attribute[filter]`: one value of a multi-valued attribute matches; the filter's attributes are those of the value."""

    attribute: Attribute
    part: "Filter"


Filter: TypeAlias = Compare | Present | Every | Some | Negation | Having


class Target(msgspec.Struct, frozen=True):
    """What a PATCH speaks of (RFC 7644 3.5.2): an attribute, of several values perhaps those that match."""

    attribute: Attribute
    part: Filter | None = None


class Operation(msgspec.Struct, frozen=True):
    """One operation of a PATCH. Without a target the value is an object whose names are targets."""

    kind: Literal["add", "replace", "remove"]
    target: Target | None
    value: Any = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is asked for. `start` counts from 1; attributes are in lower case."""

    filter: Filter | None = None
    start: int = 1
    count: int = DEFAULT_RESULTS
    sort_by: Attribute | None = None
    is_descending: bool = False
    shape: "Shape"


class Shape(msgspec.Struct, frozen=True):
    """Which attributes an answer holds: those asked for (empty: all) without those left out."""

    wanted: frozenset[Attribute] = frozenset()
    unwanted: frozenset[Attribute] = frozenset()

    @property
    def is_asked(self) -> bool:
        """Tell whether the client has asked for anything in particular."""
        return bool(self.wanted or self.unwanted)

    def has(self, name: str) -> bool:
        """Tell whether an answer holds anything of an attribute, given in lower case."""
        if self.wanted:
            return any(one.name == name for one in self.wanted)
        return not any(one.name == name and not one.sub for one in self.unwanted)


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account as SCIM shows it. `is_kept`: a provider has made or changed it; until then its address is its user name."""

    id: UUID
    user_name: str
    external_id: str
    email: str
    email_type: str
    display_name: str
    given_name: str
    family_name: str
    formatted_name: str
    is_active: bool
    is_kept: bool
    created_at: datetime
    updated_at: datetime


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider wants an account to be."""

    user_name: str
    external_id: str
    email: str
    email_type: str
    display_name: str
    given_name: str
    family_name: str
    formatted_name: str
    is_active: bool


class TeamRow(msgspec.Struct, frozen=True, kw_only=True):
    """A group as SCIM shows it."""

    id: UUID
    external_id: str
    display_name: str
    created_at: datetime
    updated_at: datetime


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a group: of which group, who, and the names of both."""

    group_id: UUID
    user_id: UUID
    display: str
    group_display: str


class TeamChange(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a change of a group. None stays; `members` None: nothing about them."""

    display_name: str | None = None
    external_id: str | None = None
    kind: Literal["add", "remove", "replace"] = "add"
    members: tuple[UUID, ...] | None = None


Document: TypeAlias = dict[str, Any]
"""A resource as a tree of plain JSON whose names are in lower case."""
