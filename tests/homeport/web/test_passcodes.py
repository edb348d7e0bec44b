"""The pages of a forgotten password."""

from typing import Any

import pytest

from homeport.config import Settings
from homeport.identity.service.passcodes import answer_requests
from homeport.kit.crypto import Cipher
from homeport.mail.service.sending import send_due
from tests.homeport.identity.test_passcodes import code_in
from tests.homeport.web.site import Document, Site
from tests.support.accounts import ACCESS_URL
from tests.support.mail import mail_server

OLD, NEW = "a-Long-Passphrase-4711", "another-Long-Passphrase-42"
EMAIL = "first@homeport.test"
CIPHER = Cipher([bytes(range(32))])


@pytest.fixture
def mail(site: Site) -> Settings:
    """Let the site send mail."""
    more: dict[str, Any] = {"email_smarthost": "127.0.0.1:1", "email_from": "homeport@homeport.test"}
    site.use(**more)
    return Settings(access_url=ACCESS_URL, **more)


@pytest.mark.requirement("OTP-PAGE-01")
async def test_a_forgotten_password_is_set_anew(site: Site, mail: Settings):
    await site.post(None, "/setup", {"email": EMAIL, "username": "first", "password": OLD})
    assert "/reset-password" in (await site.get(None, "/login")).text
    page = await site.get(None, "/reset-password")
    assert (page.status_code, page.headers["referrer-policy"], page.headers["x-frame-options"]) == (
        200,
        "no-referrer",
        "DENY",
    )
    asked = await site.post(None, "/reset-password", {"email": EMAIL})
    assert (asked.status_code, asked.headers["location"]) == (303, "/reset-password/change?notice=passcode")
    assert "a code is on its way" in (await site.get(None, asked.headers["location"])).text
    async with mail_server() as (postbox, port):
        settings = Settings(access_url=ACCESS_URL, email_smarthost=f"127.0.0.1:{port}", email_from="h@homeport.test")
        assert await answer_requests(site.db, settings, CIPHER) == 1
        assert await send_due(site.db, settings, CIPHER) == 1
        code = code_in(postbox)
    fields = {"email": EMAIL, "one_time_passcode": code, "password": NEW}
    for wrong in ({"one_time_passcode": "wrong"}, {"password": "short"}, {"one_time_passcode": ""}, {"password": OLD}):
        refused = await site.post(None, "/reset-password/change", {**fields, **wrong})
        shown = Document(refused.text)
        assert refused.status_code == 400
        assert shown.field(next(iter(wrong)))["aria-invalid"] == "true"
        assert shown.field("email")["value"] == EMAIL
        assert shown.field("password")["value"] == ""
    done = await site.post(None, "/reset-password/change", fields)
    assert (done.status_code, done.headers["location"]) == (303, "/login?notice=password-reset")
    assert "Your password has been set" in (await site.get(None, done.headers["location"])).text
    assert (await site.post(None, "/login", {"email": EMAIL, "password": OLD})).status_code == 401
    assert (await site.post(None, "/login", {"email": EMAIL, "password": NEW})).status_code == 303


@pytest.mark.requirement("OTP-PAGE-01")
async def test_unknown_addresses_see_the_same_and_empty_ones_a_problem(site: Site, mail: Settings):
    owner = await site.accounts.make("owner")
    answers = [await site.post(None, "/reset-password", {"email": each}) for each in (owner.email, "nobody@x.test")]
    assert len({(answer.status_code, answer.headers["location"]) for answer in answers}) == 1
    empty = await site.post(None, "/reset-password", {"email": " "})
    assert empty.status_code == 400
    assert Document(empty.text).field("email")["aria-invalid"] == "true"
    for path in ("/reset-password", "/reset-password/change"):
        assert (await site.send("POST", None, path, data={"csrf_token": "x" * 43, "email": "a@b.c"})).status_code == 400
        assert not Document((await site.get(None, path)).text).runnables()


@pytest.mark.requirement("OTP-PAGE-01")
async def test_without_a_mail_server_the_pages_say_whom_to_ask(site: Site):
    await site.accounts.make("owner")
    assert "/reset-password" not in (await site.get(None, "/login")).text
    page = await site.get(None, "/reset-password")
    assert "Ask an administrator" in page.text
    assert '<form method="post" action="/reset-password"' not in page.text


@pytest.mark.requirement("OTP-PAGE-01")
async def test_where_nobody_signs_in_by_password_the_pages_say_so(site: Site):
    site.use(disable_password_auth=True)
    for path in ("/reset-password", "/reset-password/change"):
        page = await site.get(None, path)
        assert page.status_code == 403
        assert "switched off" in page.text
