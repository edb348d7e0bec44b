"""What a resource type and a data source are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid4, uuid5

from homeport_terraform_provider.facts import Facts
from homeport_terraform_provider.schema import Block
from homeport_terraform_provider.values import Problems, Unknown, Values


@dataclass(frozen=True, kw_only=True, slots=True)
class Planning:
    """What a plan of one resource starts from. `made_by` is the build that made what is there, if that is known."""

    prior: Values | None
    made_by: str
    facts: Facts
    problems: Problems


def no_check(values: Values, problems: Problems) -> None:
    """Nothing is to be said of several attributes together."""


def no_plan(values: Values, planning: Planning) -> None:
    """Nothing is computed but the id."""


def make_id(values: Values) -> None:
    """Give a new resource its id."""
    if isinstance(values.get("id"), Unknown):
        values["id"] = str(uuid4())


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource type: `plan` sets what can be said before, `make` what only an apply can say."""

    block: Block
    check: Callable[[Values, Problems], None] = no_check
    plan: Callable[[Values, Planning], None] = no_plan
    make: Callable[[Values], None] = make_id


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSource:
    """A data source: `read` sets everything that is computed."""

    block: Block
    read: Callable[[Values, Facts, Problems], None]
    check: Callable[[Values, Problems], None] = no_check


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Everything that one provider offers, and its own configuration."""

    block: Block
    resources: Mapping[str, Resource]
    data_sources: Mapping[str, DataSource]


def steady_id(*parts: str) -> str:
    """Return an id that is the same whenever it is asked for."""
    return str(uuid5(NAMESPACE_URL, "\0".join(parts)))
