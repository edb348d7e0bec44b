"""The operations of a PATCH on an account, as a tree (RFC 7644 3.5.2). The caller reads what the tree wants afterwards."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final

from homeport.scim.errors import invalid_path, invalid_value, mutability, no_target
from homeport.scim.rules.bodies import read_boolean
from homeport.scim.rules.matching import equals, matches
from homeport.scim.rules.names import PERSON, kind_of, require_removable
from homeport.scim.rules.paths import parse_path
from homeport.scim.types import Attribute, Document, Operation, Target

# Values that stand in an object without a path and speak of what nobody changes: providers send resources as they got them.
_PASSED_OVER: Final = frozenset(("meta", "groups", "schemas"))
_MOST_VALUES: Final = 100


def apply_operations(
    document: Document, operations: Iterable[Operation], *, id: str
) -> tuple[Document, frozenset[str]]:
    """Return the tree after all operations, one after another, and which names they wrote. The given one stays as it is."""
    found, touched = deepcopy(document), set[str]()
    for operation in operations:
        for target, value in _single(operation, id):
            _apply(found, operation.kind, target, value, touched)
    return found, frozenset(touched)


def _single(operation: Operation, id: str) -> Iterable[tuple[Target, Any]]:
    """Yield what an operation does target by target: an object without a path names several."""
    target = operation.target
    if target is not None and (target.attribute.name or target.attribute.schema):
        yield target, operation.value
        return
    if not isinstance(operation.value, dict):
        raise invalid_value("Without a path the value is an object.")
    for name, value in operation.value.items():
        if name == "id" and value != id:
            raise mutability("id cannot be changed.")
        if name not in _PASSED_OVER | {"id"}:
            yield parse_path(name), value


def _apply(document: Document, kind: str, target: Target, value: Any, touched: set[str]) -> None:
    attribute = target.attribute
    form = kind_of(attribute, PERSON)
    if form == "ignored":
        return
    touched.add(attribute.name)
    if form == "many":
        _apply_to_many(document, kind, target, value)
        return
    if target.part is not None:
        raise invalid_path(f"{attribute.name} has one value only; no filter stands behind it.")
    if form == "simple" and attribute.sub:
        raise invalid_path(f"Nothing is below {attribute.name}.")
    if kind == "remove":
        require_removable(attribute)
        _remove(document, attribute)
    elif form == "complex" and not attribute.sub:
        if not isinstance(value, dict):
            raise invalid_value(f"{attribute.name} is an object.")
        _holder(document, attribute.name).update(value)
    elif attribute.sub:
        _holder(document, attribute.name)[attribute.sub] = value
    else:
        document[attribute.name] = value


def _remove(document: Document, attribute: Attribute) -> None:
    if attribute.sub:
        _holder(document, attribute.name).pop(attribute.sub, None)
    else:
        document.pop(attribute.name, None)


def _holder(document: Document, name: str) -> dict[str, Any]:
    """Return the object of a name, made where it is missing."""
    found = document.setdefault(name, {})
    if not isinstance(found, dict):
        raise invalid_value(f"{name} is an object.")
    return found


def _apply_to_many(document: Document, kind: str, target: Target, value: Any) -> None:
    """Change the values of an attribute that has several."""
    name, sub, part = target.attribute.name, target.attribute.sub, target.part
    present: list[dict[str, Any]] = document.setdefault(name, [])
    chosen = [one for one in present if part is None or matches(part, one)]
    if kind == "remove":
        document[name] = _without(present, chosen, target, value)
    elif sub:
        _set_below(present, chosen, target, value, can_make=kind == "add" or part is None)
    elif part is not None:
        if not chosen:
            raise no_target(f"{name} has no value that matches the filter of the path.")
        for one in chosen:
            one.update(_objects(name, value)[0])
    elif kind == "replace":
        document[name] = _objects(name, value)
    else:
        document[name] = _added(present, _objects(name, value))
    if len(document[name]) > _MOST_VALUES:
        raise invalid_value(f"{name} has at most {_MOST_VALUES} values.")


def _without(present: list[dict[str, Any]], chosen: list[dict[str, Any]], target: Target, value: Any) -> list[Any]:
    name, sub = target.attribute.name, target.attribute.sub
    if sub:
        require_removable(target.attribute)
        for one in chosen:
            one.pop(sub, None)
        return present
    if value is not None:
        # Beside the standard: the values to remove stand in `value`.
        gone = [one.get("value") for one in _objects(name, value)]
        chosen = [one for one in chosen if one.get("value") in gone]
    left = [one for one in present if not any(one is other for other in chosen)]
    if not left:
        require_removable(target.attribute)
    return left


def _set_below(
    present: list[dict[str, Any]], chosen: list[dict[str, Any]], target: Target, value: Any, *, can_make: bool
) -> None:
    """Write one name of the values that match; where none does, an addition makes one that would."""
    name, sub = target.attribute.name, target.attribute.sub
    if not chosen:
        if not can_make:
            raise no_target(f"{name} has no value that matches the filter of the path.")
        chosen = [{} if target.part is None else dict(equals(target.part))]
        present.append(chosen[0])
    for one in chosen:
        one[sub] = value
        if sub == "primary":
            _keep_one_primary(present, one)


def _added(present: list[dict[str, Any]], values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = list(present)
    for value in values:
        same = next((one for one in found if one.get("value") == value.get("value")), None)
        if same is None:
            found.append(value)
        else:
            same.update(value)
        _keep_one_primary(found, value if same is None else same)
    return found


def _keep_one_primary(present: list[dict[str, Any]], newest: dict[str, Any]) -> None:
    """Let a new primary value take the mark from the others (RFC 7644 3.5.2)."""
    if newest.get("primary") is not None and read_boolean(newest["primary"], "primary"):
        for one in present:
            if one is not newest:
                one["primary"] = False


def _objects(name: str, value: Any) -> list[dict[str, Any]]:
    """Return a value of several as a list of objects: one alone and texts are taken, too."""
    found = [
        one if isinstance(one, dict) else {"value": one} for one in (value if isinstance(value, list) else [value])
    ]
    if not found or len(found) > _MOST_VALUES:
        raise invalid_value(f"{name} is a list of 1 to {_MOST_VALUES} values.")
    return found
