"""Claims into a person: pure decisions (identity 7.4 and 7.5)."""

from typing import Any

import pytest

from homeport.identity.rules.claiming import (
    display_name_from,
    storable,
    username_from,
    username_with,
)
from homeport.identity.rules.oidc_claims import (
    Fields,
    is_true,
    linked_id_of,
    merge_access_token,
    merge_user_info,
    profile_of,
)
from homeport.kit.errors import HomeportError
from homeport.kit.names import is_valid_name, is_valid_username

ADA = {"email": "ada@example.com"}


@pytest.mark.requirement("OIDC-EMAIL-01")
@pytest.mark.parametrize(
    ("claims", "email"),
    [
        (ADA, "ada@example.com"),
        ({"email": " Ada@Example.com "}, "Ada@Example.com"),
        ({"preferred_username": "ada@example.com"}, "ada@example.com"),
        ({"email": None, "preferred_username": "ada@example.com"}, "ada@example.com"),
        ({"email": "", "preferred_username": "ada@example.com"}, "ada@example.com"),
    ],
)
def test_the_address_comes_from_its_claim_or_from_a_user_name_that_is_one(claims: dict[str, Any], email: str) -> None:
    assert profile_of(claims, Fields()).email == email


@pytest.mark.requirement("OIDC-EMAIL-02")
@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"preferred_username": "ada"},
        {"email": 7},
        {"email": ["ada@example.com"]},
        {"email": True},
        {"email": {"a": "b"}},
        {"email": "ada"},
        {"email": "a@b@c"},
        {"email": "a\x00@b"},
        {"email": "a\n@b.example"},
        {"email": f"{'a' * 300}@b.example"},
        {"email": 7, "preferred_username": "ada@example.com"},
    ],
)
def test_without_a_usable_address_nobody_signs_in(claims: dict[str, Any]) -> None:
    with pytest.raises(HomeportError) as refusal:
        profile_of(claims, Fields())
    assert (refusal.value.status, "email" in refusal.value.detail) == (400, True)


@pytest.mark.requirement("OIDC-EMAIL-03")
@pytest.mark.parametrize(
    ("verified", "may_come"),
    [
        (True, True), ("true", True), ("True", True), (None, True),
        (False, False), ("false", False), ("False", False), ("", False), (0, False), (1, False), ("yes", False), ([], False),
    ],
)  # fmt: skip
def test_an_address_that_is_not_verified_is_refused_whatever_form_the_switch_has(verified: Any, may_come: bool) -> None:
    claims = {**ADA, "email_verified": verified}
    if may_come:
        assert profile_of(claims, Fields()).email == "ada@example.com"
    else:
        with pytest.raises(HomeportError) as refusal:
            profile_of(claims, Fields())
        assert refusal.value.status == 403
    assert profile_of(claims, Fields(is_email_trusted=True)).email == "ada@example.com"


@pytest.mark.requirement("OIDC-EMAIL-03")
def test_a_claim_that_is_absent_leaves_it_to_the_operator() -> None:
    assert profile_of(ADA, Fields()).email == "ada@example.com"
    assert not is_true(None)


@pytest.mark.requirement("OIDC-EMAIL-04")
@pytest.mark.parametrize(
    ("domains", "email", "may_come"),
    [
        (("example.com",), "ada@example.com", True),
        (("EXAMPLE.com",), "ada@Example.COM", True),
        (("@example.com",), "ada@example.com", True),
        (("other.example", " example.com "), "ada@example.com", True),
        (("example.com",), "ada@sub.example.com", False),
        (("example.com",), "ada@badexample.com", False),
        (("example.com",), "ada@example.com.evil.example", False),
        (("com",), "ada@example.com", False),
        ((), "ada@anything.example", True),
        (("",), "ada@anything.example", True),
    ],
)
def test_domains_are_held_exactly(domains: tuple[str, ...], email: str, may_come: bool) -> None:
    fields = Fields(email_domains=domains)
    if may_come:
        assert profile_of({"email": email}, fields).email == email
    else:
        with pytest.raises(HomeportError) as refusal:
            profile_of({"email": email}, fields)
        assert refusal.value.status == 403


@pytest.mark.requirement("OIDC-FIELDS-01")
def test_fields_of_other_names_are_read() -> None:
    claims = {
        "mail": "ada@example.com",
        "login": "ada",
        "cn": "Ada L.",
        "email": "x@y.example",
        "picture": "https://p.example",
    }
    found = profile_of(claims, Fields(email="mail", username="login", name="cn"))
    assert (found.email, found.username, found.name) == ("ada@example.com", "ada", "Ada L.")
    assert found.avatar_url == "https://p.example"


