"""Secrets in lines."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from homeport_provisioner.terraform import masking
from homeport_provisioner.terraform.masking import HIDDEN, MASK, Masker, sensitive_values
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


SECRET = "pä&ss <wo'rd>/\"x"


@pytest.mark.requirement("TF-SECRET-03")
@pytest.mark.parametrize(
    "write",
    [
        lambda text: json.dumps({"k": text}),
        lambda text: json.dumps({"k": text}, ensure_ascii=False),
        lambda text: json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False),
        lambda text: json.dumps(text, ensure_ascii=False).replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"),
        lambda text: f"https://me:{quote(text, safe='$&+,;=')}@host/{quote(text)}?q={quote_plus(text)}",
        html.escape,
        lambda text: text.replace("'", "'\\''"),
    ],
)  # fmt: skip
def test_secrets_are_masked_as_programs_write_them(write: Callable[[str], str]) -> None:
    masked = Masker([SECRET]).mask(write(SECRET))
    assert MASK in masked
    assert not any(part in masked for part in ("ss", "wo", "rd"))


@pytest.mark.requirement("TF-SECRET-03")
@pytest.mark.parametrize("before", ["", "u:", "user:", "user1:"])
@pytest.mark.parametrize("after", ["", "\n", "@host"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_secrets_are_masked_in_base64_wherever_they_stand(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    secret = "correct?horse~battery>staple"
    encoded = encode(f"{before}{secret}{after}".encode()).decode()
    masked = Masker([secret]).mask(f"Authorization: Basic {encoded}")
    assert MASK in masked
    # Up to a few bits on both sides of it, which belong to its neighbours as well.
    assert len(masked.replace(MASK, "")) <= len("Authorization: Basic ") + len(before + after) * 4 / 3 + 8


@pytest.mark.requirement("TF-SECRET-03")
@pytest.mark.parametrize("width", [64, 76])
def test_base64_that_is_broken_into_lines_is_masked(width: int) -> None:
    secret = bytes(range(33, 126)).decode() * 3
    encoded = base64.b64encode(secret.encode()).decode()
    masker = Masker([secret])
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    assert [masker.mask(line).rstrip("=") for line in lines] == [MASK] * len(lines)


@pytest.mark.requirement("TF-SECRET-03")
def test_lines_of_diagnostics_are_masked_when_they_run_together() -> None:
    assert Masker(["pin 1\npin  2\n"]).mask("Error: pin 1 pin 2 is wrong") == f"Error: {MASK} is wrong"


@pytest.mark.requirement("TF-SECRET-03")
def test_nothing_is_shown_when_there_is_too_much_to_look_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_MOST_FORMS", 50)
    masker = Masker(f"sec{number}" for number in range(60))
    assert (masker.mask("sec59"), masker.mask("anything"), masker.mask("")) == (HIDDEN, HIDDEN, "")


@pytest.mark.requirement("TF-SECRET-03")
def test_many_secrets_are_all_found_and_the_longest_counts() -> None:
    secrets = [f"{first}{'x' * length}-" for first in "abc" for length in range(2, 30)] + ["axxxxxxxxxxx"]
    masker = Masker(secrets)
    assert {masker.mask(secret) for secret in secrets} == {MASK}
    assert masker.mask("axx-y") == f"{MASK}y"
    assert masker.mask("dxx-") == "dxx-"


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
