"""The way in: first user, sign-in, sign-out, and where a stranger is sent."""

import pytest

from homeport.config import Settings
from homeport.identity.login.password import sign_in
from tests.homeport.web.site import CSRF_TOKEN, Document, Site
from tests.support.accounts import ACCESS_URL, Person

FIRST = {"email": "first@homeport.test", "username": "first", "name": "First", "password": "a-Long-Passphrase-4711"}


async def session_of(site: Site, reply) -> Person:
    """Whoever the cookies of an answer sign in."""
    cookies = {cookie.partition("=")[0]: cookie for cookie in reply.headers.get_list("set-cookie")}
    header = cookies["coder_session_token"]
    assert "HttpOnly" in header
    assert "samesite=lax" in header.lower()
    assert "csrf_token" in cookies
    token = header.partition("=")[2].partition(";")[0].strip('"')
    subject = await site.accounts.subject(token)
    assert subject is not None
    return Person("first", subject.id, "first", FIRST["email"], token, subject)


@pytest.mark.requirement("WEB-SETUP-01")
async def test_everything_leads_to_the_first_user_until_there_is_one(site: Site):
    assert (await site.get(None, "/")).headers["location"] == "/login"
    assert (await site.get(None, "/workspaces")).headers["location"].startswith("/login?")
    assert (await site.get(None, "/login")).headers["location"] == "/setup"
    shown = await site.get(None, "/setup")
    assert shown.status_code == 200
    assert Document(shown.text).field("password")["type"] == "password"
    made = await site.post(None, "/setup", FIRST)
    assert (made.status_code, made.headers["location"]) == (303, "/workspaces")
    person = await session_of(site, made)
    assert (await site.get(person, "/workspaces")).status_code == 200
    assert (await site.get(None, "/setup")).status_code == 404
    again = await site.post(None, "/setup", {**FIRST, "email": "x@homeport.test", "username": "other"})
    assert again.status_code == 404


@pytest.mark.requirement("WEB-SETUP-01", "WEB-FORMS-01")
async def test_a_refused_first_user_keeps_what_was_typed(site: Site):
    reply = await site.post(None, "/setup", {**FIRST, "username": 'no "name"', "password": "short"})
    page = Document(reply.text)
    assert reply.status_code == 400
    assert page.field("email")["value"] == FIRST["email"]
    assert page.field("username")["value"] == 'no "name"'
    assert "value" not in page.field("password") or page.field("password")["value"] == ""
    for name in ("username", "password"):
        described = page.field(name)["aria-describedby"].split()
        assert page.field(name)["aria-invalid"] == "true"
        assert {a["id"] for tag, a in page.tags if "id" in a}.issuperset(described)
    assert (await site.get(None, "/setup")).status_code == 200


@pytest.mark.requirement("WEB-LOGIN-01")
async def test_signing_in_leads_where_one_wanted_to_go(site: Site):
    await site.post(None, "/setup", FIRST)
    asked = await site.get(None, "/templates?q=x%20y")
    assert asked.status_code == 303
    page = await site.get(None, asked.headers["location"])
    target = Document(page.text).field("redirect")["value"]
    assert target == "/templates?q=x%20y"
    fields = {"email": FIRST["email"], "password": FIRST["password"], "redirect": target}
    reply = await site.post(None, "/login", fields)
    assert (reply.status_code, reply.headers["location"]) == (303, target)
    person = await session_of(site, reply)
    assert (await site.get(person, "/login?redirect=/account")).headers["location"] == "/account"


@pytest.mark.requirement("WEB-LOGIN-01")
@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "\t//evil.test", ""]
)
async def test_signing_in_never_leads_elsewhere(site: Site, target: str):
    await site.post(None, "/setup", FIRST)
    fields = {"email": FIRST["email"], "password": FIRST["password"], "redirect": target}
    assert (await site.post(None, "/login", fields)).headers["location"] == "/"
    page = await site.get(None, "/login", params={"redirect": target})
    assert Document(page.text).field("redirect")["value"] == "/"


@pytest.mark.requirement("WEB-LOGIN-02")
async def test_a_wrong_password_is_told_without_saying_more(site: Site):
    await site.post(None, "/setup", FIRST)
    wrong = await site.post(None, "/login", {"email": FIRST["email"], "password": "wrong"})
    unknown = await site.post(None, "/login", {"email": "nobody@homeport.test", "password": "wrong"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    for reply in (wrong, unknown):
        assert "Incorrect email or password." in reply.text
        assert "coder_session_token" not in reply.headers.get("set-cookie", "")
    assert Document(wrong.text).field("email")["value"] == FIRST["email"]


@pytest.mark.requirement("WEB-LOGIN-02")
async def test_the_sign_in_page_repeats_no_words_of_a_link(site: Site):
    await site.accounts.make("owner")
    page = await site.get(None, "/login", params={"message": "Call 555-1234 now", "redirect": "/templates"})
    assert "555" not in page.text


@pytest.mark.requirement("WEB-LOGIN-03")
async def test_signing_out_ends_the_session(site: Site):
    await site.post(None, "/setup", FIRST)
    settings = Settings(access_url=ACCESS_URL)
    _, token = await sign_in(site.db, settings, email=FIRST["email"], password=FIRST["password"])
    subject = await site.accounts.subject(token)
    assert subject is not None
    person = Person("first", subject.id, "first", FIRST["email"], token, subject)
    assert (await site.get(person, "/logout")).status_code in {404, 405}
    assert (await site.get(person, "/workspaces")).status_code == 200
    assert (await site.post(person, "/logout")).headers["location"].startswith("/login")
    assert (await site.get(person, "/workspaces")).status_code == 303


@pytest.mark.requirement("WEB-CSRF-01")
async def test_forms_without_the_pages_token_are_refused(site: Site):
    for fields in ({}, {"csrf_token": ""}, {"csrf_token": "d" * 43}):
        reply = await site.send("POST", None, "/setup", data={**FIRST, **fields})
        assert reply.status_code == 400
    empty = await site.send("POST", None, "/setup", data={**FIRST, "csrf_token": ""}, cookies={"csrf_token": ""})
    assert empty.status_code == 400
    json = await site.send("POST", None, "/setup", json={**FIRST, "csrf_token": CSRF_TOKEN})
    assert json.status_code == 400
    assert (await site.get(None, "/setup")).status_code == 200