@pytest.mark.requirement("OIDC-FIELDS-01")
@pytest.mark.parametrize(
    "picture", ["javascript:alert(1)", "http://p.example", 7, None, "https://p.example/\na", "https://" + "a" * 3000]
)
def test_a_picture_that_is_none_is_left_out(picture: Any) -> None:
    assert profile_of({**ADA, "picture": picture, "name": 7}, Fields()).avatar_url == ""


@pytest.mark.requirement("LINK-NAME-01")
@pytest.mark.parametrize(
    ("wish", "email", "name"),
    [
        ("ada", "x@y.example", "ada"),
        ("Ada-Lovelace", "x@y.example", "Ada-Lovelace"),
        ("ada_lovelace", "x@y.example", "ada-lovelace"),
        ("ada.lovelace@example.com", "x@y.example", "ada-lovelace"),
        ("ada--lovelace__", "x@y.example", "ada-lovelace"),
        ("-ada-", "x@y.example", "ada"),
        ("Ädä", "ada@y.example", "d"),
        ("", "ada.l@y.example", "ada-l"),
        ("!!!", "ada@y.example", "ada"),
        ("", "@@@", ""),
        ("new", "x@y.example", "new-1"),
        ("me", "x@y.example", "me-1"),
        ("Me@corp", "x@y.example", "Me-1"),
        ("0123456789abcdef" * 2, "x@y.example", "0123456789abcdef0123456789abcd-1"),
        ("z" * 80, "x@y.example", "z" * 32),
        ("z" * 31 + "-b", "x@y.example", "z" * 31),
    ],
)
def test_user_names_are_made_valid(wish: str, email: str, name: str) -> None:
    assert username_from(wish, email) == name
    assert not name or is_valid_username(name)


@pytest.mark.requirement("LINK-NAME-01")
def test_an_ending_fits() -> None:
    assert username_with("ada", "x7k2") == "ada-x7k2"
    assert is_valid_name(username_with("a" * 32, "x7k2"))
    assert is_valid_name(username_with("a" * 26 + "-" + "b" * 5, "x7k2"))


@pytest.mark.requirement("LINK-NAME-02")
@pytest.mark.parametrize(
    ("name", "shown"),
    [(" Ada  L. ", "Ada L."), ("a" * 200, "a" * 128), ("a\x00b\nc", "a b c"), ("", ""), ("a" * 127 + " b", "a" * 127)],
)
def test_display_names_never_fail(name: str, shown: str) -> None:
    assert display_name_from(name) == shown


@pytest.mark.requirement("LINK-CLAIMS-02")
def test_claims_become_storable() -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = {"more": deep}
    found = storable(
        {
            "a\x00": "b\x00c",
            "big": 2**70,
            "odd": float("inf"),
            "half": "\ud800x",
            "deep": deep,
            "list": (1, True, None, 2.5),
        }
    )
    assert (found["a\ufffd"], found["big"], found["odd"], found["half"]) == (
        "b\ufffdc",
        str(2**70),
        None,
        "\ufffdx",
    )
    assert found["list"] == [1, True, None, 2.5]
    assert str(found["deep"]).count("more") < 40


@pytest.mark.requirement("OIDC-MERGE-01")
def test_userinfo_goes_before_the_id_token_but_not_about_the_token_itself() -> None:
    id_token = {"sub": "1", "iss": "i", "email": "old@x.example", "groups": ["a"]}
    merged = merge_user_info(id_token, {"sub": "2", "iss": "evil", "exp": 1, "email": "new@x.example", "name": "Ada"})
    assert merged == {"sub": "1", "iss": "i", "email": "new@x.example", "groups": ["a"], "name": "Ada"}


@pytest.mark.requirement("OIDC-MERGE-02")
def test_the_id_token_goes_before_an_access_token() -> None:
    merged = merge_access_token(
        {"sub": "1", "email": "a@x.example"}, {"sub": "2", "email": "b@x.example", "roles": ["r"]}
    )
    assert merged == {"sub": "1", "email": "a@x.example", "roles": ["r"]}


@pytest.mark.requirement("OIDC-CLAIMS-01")
@pytest.mark.parametrize("subject", [None, "", " ", 7, ["a"], "a\x00", True, "\udc00", "s" * 2048])
def test_a_token_about_nobody_is_refused(subject: Any) -> None:
    with pytest.raises(HomeportError):
        linked_id_of({"iss": "https://idp.example", "sub": subject})
