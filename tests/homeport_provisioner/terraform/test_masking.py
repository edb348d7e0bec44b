"""Secrets in lines."""

import pytest

from homeport_provisioner.terraform.masking import MASK, Masker, sensitive_values
from homeport_provisioner.terraform.variables import secrets_of
from homeport_sdk.provisioner_protocol import VariableValue


@pytest.mark.requirement("TF-SECRET-01")
@pytest.mark.parametrize(
    ("secrets", "line", "masked"),
    [
        (["hunter2"], "a hunter2 b hunter2", f"a {MASK} b {MASK}"),
        (["abc", "abcdef"], "abcdef abc", f"{MASK} {MASK}"),
        (['quo"te\\'], r'{"x": "quo\"te\\"}', f'{{"x": "{MASK}"}}'),
        (["first line of a key\nsecond line of a key"], "second line of a key", MASK),
        (["a+b(c"], "xa+b(cx", f"x{MASK}x"),
        (["true", "12", ""], "true 12", "true 12"),
    ],
)
def test_secrets_are_masked(secrets: list[str], line: str, masked: str) -> None:
    assert Masker(secrets).mask(line) == masked


@pytest.mark.requirement("TF-SECRET-01")
def test_what_sensitive_lists_and_maps_hold_is_secret() -> None:
    variables = {
        "a": VariableValue(name="a", value='{"k": ["json-secret"]}', sensitive=True),
        "b": VariableValue(name="b", value='{ k = "hcl-secret" }', sensitive=True),
        "c": VariableValue(name="c", value='{"k": "plain"}', sensitive=False),
    }
    masker = Masker(secrets_of(variables))
    assert masker.mask("json-secret hcl-secret plain") == f"{MASK} {MASK} plain"


def test_a_masker_learns() -> None:
    masker = Masker()
    assert masker.mask("secret") == "secret"
    masker.add(["secret"])
    assert masker.mask("secret") == MASK


@pytest.mark.requirement("TF-SECRET-01")
def test_what_terraform_marks_is_found() -> None:
    outputs = {
        "o": {"sensitive": True, "value": {"deep": ["out-secret"]}},
        "p": {"sensitive": False, "value": "plain"},
    }
    root = {
        "resources": [
            {"values": {"a": "first", "b": "plain"}, "sensitive_values": {"a": True}},
            {"values": {"l": [{"x": "second", "y": "plain"}]}, "sensitive_values": {"l": [{"x": True}]}},
        ],
        "child_modules": [{"resources": [{"values": {"m": {"k": "third"}}, "sensitive_values": {"m": True}}]}],
    }
    prior = {"root_module": {"resources": [{"values": {"n": 8080}, "sensitive_values": {"n": True}}]}}
    change = {"before": {"q": "old"}, "before_sensitive": {"q": True}, "after": None, "after_sensitive": False}
    document = {
        "planned_values": {"outputs": outputs, "root_module": root},
        "prior_state": {"values": prior},
        "resource_changes": [{"change": change}],
    }
    assert set(sensitive_values(document)) == {"out-secret", "first", "second", "third", "8080", "old"}
    assert list(sensitive_values({"values": None})) == []
