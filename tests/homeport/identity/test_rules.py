"""Tables of the pure rules of identity."""

from datetime import UTC, datetime, timedelta

import pytest

from homeport.identity import rules
from homeport.identity.rules import MalformedToken, Refresh

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)


@pytest.mark.requirement("IDENTITY-RULES-01")
@pytest.mark.parametrize(
    ("used_ago", "left", "login_type", "is_fixed", "expected"),
    [
        (HOUR, DAY, "password", False, None),
        (HOUR + timedelta(seconds=1), DAY, "password", False, Refresh(NOW, NOW + DAY, True)),
        (timedelta(0), DAY - HOUR, "password", False, Refresh(NOW, NOW + DAY, False)),
        (timedelta(0), DAY - HOUR + timedelta(seconds=1), "password", False, None),
        (2 * HOUR, timedelta(minutes=1), "oidc", False, Refresh(NOW, NOW + DAY, True)),
        (2 * HOUR, timedelta(minutes=1), "token", False, Refresh(NOW, NOW + timedelta(minutes=1), True)),
        (2 * HOUR, timedelta(minutes=1), "password", True, Refresh(NOW, NOW + timedelta(minutes=1), True)),
        (timedelta(0), timedelta(minutes=1), "password", True, None),
        (timedelta(0), timedelta(minutes=1), "token", False, None),
    ],
)
def test_when_use_of_a_key_is_written(
    used_ago: timedelta, left: timedelta, login_type: str, is_fixed: bool, expected: Refresh | None
) -> None:
    found = rules.sliding_refresh(
        last_used=NOW - used_ago,
        expires_at=NOW + left,
        lifetime=DAY,
        login_type=login_type,
        now=NOW,
        is_expiry_fixed=is_fixed,
    )
    if expected is not None and not expected.is_address_changed:
        expected = Refresh(NOW - used_ago, expected.expires_at, False)
    assert found == expected


@pytest.mark.requirement("IDENTITY-RULES-01")
def test_tokens_are_taken_apart() -> None:
    assert rules.parse_token("0123456789-0123456789012345678901") == ("0123456789", "0123456789012345678901")
    for bad in ("", "-", "0123456789-" + "_" * 22, "0123456789" + "x" * 22, "é123456789-0123456789012345678901"):
        with pytest.raises(MalformedToken):
            rules.parse_token(bad)


@pytest.mark.requirement("IDENTITY-RULES-01")
@pytest.mark.parametrize(
    "password", ["Harbour-Light-77", "correct horse battery", "8charsAndMore!", "пароль-длинный", "x9$Kq2!vLp"]
)
def test_strong_passwords(password: str) -> None:
    assert rules.password_problem(password) == ""


@pytest.mark.requirement("IDENTITY-RULES-01")
@pytest.mark.parametrize(
    "password",
    [
        "",
        "password",
        "Password1",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "1234567890123456",
        "qwertyuiopqwertyuiop",
        "abcdefghijklmnop",
        "short1!",
        "x\x00" * 20,
        "y" * 129,
    ],
)
def test_weak_passwords(password: str) -> None:
    assert rules.password_problem(password) != ""


@pytest.mark.requirement("IDENTITY-RULES-01")
def test_a_default_lifetime_never_exceeds_the_cap() -> None:
    assert rules.token_lifetime(0, default=7 * DAY, cap=DAY) == DAY
    assert rules.token_lifetime(0, default=DAY, cap=7 * DAY) == DAY
    assert rules.token_lifetime(rules.duration_nanoseconds(DAY), default=HOUR, cap=DAY) == DAY
