"""Values of claims, whatever form providers give them."""

from typing import Any

import pytest

from homeport.organizations.rules.claims import MOST_TEXT, MOST_VALUES, UnusableClaim, claim_values, find_claim

LONG = "x" * 1025


@pytest.mark.requirement("SYNC-CLAIM-01")
@pytest.mark.parametrize(
    ("claim", "values"),
    [
        (["a", "b", "a"], ("a", "b")),
        ([" a ", "", "  "], ("a",)),
        ("a", ("a",)),
        ("", ()),
        ("a, b,c", ("a", "b", "c")),
        ("Platform Team", ("Platform Team",)),
        ('["a", "b c"]', ("a", "b c")),
        ("[a, b c]", ("a", "b c")),
        ("[]", ()),
        ("[ ]", ()),
        (["a,b", "c d"], ("a,b", "c d")),
        ([1, 2.5, True, None, {"x": 1}, ["y"]], ("1", "2.5")),
        (7, ("7",)),
        (False, ()),
        ([None, "", " ", [], {}, False], ()),
        (None, ()),
        ({"admin": {"org": "1"}, "dev": {}}, ("admin", "dev")),
        (["a\x00", "\ud800", LONG, "b"], ("b",)),
    ],
)  # fmt: skip
def test_a_claim_is_read_in_every_form_that_providers_send(claim: Any, values: tuple[str, ...]) -> None:
    assert claim_values({"groups": claim}, "groups") == values


@pytest.mark.requirement("SYNC-CLAIM-01")
def test_words_are_split_only_where_a_standard_says_so() -> None:
    said = {"scope": "a b", "scp": "a  b", "roles": "a b", "token": {"scope": "c d"}}
    assert [claim_values(said, name) for name in ("scope", "scp", "roles", "token.scope")] == [
        ("a", "b"), ("a", "b"), ("a b",), ("c", "d"),
    ]  # fmt: skip


@pytest.mark.requirement("SYNC-CLAIM-01")
def test_a_text_that_somebody_has_mapped_is_one_value() -> None:
    name = "CN=admins,OU=groups"
    assert claim_values({"g": name}, "g", known={name}) == (name,)
    assert claim_values({"g": name}, "g") == ("CN=admins", "OU=groups")
    assert claim_values({"g": [name]}, "g") == (name,)


@pytest.mark.requirement("SYNC-CLAIM-02")
@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("realm_access.roles", ["r"]),
        ("https://example.com/groups", ["u"]),
        ("https://example.com/app.roles", ["n"]),
        ("a.b.c", 1),
        ("a.b", "flat"),
        ("a.x", None),
        ("realm_access.roles.0", None),
        ("missing", None),
        ("", None),
        (".", None),
        ("a." * 100, None),
    ],
)
def test_a_claim_is_found_by_its_name_and_then_by_a_path(field: str, found: Any) -> None:
    said = {
        "realm_access": {"roles": ["r"]},
        "https://example.com/groups": ["u"],
        "https://example.com/app": {"roles": ["n"]},
        "a.b": "flat",
        "a": {"b": {"c": 1}},
    }
    assert find_claim(said, field) == found


@pytest.mark.requirement("SYNC-CLAIM-03")
def test_a_text_that_is_no_list_after_all_is_read_as_words() -> None:
    deep = "[" * 5000 + "]" * 5000
    assert claim_values({"g": f"{deep},a"}, "g") == ("a",)
    assert claim_values({"g": "[a, [b]"}, "g") == ("a", "[b")


@pytest.mark.requirement("SYNC-CLAIM-03")
@pytest.mark.parametrize("claim", [True, [{"id": "a"}], [["a"]], [True], "[" * 5000 + "]" * 5000, LONG, ["a\x00"]])
def test_a_claim_in_which_nothing_is_a_value_is_not_an_empty_one(claim: Any) -> None:
    with pytest.raises(UnusableClaim, match="nothing in it"):
        claim_values({"g": claim}, "g")


@pytest.mark.requirement("SYNC-CLAIM-03")
def test_the_bound_of_values_is_exact() -> None:
    most = [str(number) for number in range(MOST_VALUES)]
    assert len(claim_values({"g": most}, "g")) == MOST_VALUES
    with pytest.raises(UnusableClaim, match="more than"):
        claim_values({"g": [*most, "one more"]}, "g")
    with pytest.raises(UnusableClaim, match="longer"):
        claim_values({"g": "x" * (MOST_TEXT + 1)}, "g")


@pytest.mark.requirement("SYNC-CLAIM-03")
def test_a_claim_that_the_provider_left_out_for_its_length_is_not_an_empty_one() -> None:
    said = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}
    with pytest.raises(UnusableClaim, match="left it out"):
        claim_values(said, "groups")
    assert claim_values(said, "roles") == ()
    assert claim_values({**said, "groups": ["a"]}, "groups") == ("a",)
