"""Words for moments, lengths and states; values of forms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeport.kit.errors import BadRequest, Conflict, FieldError, NotFound
from homeport.templates.schemas import TemplateVersionParameter, TemplateVersionParameterOption
from homeport.web.forms import Form, Problems
from homeport.web.parameters import build_fields, read_values
from homeport.web.wording import duration, emblem, how_long_ago, status_kind
from homeport.workspaces.rules.status import STATUSES

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"), (-9, "just now"), (59, "59 seconds ago"), (60, "1 minute ago"), (-120, "in 2 minutes"),
        (3599, "59 minutes ago"), (7200, "2 hours ago"), (86400, "1 day ago"), (86400 * 29, "29 days ago"),
        (86400 * 40, "2026-03-25"), (-86400 * 40, "2026-06-13"),
    ],
)  # fmt: skip
def test_moments_are_said_in_words(seconds: int, words: str):
    assert how_long_ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0.0 s"), (1.44, "1.4 s"), (125, "2 min 5 s"), (7260, "2 h 1 min"), (-5, "0.0 s")]
)
def test_lengths_are_said_in_words(seconds: float, words: str):
    assert duration(NOW, NOW + timedelta(seconds=seconds)) == words
    assert duration(None, NOW) == duration(NOW, None) == ""


def test_every_status_has_a_colour():
    assert {status_kind(status) for status in STATUSES} == {"good", "bad", "busy", "warn", "idle"}
    assert status_kind("start_error") == status_kind("shutdown_timeout") == "bad"


def parameter(name: str, type: Any = "string", *, options: tuple[str, ...] = (), **more) -> TemplateVersionParameter:
    given = {
        "description": "", "description_plaintext": "", "form_type": "", "mutable": True, "default_value": "",
        "icon": "", "required": False, "ephemeral": False, **more,
    }  # fmt: skip
    choices = [TemplateVersionParameterOption(value, "", value, "") for value in options]
    return TemplateVersionParameter(name=name, type=type, options=choices, **given)


@pytest.mark.requirement("WEB-FORMS-02")
@pytest.mark.parametrize(
    ("declared", "sent", "value"),
    [
        (parameter("p"), ["text "], "text "),
        (parameter("p"), [""], ""),
        (parameter("p"), [], None),
        (parameter("p", required=True), [""], None),
        (parameter("p", form_type="textarea"), ["a\r\nb"], "a\nb"),
        (parameter("p", "number"), [" 7 "], "7"),
        (parameter("p", "number"), [""], None),
        (parameter("p", "bool"), ["true"], "true"),
        (parameter("p", "bool"), [], "false"),
        (parameter("p", "bool"), ["maybe"], "false"),
        (parameter("p", options=("a", "b")), ["b"], "b"),
        (parameter("p", options=("a", "b")), [""], None),
        (parameter("p", "list(string)"), ["a\r\n\r\n b "], '["a","b"]'),
        (parameter("p", "list(string)"), [""], "[]"),
        (parameter("p", "list(string)", options=("a", "b")), ["a", "b"], '["a","b"]'),
        (parameter("p", "list(string)", options=("a", "b")), [], "[]"),
        (parameter("p", "list(string)", options=('["a"]',), form_type="radio"), ['["a"]'], '["a"]'),
        (parameter("p", "bool", options=("true", "false"), form_type="dropdown"), ["true"], "true"),
        (parameter("p", "bool", form_type="switch"), [], "false"),
    ],
)
def test_fields_of_a_form_become_values(declared: TemplateVersionParameter, sent: list[str], value: str | None):
    form = Form([("parameter.p", each) for each in sent])
    assert read_values([declared], form, is_first_build=True).get("p") == value


@pytest.mark.requirement("WEB-FORMS-02")
def test_fixed_values_are_not_read_after_the_first_build():
    fixed = parameter("p", mutable=False)
    form = Form([("parameter.p", "new")])
    assert read_values([fixed], form, is_first_build=True) == {"p": "new"}
    assert read_values([fixed], form, is_first_build=False) == {}
    field = build_fields([fixed], values={"p": "old"}, problems={}, is_first_build=False)[0]
    assert (field.is_locked, field.value) == (True, "old")


@pytest.mark.requirement("WEB-FORMS-02")
def test_kinds_of_fields_follow_the_declaration():
    many = tuple("abcdefgh")
    declared = [
        parameter("text"), parameter("area", form_type="textarea"), parameter("number", "number"),
        parameter("bool", "bool"), parameter("radio", options=("a", "b")), parameter("select", options=many),
        parameter("dropdown", options=("a",), form_type="dropdown"), parameter("list", "list(string)"),
        parameter("checks", "list(string)", options=("a",)),
        parameter("switch", "bool", form_type="switch"), parameter("yes", "bool", options=("true",), form_type="radio"),
        parameter("whole", "list(string)", options=('["a"]',), form_type="radio"),
        parameter("slider", "number", form_type="slider", validation_min=0, validation_max=9),
        parameter("endless", "number", form_type="slider", validation_min=0),
    ]  # fmt: skip
    fields = build_fields(declared, values={"list": "not json"}, problems={"text": "wrong"}, is_first_build=True)
    kinds = ["text", "textarea", "number", "checkbox", "radio", "select", "select", "list", "checks"]
    kinds += ["switch", "radio", "radio", "slider", "number"]
    assert [field.kind for field in fields] == kinds
    assert fields[0].problem == "wrong"
    assert fields[7].value == ""
    assert len({field.id for field in fields}) == len(fields)


@pytest.mark.requirement("WEB-FORMS-01")
def test_problems_without_a_field_are_told_in_the_summary():
    error = BadRequest("No.", validations=[FieldError("name", "Bad."), FieldError("ttl_ms", "Too long.")])
    problems = Problems(error, known=frozenset({"name"}))
    assert problems.of("name") == "Bad."
    assert problems.summary == "No. ttl_ms: Too long."
    with pytest.raises(NotFound):
        Problems(NotFound("Gone."))


@pytest.mark.requirement("WEB-ORG-01")
@pytest.mark.parametrize(
    ("icon", "shown"),
    [
        ("🚀", "🚀"), ("/emojis/1f680.png", "🚀"), ("/emojis/1f1e9-1f1ea.png", "🇩🇪"), ("", "A"), ("/icon/a.svg", "A"),
        ("https://evil.example/x.png", "A"), ("<script>", "A"), ("/emojis/0041.png", ""), ("/emojis/d800.png", ""),
        ("/emojis/ffffff.png", ""), ("\u202e", "A"),
    ],
)  # fmt: skip
def test_an_icon_is_an_emoji_or_the_first_letter(icon: str, shown: str):
    assert emblem(icon, "acme") == (shown or "A")
    assert emblem("", "") == ""


@pytest.mark.requirement("WEB-FORMS-01")
def test_what_a_refusal_explains_is_told_as_well():
    problems = Problems(Conflict("Not empty.", detail="There is 1 template in it."))
    assert (problems.status, problems.summary, problems.detail) == (409, "Not empty.", "There is 1 template in it.")
