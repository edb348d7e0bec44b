"""Static files: named by their content, kept by browsers, and vendored ones as their makers published them."""

import hashlib
import json
import re
from pathlib import Path

import pytest

import homeport.web
from homeport.web.assets import assets, static_url
from tests.homeport.web.site import Document, Site

STATIC = Path(homeport.web.__file__).parent / "static"
VENDORED = (STATIC / "vendor", Path(__file__).parents[2] / "browser/vendor")


@pytest.mark.requirement("WEB-ASSETS-01")
async def test_assets_are_named_by_their_content_and_kept(site: Site):
    page = Document((await site.get(None, "/nothing")).text)
    urls = [a["src"] for a in page.all("script")] + [a["href"] for a in page.all("link")]
    assert len(urls) >= 5
    for url in urls:
        reply = await site.get(None, url)
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert hashlib.sha256(reply.content).hexdigest().startswith(url.split("/")[2])
        assert reply.headers["content-type"].split(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}
    stale = await site.get(None, "/static/0000000000000000/style.css")
    assert stale.status_code == 200
    assert "immutable" not in stale.headers["cache-control"]
    assert (await site.get(None, "/favicon.ico")).status_code == 200
    with pytest.raises(KeyError):
        static_url("absent.css")


@pytest.mark.requirement("WEB-ASSETS-02")
@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.parent.name)
def test_vendored_files_are_those_of_the_manifest(folder: Path):
    listed: dict[str, str] = {}
    for package in json.loads((folder / "manifest.json").read_text()):
        assert package["version"]
        assert package["license"]
        assert any("LICENSE" in name for name in package["files"])
        listed |= package["files"]
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert found == listed


@pytest.mark.requirement("WEB-ASSETS-01")
def test_every_asset_that_templates_name_exists_and_nothing_is_loaded_from_elsewhere():
    for template in (STATIC.parent / "templates").glob("*.html"):
        text = template.read_text()
        for name in re.findall(r"static\('([^']+)'\)", text):
            assert name in assets()
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", text), template
        assert not re.search(r"\|\s*safe\b", text), template
        assert not re.search(r"<(script|button|a|form|input)[^>]*\son[a-z]+=", text), template
