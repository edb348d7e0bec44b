"""From what a template says to what there will be: defaults, what was before, checks; and states of other versions. Pure."""

from typing import Any

from homeport_terraform_provider.schema import Block, Nested, Type
from homeport_terraform_provider.values import UNKNOWN, Path, Problems, Unknown, Values


def fill(block: Block, config: Values, prior: Values | None = None) -> Values:
    """Return the configuration with defaults, and with what was computed before; what is to be computed is unknown."""
    values: Values = {}
    prior = prior or {}
    for name, attribute in block.attributes.items():
        value = config.get(name)
        if value is None and attribute.is_computed:
            before = prior.get(name)
            value = attribute.default if attribute.default is not None else UNKNOWN if before is None else before
        values[name] = value
    for name, nested in block.blocks.items():
        found = config.get(name)
        values[name] = (
            found if isinstance(found, Unknown) else _fill_elements(nested, found or [], prior.get(name) or [])
        )
    return values


def _fill_elements(nested: Nested, elements: list[Any], prior: list[Any]) -> list[Any]:
    """Fill nested blocks; what was before is that in the same place."""
    befores = [*prior, *[None] * len(elements)]
    return [
        element if isinstance(element, Unknown) else fill(nested.block, element, before)
        for element, before in zip(elements, befores, strict=False)
    ]


def check(block: Block, config: Values, problems: Problems, path: Path = ()) -> None:
    """Check every value by its declaration."""
    for name, attribute in block.attributes.items():
        value = config.get(name)
        if value is None:
            continue
        if not (attribute.is_required or attribute.is_optional):
            problems.error((*path, name), f"'{name}' cannot be set", "The provider says it: leave it out.")
        if isinstance(value, Unknown):
            continue
        wrong = next((text for rule in attribute.checks if (text := rule(value)) is not None), None)
        if wrong is not None:
            problems.error((*path, name), f"Invalid value of '{name}'", wrong)
    for name, nested in block.blocks.items():
        found = config.get(name)
        for place, element in enumerate(found if isinstance(found, list) else []):
            if isinstance(element, dict):
                check(nested.block, element, problems, (*path, name, place))


def conform(block: Block, raw: Values) -> Values:
    """Bring a state of any version into this one's shape."""
    values: Values = {name: _as(attribute.type, raw.get(name)) for name, attribute in block.attributes.items()}
    for name, nested in block.blocks.items():
        found = raw.get(name)
        elements = found if isinstance(found, list) else [found]
        values[name] = [conform(nested.block, each) for each in elements if isinstance(each, dict)]
    return values


def _as(type: Type, value: Any) -> Any:
    """Return a value as one of a type; None where it cannot be."""
    if type == "string" and isinstance(value, bool):
        return str(value).lower()
    if type == "string" and isinstance(value, str | int | float):
        return str(value)
    if type == "bool":
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
    if type == "number":
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if type[0] in {"list", "set"} and isinstance(value, list):
        return [_as(type[1], each) for each in value]
    if type[0] == "map" and isinstance(value, dict):
        return {str(key): _as(type[1], each) for key, each in value.items()}
    if type[0] == "object" and isinstance(value, dict):
        return {key: _as(of, value.get(key)) for key, of in type[1].items()}
    return None
