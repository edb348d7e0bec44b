"""The queue's pure decisions."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from homeport.kit.errors import BadRequest
from homeport.provisioning import rules
from homeport.provisioning.schemas import CompleteJobRequest, LogLine
from homeport.provisioning.types import BuildResult, ProvisionedAgent, ProvisionedResource

ME = uuid4()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.requirement("QUEUE-TAGS-01")
@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ({}, {"scope": "organization", "owner": ""}),
        ({"scope": "organization", "owner": "x"}, {"scope": "organization", "owner": ""}),
        ({"scope": "", "a": "b"}, {"scope": "organization", "owner": "", "a": "b"}),
        ({"scope": "user"}, {"scope": "user", "owner": str(ME)}),
        ({"Größe =, ✓": "a b"}, {"scope": "organization", "owner": "", "Größe =, ✓": "a b"}),
        ({"scope": "user", "owner": str(uuid4())}, {"scope": "user", "owner": str(ME)}),
    ],
)
def test_tags_always_name_a_scope_and_an_owner(given, normal) -> None:
    assert rules.normalize_tags(given, ME) == normal


@pytest.mark.requirement("QUEUE-TAGS-01")
@pytest.mark.parametrize(
    "tags",
    [
        {"scope": "galaxy"},
        {"a": "x" * 257},
        {"x" * 257: "a"},
        {"a": "\x00"},
        {"a\n": "b"},
        {"a": "\x7f"},
        {"a": "\u202eb"},
        {"": "x"},
        {" ": ""},
        {str(n): "" for n in range(65)},
    ],
)
def test_tags_that_cannot_be_meant_are_refused(tags) -> None:
    with pytest.raises(BadRequest) as caught:
        rules.normalize_tags(tags, ME)
    assert caught.value.validations[0].field == "tags"
    assert str(caught.value.validations[0].detail).isprintable()


def test_the_user_scope_needs_a_user() -> None:
    with pytest.raises(BadRequest):
        rules.normalize_tags({"scope": "user"}, None)


@pytest.mark.requirement("QUEUE-AUTH-03")
@pytest.mark.parametrize(
    ("version", "is_accepted"),
    [("2.3", True), ("2.2", True), ("2.0", True), ("1.9", True), ("2.4", False), ("2.10", False), ("3.0", False)],
)
def test_a_newer_protocol_is_refused_readably_and_an_older_one_served(version, is_accepted, monkeypatch) -> None:
    monkeypatch.setattr(rules, "API_VERSION", (2, 3))
    if is_accepted:
        rules.require_version(version)
    else:
        with pytest.raises(BadRequest, match=rf"daemon speaks version {version} .* server only 2.3. Update the server"):
            rules.require_version(version)


@pytest.mark.requirement("QUEUE-LOGS-02")
def test_lines_are_bounded_and_hold_no_nul() -> None:
    long, nul = rules.clean_lines([LogLine(output="x" * 100_000), LogLine(output="a\x00b\r\n", stage="s\x00")])
    assert len(long.output) == rules.LINE_LIMIT
    assert long.output.endswith("(line cut)")
    assert (nul.output, nul.stage) == ("ab", "s")
    (odd,) = rules.clean_lines([LogLine(output="x", created_at=datetime.min.replace(tzinfo=UTC))])
    assert odd.created_at is None


@pytest.mark.requirement("QUEUE-LOGS-02")
def test_lines_are_split_where_the_room_ends() -> None:
    first, second = LogLine(output="é" * 10), LogLine(output="b")
    size = 20 + rules.LINE_COST
    assert rules.lines_size([first, second]) == size + 1 + rules.LINE_COST
    assert rules.split_lines([first, second], size) == ([first], [second])
    assert rules.split_lines([first, second], size - 1) == ([], [first, second])
    assert rules.split_lines([first, second], 1000) == ([first, second], [])
    assert rules.last_lines([first, second], size) == [second]
    assert rules.last_lines([first, second], 1000) == [first, second]


def test_nul_is_found_at_any_depth() -> None:
    agent = ProvisionedAgent(name="main", env={"A": "\x00"})
    deep = CompleteJobRequest(
        workspace_build=BuildResult(resources=[ProvisionedResource(type="t", name="n", agents=[agent])])
    )
    with pytest.raises(BadRequest) as caught:
        rules.refuse_nul(deep)
    assert caught.value.validations[0].field == "workspace_build.resources[0].agents[0].env.A"
    rules.refuse_nul(CompleteJobRequest(workspace_build=BuildResult(state=b"\x00")))


def test_life_and_force() -> None:
    assert rules.is_alive(NOW - timedelta(seconds=89), NOW)
    assert not rules.is_alive(NOW - timedelta(seconds=90), NOW)
    assert not rules.is_alive(None, NOW)
    assert not rules.is_forced(None, NOW, timedelta(0))
    assert not rules.is_forced(NOW, NOW + timedelta(minutes=9), timedelta(minutes=10))
    assert rules.is_forced(NOW, NOW + timedelta(minutes=10), timedelta(minutes=10))
