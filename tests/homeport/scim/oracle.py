"""A second reading of the filter language, on the resources as they are answered: trees of tuples, made, written and evaluated here.

It shares nothing with the server's parser and its SQL.
"""

import json
import random
from datetime import datetime
from typing import Any

Tree = tuple[Any, ...]

TEXTS = (
    "userName",
    "displayName",
    "name.formatted",
    "name.givenName",
    "name.familyName",
    "emails.value",
    "emails",
    "emails.type",
)
EXACT = ("id", "externalId")
TRUTHS = ("active", "emails.primary")
MOMENTS = ("meta.created", "meta.lastModified")
OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
WORDS = (
    "ada",
    "ADA",
    "Eve",
    "x",
    "",
    "lovelace",
    "corp",
    "@corp.test",
    "work",
    "Home",
    'qu"ote',
    "back\\slash",
    "p_1",
    "100%",
    "a d",
    "né",
)


def grow(chance: random.Random, resources: list[dict[str, Any]], depth: int = 3) -> Tree:
    """Return a tree; its values are often those of a resource."""
    if depth and chance.random() < 0.5:
        kind = chance.choice(("and", "or", "not", "having"))
        if kind == "not":
            return ("not", grow(chance, resources, depth - 1))
        if kind == "having":
            part = (
                "and",
                *(leaf(chance, resources, ("value", "type"), "emails.") for _ in range(chance.randint(1, 2))),
            )
            return ("having", part)
        return (kind, *(grow(chance, resources, depth - 1) for _ in range(chance.randint(2, 3))))
    return leaf(chance, resources, (*TEXTS, *EXACT, *TRUTHS, *MOMENTS), "")


def leaf(chance: random.Random, resources: list[dict[str, Any]], names: tuple[str, ...], prefix: str) -> Tree:
    """Return a comparison or a test for presence."""
    name = chance.choice(names)
    if chance.random() < 0.1:
        return ("pr", name)
    full = prefix + name
    present = [str(one) for resource in resources for one in values(resource, full) if one is not None]
    if full in TRUTHS:
        return ("compare", name, chance.choice(("eq", "ne")), chance.choice((True, False, None)))
    if full in MOMENTS:
        return ("compare", name, chance.choice(("eq", "ne", "gt", "ge", "lt", "le")), chance.choice(present))
    if chance.random() < 0.05:
        return ("compare", name, chance.choice(("eq", "ne")), None)
    word = chance.choice(WORDS) if chance.random() < 0.4 or not present else piece(chance, chance.choice(present))
    return ("compare", name, chance.choice(OPERATORS), word)


def piece(chance: random.Random, text: str) -> str:
    """Return a part of a text, or all of it."""
    begin = chance.choice((0, 0, chance.randint(0, len(text))))
    end = chance.choice((len(text), len(text), chance.randint(begin, len(text))))
    found = text[begin:end]
    return chance.choice((found, found, found.swapcase()))


def write(chance: random.Random, tree: Tree) -> str:
    """Return a tree as text, with names and operators in any case and more brackets than are needed."""
    match tree:
        case ("compare", name, operator, value):
            return f"{cased(chance, name)} {cased(chance, operator)} {json.dumps(value, ensure_ascii=chance.random() < 0.5)}"
        case ("pr", name):
            return f"{cased(chance, name)} {cased(chance, 'pr')}"
        case ("not", part):
            return f"{cased(chance, 'not')} ({write(chance, part)})"
        case ("having", part):
            return f"{cased(chance, 'emails')}[{write(chance, part)}]"
        case (joint, *parts):
            return f" {cased(chance, joint)} ".join(f"({write(chance, part)})" for part in parts)
    raise AssertionError(tree)


def cased(chance: random.Random, word: str) -> str:
    """Return a word in some case."""
    return chance.choice((word, word, word.upper(), word.lower()))


def holds(tree: Tree, resource: dict[str, Any], prefix: str = "") -> bool:
    """Tell whether a resource matches."""
    match tree:
        case ("compare", name, operator, value):
            return any(compares(prefix + name, one, operator, value) for one in values(resource, prefix + name))
        case ("pr", name):
            return any(one not in (None, "") for one in values(resource, prefix + name))
        case ("not", part):
            return not holds(part, resource, prefix)
        case ("having", part):
            return any(holds(part, {"emails": [one]}, "emails.") for one in resource["emails"])
        case ("and", *parts):
            return all(holds(part, resource, prefix) for part in parts)
        case ("or", *parts):
            return any(holds(part, resource, prefix) for part in parts)
    raise AssertionError(tree)


def values(resource: dict[str, Any], name: str) -> list[Any]:
    """Return the values of an attribute; one None where there is none."""
    top, _, sub = name.partition(".")
    found = resource.get(top)
    if isinstance(found, list):
        return [one.get(sub or "value") for one in found]
    return [(found or {}).get(sub) if sub else found]


def compares(name: str, found: Any, operator: str, value: Any) -> bool:
    """Compare one value."""
    if value is None or found is None:
        return (found is None) == (value is None) if operator == "eq" else operator == "ne" and found is not value
    if name in MOMENTS:
        found, value = datetime.fromisoformat(found), datetime.fromisoformat(value)
    elif name in TEXTS:
        found, value = found.lower(), value.lower()
    match operator:
        case "eq":
            return bool(found == value)
        case "ne":
            return bool(found != value)
        case "co":
            return value in found
        case "sw":
            return bool(found.startswith(value))
        case "ew":
            return bool(found.endswith(value))
        case "gt":
            return bool(found > value)
        case "ge":
            return bool(found >= value)
        case "lt":
            return bool(found < value)
    return bool(found <= value)
