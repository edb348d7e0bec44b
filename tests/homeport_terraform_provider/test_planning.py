"""Defaults, what was before, and states of other shapes, without Terraform."""

import pytest

from homeport_terraform_provider.planning import check, conform, fill
from homeport_terraform_provider.resources.agent import AGENT
from homeport_terraform_provider.schema import BOOL, NUMBER, STRINGS, TEXTS, Block, computed, nested, optional, required
from homeport_terraform_provider.values import UNKNOWN, Problems, Unknown

LATE = Unknown(12, b"\x81\x01\xc2")
BLOCK = Block(
    attributes={
        "name": required(),
        "size": optional(NUMBER, default=3),
        "form": optional(is_computed=True),
        "note": optional(),
        "id": computed(),
    },
    blocks={"part": nested({"key": required(), "on": optional(BOOL, default=False), "seen": computed()})},
)


@pytest.mark.requirement("TF-PROVIDER-04")
@pytest.mark.parametrize(
    ("config", "prior", "wanted"),
    [
        ({"name": "a"}, None, {"name": "a", "size": 3, "form": UNKNOWN, "note": None, "id": UNKNOWN, "part": []}),
        (
            {"name": LATE, "size": LATE, "note": LATE, "part": LATE},
            {"size": 9, "form": "x", "note": "y", "id": "i", "part": [{}]},
            {"name": LATE, "size": LATE, "form": "x", "note": LATE, "id": "i", "part": LATE},
        ),
        (
            {"name": "a", "size": 0, "part": [{"key": "k"}, LATE, {"key": "l", "on": True}]},
            {"size": 9, "id": "i", "part": [{"key": "k", "seen": "s"}]},
            {
                "name": "a",
                "size": 0,
                "form": UNKNOWN,
                "note": None,
                "id": "i",
                "part": [{"key": "k", "on": False, "seen": "s"}, LATE, {"key": "l", "on": True, "seen": UNKNOWN}],
            },
        ),
    ],
)
def test_what_is_not_said_has_its_default_or_is_as_before(config, prior, wanted) -> None:
    assert fill(BLOCK, config, prior) == wanted


@pytest.mark.requirement("TF-PROVIDER-05")
def test_what_is_unknown_is_not_judged_but_must_not_be_set() -> None:
    problems = Problems()
    check(AGENT.block, {"os": LATE, "arch": LATE, "metadata": [LATE], "display_apps": LATE, "token": LATE}, problems)
    assert [(problem.path, problem.summary) for problem in problems.found] == [(("token",), "'token' cannot be set")]


@pytest.mark.requirement("TF-PROVIDER-06")
def test_a_state_of_another_shape_is_brought_into_this_one() -> None:
    block = Block(
        attributes={
            "text": optional(),
            "flag": optional(BOOL),
            "number": optional(NUMBER),
            "list": optional(STRINGS),
            "map": optional(TEXTS),
            "roles": optional(["list", ["object", {"name": "string"}]]),
            "missing": optional(),
        },
        blocks={"one": nested({"key": optional()}, most=1), "gone": nested({})},
    )
    raw = {
        "text": True,
        "flag": "true",
        "number": "7",
        "list": [1, "a"],
        "map": {"a": False},
        "roles": [{"name": "x", "more": 1}, 3],
        "one": {"key": 5},
        "gone": None,
        "unheard": "of",
    }
    assert conform(block, raw) == {
        "text": "true",
        "flag": True,
        "number": None,
        "list": ["1", "a"],
        "map": {"a": "false"},
        "roles": [{"name": "x"}, None],
        "missing": None,
        "one": [{"key": "5"}],
        "gone": [],
    }
