"""What values mean: organizations, groups, roles and admission, as tables; and which settings may be stored."""

import time
from typing import Any
from uuid import UUID

import pytest

from homeport.kit.errors import BadRequest
from homeport.organizations.rules.claims import UnusableClaim
from homeport.organizations.rules.naming import is_made_up, is_showable, names_for
from homeport.organizations.rules.sync_settings import (
    changed_mapping,
    check_field,
    check_groups,
    check_mapping,
    mapping_lines,
    new_targets,
)
from homeport.organizations.rules.syncing import is_admitted, wanted_groups, wanted_names, wanted_organizations
from homeport.organizations.schemas import IDPSyncMapping
from homeport.organizations.types import GroupSync, OrganizationSync

DEFAULT, RED, BLUE = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.requirement("SYNC-ORG-01")
@pytest.mark.parametrize(
    ("values", "has_default", "wanted"),
    [
        ((), True, {DEFAULT}),
        ((), False, set()),
        (("red",), False, {RED}),
        (("both", "red"), True, {RED, BLUE, DEFAULT}),
        (("unknown", "RED"), False, set()),
    ],
)
def test_values_lead_to_organizations_by_the_mapping_alone(
    values: tuple[str, ...], has_default: bool, wanted: set[UUID]
) -> None:
    settings = OrganizationSync(field="g", mapping={"red": [RED], "both": [RED, BLUE]}, assign_default=has_default)
    assert wanted_organizations(settings, values, DEFAULT) == wanted


@pytest.mark.requirement("SYNC-GROUP-01")
@pytest.mark.parametrize(
    ("changes", "values", "ids", "names"),
    [
        ({}, ("a", "A", "b"), set(), ("a", "b")),
        ({"mapping": {"a": [RED, BLUE]}}, ("a", "b"), {RED, BLUE}, ("b",)),
        ({"legacy_group_name_mapping": {"a": "x"}}, ("a", "b"), set(), ("x", "b")),
        ({"mapping": {"a": [RED]}, "legacy_group_name_mapping": {"a": "x"}}, ("a",), {RED}, ()),
        ({"regex_filter": "^dev-"}, ("dev-a", "ops-dev-b"), set(), ("dev-a",)),
        ({"regex_filter": "^x$", "legacy_group_name_mapping": {"a": "x"}}, ("a", "b"), set(), ("x",)),
        ({"regex_filter": "^x$", "mapping": {"a": [RED]}}, ("a",), {RED}, ()),
        ({"mapping": {"a": [DEFAULT]}}, ("a", "everyone", "Everyone"), set(), ()),
        ({"regex_filter": ""}, ("a",), set(), ("a",)),
    ],
)
def test_values_lead_to_groups_by_id_by_another_name_and_by_name(
    changes: dict[str, Any], values: tuple[str, ...], ids: set[UUID], names: tuple[str, ...]
) -> None:
    wanted = wanted_groups(GroupSync(field="g", **changes), values, everyone_id=DEFAULT)
    assert (set(wanted.ids), wanted.names) == (ids, names)


@pytest.mark.requirement("SYNC-GROUP-02")
def test_a_filter_that_backtracks_for_ever_elsewhere_is_answered_or_refused_soon() -> None:
    began = time.process_time()
    settings = GroupSync(field="g", regex_filter="^(a+)+$")
    wanted = wanted_groups(settings, ["a" * 1000 + "!", "aaa"], everyone_id=DEFAULT)
    assert wanted.names == ("aaa",)
    with pytest.raises(UnusableClaim, match="too many and too long"):
        wanted_groups(settings, [f"{number}" + "a" * 1000 + "!" for number in range(2000)], everyone_id=DEFAULT)
    assert time.process_time() - began < 5


@pytest.mark.requirement("SYNC-ROLE-01")
def test_values_lead_to_roles_by_the_mapping_else_by_their_own_name() -> None:
    mapping = {"boss": ["owner", "auditor"], "nobody": []}
    assert wanted_names(mapping, ("boss", "user-admin", "nobody")) == {"owner", "auditor", "user-admin"}


@pytest.mark.requirement("SYNC-ALLOWED-01")
@pytest.mark.parametrize(
    ("allowed", "values", "mapping", "is_let_in"),
    [
        ((), (), {}, True),
        (("dev",), ("ops", "dev"), {}, True),
        (("dev",), ("ops",), {}, False),
        (("dev",), (), {}, False),
        (("dev",), ("g-1",), {"g-1": "dev"}, True),
        (("dev",), ("dev",), {"dev": "ops"}, False),
        (("dev",), ("DEV",), {}, False),
    ],
)
def test_groups_are_let_in_by_their_names_after_the_mapping(
    allowed: tuple[str, ...], values: tuple[str, ...], mapping: dict[str, str], is_let_in: bool
) -> None:
    assert is_admitted(allowed, values, mapping) is is_let_in


