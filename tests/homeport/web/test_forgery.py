"""Every form that changes something: refused without the page's token, and for strangers."""

from collections.abc import Iterator

import pytest
from litestar.handlers import HTTPRouteHandler

from homeport.web.pages import _PAGES
from tests.homeport.web.site import Site


def handlers() -> Iterator[HTTPRouteHandler]:
    for module in _PAGES:
        yield from module.routes


def posts() -> list[str]:
    return sorted(path for handler in handlers() if "POST" in handler.http_methods for path in handler.paths)


def ways_in() -> set[str]:
    """Pages that strangers may send: those on the way in, which nobody is sent to sign in from."""
    found = [handler for handler in handlers() if "POST" in handler.http_methods]
    return {path for handler in found if handler.opt["access"].credential != "user" for path in handler.paths}


NIL = "00000000-0000-0000-0000-000000000000"


def filled(path: str, workspace: str) -> str:
    owner, _, name = workspace.partition("/")
    values = {
        "{handle:str}": owner,
        "{name:str}": name,
        "{template:str}": "any",
        "{version:str}": "any",
        "{example:str}": "shell",
        "{id:str}": NIL,
        "{job:str}": NIL,
        "{provisionerkey:str}": "any",
        "{key:str}": "abcdefghij",
        "{grant:str}": NIL,
        "{app:str}": NIL,
        "{secret:str}": NIL,
        "{organization:str}": "default",
        "{user:str}": "me",
        "{group:str}": "Everyone",
        "{role:str}": "any",
    }
    for place, value in values.items():
        path = path.replace(place, value)
    assert "{" not in path, path
    return path


@pytest.mark.requirement("WEB-CSRF-01")
@pytest.mark.parametrize("path", [path for path in posts() if path not in {"/setup", "/login"}])
async def test_a_form_from_elsewhere_changes_nothing(site: Site, path: str):
    owner = await site.accounts.make("owner")
    workspace = await site.world.running(owner)
    address = filled(path, f"@{owner.username}/{workspace.name}")
    without = await site.send("POST", owner, address, data={"confirm": workspace.name, "username": "taken"})
    other = await site.send("POST", owner, address, data={"csrf_token": "d" * 43})
    foreign = await site.post(owner, address, headers={"sec-fetch-site": "cross-site"})
    stranger = await site.post(None, address)
    assert [reply.status_code for reply in (without, other, foreign)] == [400, 400, 400]
    if path not in ways_in():
        assert (stranger.status_code, stranger.headers["location"][:7]) == (303, "/login?")
    again = await site.world.read(owner, workspace.id)
    assert again.latest_build.build_number == 1
    assert (await site.get(owner, "/account")).status_code == 200


def test_every_page_is_declared_as_one():
    for handler in handlers():
        assert handler.opt["access"].is_page, handler.paths
