"""The ground floor: clock, ids, crypto, errors and names."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest

from homeport.kit import clock, crypto, ids, moments, names
from homeport.kit.clock import FakeClock, use_clock
from homeport.kit.errors import BadRequest, TooManyRequests


def test_now_is_aware_and_utc() -> None:
    assert clock.now().tzinfo is UTC


async def test_a_sleeper_wakes_exactly_when_its_moment_has_come() -> None:
    fake = FakeClock()
    with use_clock(fake):
        early = asyncio.create_task(clock.sleep(5))
        late = asyncio.create_task(clock.sleep(50))
        await asyncio.sleep(0)
        fake.advance(timedelta(seconds=10))
        await early
        assert not late.done()
        fake.advance(timedelta(seconds=40))
        await late


def test_the_clock_before_comes_back_after_the_block() -> None:
    before = clock.now()
    with use_clock(FakeClock()):
        assert clock.now().year == 2026
    assert clock.now() >= before


def test_random_text_has_the_length_and_the_alphabet() -> None:
    text = ids.random_text(500)
    assert len(text) == 500
    assert text.isascii()
    assert text.isalnum()
    assert ids.random_text(22) != ids.random_text(22)


def test_random_names_are_valid_names() -> None:
    assert all(names.is_valid_name(ids.random_name()) for _ in range(500))


@pytest.mark.requirement("KIT-SEAL-01")
def test_what_one_key_sealed_the_rotated_set_opens() -> None:
    old, new = os.urandom(32), os.urandom(32)
    sealed = crypto.Cipher([old]).encrypt(b"secret")
    rotated = crypto.Cipher([new, old])
    assert rotated.decrypt(sealed) == b"secret"
    assert crypto.Cipher([new]).decrypt(rotated.encrypt(b"x")) == b"x"


@pytest.mark.requirement("KIT-SEAL-01")
@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s[:-1] + bytes([s[-1] ^ 1]), lambda _: b"", lambda s: b"\x02" + s[1:]]
)
def test_a_changed_value_is_refused_and_never_returned(spoil) -> None:
    cipher = crypto.Cipher([os.urandom(32)])
    with pytest.raises(crypto.DecryptionFailed):
        cipher.decrypt(spoil(cipher.encrypt(b"secret")))


def test_a_value_of_a_foreign_key_names_the_setting() -> None:
    sealed = crypto.Cipher([os.urandom(32)]).encrypt(b"secret")
    with pytest.raises(crypto.DecryptionFailed, match="EXTERNAL_TOKEN_ENCRYPTION_KEYS"):
        crypto.Cipher([os.urandom(32)]).decrypt(sealed)


def test_short_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        crypto.Cipher([b"short"])


def test_a_signature_is_good_for_one_purpose_one_message_and_every_configured_key():
    old, new = os.urandom(32), os.urandom(32)
    signature = crypto.Cipher([old]).sign("form", b"message")
    rotated = crypto.Cipher([new, old])
    assert rotated.is_signed("form", b"message", signature)
    assert rotated.sign("form", b"message") != signature
    assert not rotated.is_signed("other", b"message", signature)
    assert not rotated.is_signed("form", b"message.", signature)
    assert not rotated.is_signed("form", b"message", signature[:-1])
    assert not rotated.is_signed("form", b"message", b"")
    assert not crypto.Cipher([new]).is_signed("form", b"message", signature)


@pytest.mark.requirement("KIT-NAMES-01")
@pytest.mark.parametrize("name", ["a", "dev", "Dev-1", "a-b-c", "x" * 32, "0"])
def test_good_names(name: str) -> None:
    assert names.validate_name(name) == name


@pytest.mark.requirement("KIT-NAMES-01")
@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "a--b", "a_b", "a b", "x" * 33, "new", "Create", "dév", "a\n", "a\x00", "a.b", "🚀", "../x"],
)
def test_bad_names_are_refused_with_the_field(name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        names.validate_name(name, "workspace_name")
    assert caught.value.validations[0].field == "workspace_name"


@pytest.mark.requirement("KIT-NAMES-02")
@pytest.mark.parametrize("name", ["me", "ME", "0123456789abcdefABCDEF0123456789", "new", "a_b", ""])
def test_no_user_is_called_what_means_oneself_or_is_an_id(name: str) -> None:
    assert not names.is_valid_username(name)
    with pytest.raises(BadRequest) as caught:
        names.validate_username(name)
    assert caught.value.validations[0].field == "username"
    assert names.validate_username("meg") == "meg"
    assert names.validate_username("0123456789abcdef0123456789abcde") == "0123456789abcdef0123456789abcde"


@pytest.mark.parametrize("address", ["", "a", "a@", "@b", "a b@c", "a@b\n", "x" * 250 + "@e.co", "a@b\x00"])
def test_bad_addresses_are_refused(address: str) -> None:
    with pytest.raises(BadRequest):
        names.validate_email(address)


def test_text_with_nul_is_refused() -> None:
    with pytest.raises(BadRequest):
        names.validate_text("a\x00b", "message", most=10)


def test_texts_that_the_database_cannot_hold_are_known() -> None:
    assert names.is_storable("é\U0001f600\n")
    assert not any(names.is_storable(text) for text in ("a\x00b", "\ud800", "a\udfff"))


@pytest.mark.requirement("HTTP-MOMENTS-01")
@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_moments_without_offset_or_beyond_the_calendar_are_refused_by_name(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        moments.validate_moment(datetime.fromisoformat(text), "since")
    assert caught.value.validations[0].field == "since"


@pytest.mark.requirement("HTTP-MOMENTS-01")
def test_moments_are_turned_into_utc() -> None:
    found = moments.validate_moment(datetime.fromisoformat("2026-01-01T00:30:00+02:00"), "since")
    assert (found.isoformat(), found.tzinfo) == ("2025-12-31T22:30:00+00:00", UTC)


def test_too_many_requests_tells_when_to_come_back() -> None:
    assert TooManyRequests("Slow down.", retry_after=7).headers == {"Retry-After": "7"}