@pytest.mark.requirement("SYNC-API-02")
@pytest.mark.parametrize("field", ["x" * 257, "a\nb", "a\x00", "\ud800"])
def test_a_name_of_a_claim_is_short_and_printable(field: str) -> None:
    assert check_field("  groups ") == "groups"
    with pytest.raises(BadRequest) as error:
        check_field(field)
    assert [one.field for one in error.value.validations] == ["field"]


@pytest.mark.requirement("SYNC-API-02")
@pytest.mark.parametrize(
    "mapping",
    [
        {"": [RED]}, {" a": [RED]}, {"x" * 1025: [RED]}, {"a\x00": [RED]},
        {str(number): [RED] for number in range(2001)}, {"a": [UUID(int=number) for number in range(201)]},
    ],
)  # fmt: skip
def test_a_mapping_is_bounded_and_its_values_could_come_from_a_claim(mapping: dict[str, list[UUID]]) -> None:
    with pytest.raises(BadRequest) as error:
        check_mapping(mapping)
    assert [one.field for one in error.value.validations] == ["mapping"]


@pytest.mark.requirement("SYNC-API-02")
def test_a_mapping_holds_each_target_once_and_no_value_without_any() -> None:
    assert check_mapping({"a": [RED, BLUE, RED], "b": []}) == {"a": [RED, BLUE]}


@pytest.mark.requirement("SYNC-API-02")
@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (GroupSync(regex_filter="(a"), "regex_filter"),
        (GroupSync(regex_filter=r"(a)\1"), "regex_filter"),
        (GroupSync(regex_filter="x" * 2001), "regex_filter"),
        (GroupSync(legacy_group_name_mapping={"a": "everyone "}), "legacy_group_name_mapping"),
        (GroupSync(legacy_group_name_mapping={"a": "x" * 65 + "_"}), "legacy_group_name_mapping"),
        (GroupSync(legacy_group_name_mapping={"": "x"}), "legacy_group_name_mapping"),
    ],
)
def test_settings_of_groups_are_refused_by_field(settings: GroupSync, field: str) -> None:
    with pytest.raises(BadRequest) as error:
        check_groups(settings)
    assert [one.field for one in error.value.validations] == [field]


@pytest.mark.requirement("SYNC-API-03")
def test_lines_are_taken_out_and_put_in() -> None:
    before = {"a": [RED, BLUE], "b": [RED]}
    after = changed_mapping(before, add=[("c", BLUE), ("a", BLUE)], remove=[("a", RED), ("b", RED), ("z", RED)])
    assert after == {"a": [BLUE], "c": [BLUE]}
    assert new_targets({"a": [RED]}, after) == {BLUE}
    assert before == {"a": [RED, BLUE], "b": [RED]}


@pytest.mark.requirement("SYNC-API-03")
def test_lines_are_read_with_small_and_capital_letters() -> None:
    lines = [IDPSyncMapping(given="a", gets=str(RED)), IDPSyncMapping(given_capital="b", gets_capital=str(BLUE))]
    assert mapping_lines(lines, "add", UUID) == [("a", RED), ("b", BLUE)]
    for line in (IDPSyncMapping(given="a"), IDPSyncMapping(gets=str(RED)), IDPSyncMapping(given="a", gets="b")):
        with pytest.raises(BadRequest) as error:
            mapping_lines([line], "remove", UUID)
        assert [one.field for one in error.value.validations] == ["remove"]


@pytest.mark.parametrize(
    ("name", "can_be_shown"), [("dev", True), ("Platform Team", True), ("x" * 65 + "_", False), ("a\n", False)]
)
def test_a_group_is_made_of_what_can_be_shown(name: str, can_be_shown: bool) -> None:
    assert is_showable(name) is can_be_shown


@pytest.mark.requirement("SYNC-GROUP-04")
@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("dev", ["dev", "dev", "dev-1"]),
        ("Platform Team", ["platform-team", "platform-team-1"]),
        ("Everyone", ["everyone-1"]),
        ("x" * 70, ["x" * 70]),
        ("x" * 65 + "_", []),
    ],
)
def test_names_for_a_group_are_near_what_the_provider_says(wanted: str, names: list[str]) -> None:
    assert list(names_for(wanted, ["1"])) == names


@pytest.mark.requirement("SYNC-GROUP-04")
@pytest.mark.parametrize(
    ("name", "shown", "is_so"),
    [
        ("platform-team", "Platform Team", True),
        ("dev", "Developers of all", False),
        ("dev", "", False),
        ("dev", "dev", False),
        ("dev", "Dev", False),
        ("dev-team", "dev team", True),
    ],
)
def test_a_made_up_name_is_told_from_one_that_somebody_gave(name: str, shown: str, is_so: bool) -> None:
    assert is_made_up(name, shown) is is_so
