"""Every resource and data source of a plan or a state, out of all modules. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeport_provisioner.terraform.reading.graph import label_of

_MOST_DEPTH = 64


@dataclass(frozen=True, kw_only=True)
class Item:
    """One instance. Values that are not known yet, or are of another type than expected, read as their default."""

    address: str
    is_data: bool
    type: str
    name: str
    module_path: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The address without indexes."""
        return label_of(self.address)

    def text(self, name: str, default: str = "") -> str:
        """Return a text; what is missing or empty is the default."""
        return text_of(self.values, name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth."""
        return flag_of(self.values, name, default=default)

    def number(self, name: str, default: int = 0) -> int:
        """Return a whole number."""
        return number_of(self.values, name, default)

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """Return nested blocks."""
        return blocks_of(self.values, name)

    def texts(self, name: str) -> dict[str, str]:
        """Return a map of texts."""
        found = self.values.get(name)
        return {str(key): _text(value) for key, value in found.items()} if isinstance(found, dict) else {}


def items_of_plan(document: Mapping[str, Any]) -> list[Item]:
    """Return what there will be, with the data sources that were read for it."""
    prior = ((document.get("prior_state") or {}).get("values") or {}).get("root_module") or {}
    planned = (document.get("planned_values") or {}).get("root_module") or {}
    known = {item.address: item for item in _walk(prior, "", 0) if item.is_data}
    known |= {item.address: item for item in _walk(planned, "", 0)}
    return _sorted(known)


def items_of_state(document: Mapping[str, Any]) -> list[Item]:
    """Return what there is."""
    root = (document.get("values") or {}).get("root_module") or {}
    return _sorted({item.address: item for item in _walk(root, "", 0)})


def _sorted(items: dict[str, Item]) -> list[Item]:
    return [items[address] for address in sorted(items)]


def _walk(module: Mapping[str, Any], path: str, depth: int) -> Iterator[Item]:
    if depth > _MOST_DEPTH:
        return
    for resource in module.get("resources") or ():
        yield Item(
            address=str(resource.get("address", "")),
            is_data=resource.get("mode") == "data",
            type=str(resource.get("type", "")),
            name=str(resource.get("name", "")),
            module_path=path,
            values=resource.get("values") or {},
        )
    for child in module.get("child_modules") or ():
        yield from _walk(child, str(child.get("address", "")), depth + 1)


def text_of(values: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a text; numbers and truths as Terraform writes them."""
    value = values.get(name)
    return default if value is None or value == "" else _text(value)


def flag_of(values: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Return a truth."""
    value = values.get(name)
    return value if isinstance(value, bool) else default


def number_of(values: Mapping[str, Any], name: str, default: int = 0) -> int:
    """Return a whole number."""
    value = values.get(name)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def blocks_of(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return nested blocks: Terraform writes them as a list, or, where there can be one only, perhaps as an object."""
    found = values.get(name)
    entries = found if isinstance(found, list) else [found]
    return [entry for entry in entries if isinstance(entry, dict)]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "" if value is None else str(value)
