"""Archives from a browser: a new template, a new version, and what is said of those that cannot be."""

import pytest

from homeport.files.types import MAX_UPLOAD
from tests.homeport.files.test_uploads import zipped
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_organizations import text_of
from tests.homeport.web.test_template_pages import FILES, Made, place, template_id

TERRAFORM = zipped({"box/main.tf": b"# nothing\n"})


def sent(name: str, data: bytes) -> dict[str, tuple[str, bytes, str]]:
    return {"file": (name, data, "application/octet-stream")}


@pytest.fixture
def made(site: Site) -> Made:
    """See the class."""
    return Made(site)


@pytest.mark.requirement("WEB-TPL-08")
async def test_a_template_begins_with_an_archive(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    form = Document(await text_of(site, owner, "/templates/new"))
    assert form.field("file")["type"] == "file"
    assert any(each.get("enctype") == "multipart/form-data" for each in form.all("form"))
    answer = await site.post(owner, "/templates/new", files=sent("C:\\mine\\box.zip", TERRAFORM))
    assert answer.status_code == 303, answer.text
    path = place(answer.headers["location"])
    assert "Uploaded as box.zip" in await text_of(site, owner, path)
    id = path.rpartition("/")[2]
    version = (await made.world.api.call(owner, "GET", f"/templateversions/{id}")).json()
    job = version["job"]
    source = await made.world.api.call(owner, "GET", f"/files/{job['file_id']}")
    assert b"main.tf" in source.content
    assert b"box/" not in source.content


@pytest.mark.requirement("WEB-TPL-08")
async def test_a_version_comes_from_an_archive(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    name, _ = await made.template(owner)
    base = f"/templates/{name}/versions"
    fields = {"name": "two", "message": "Better"}
    answer = await site.post(owner, base, fields, files=sent("x.zip", zipped({**FILES, "new": b"1"})))
    assert place(answer.headers["location"]) == f"{base}/two"
    await made.finish()
    shown = await text_of(site, owner, f"{base}/two")
    assert "Better" in shown
    assert await template_id(site, name)
    # The name is taken: it is said at its field, and the file must be chosen again.
    again = await site.post(owner, base, fields, files=sent("x.zip", zipped(FILES)))
    assert again.status_code == 409
    assert Document(again.text).field("name")["aria-invalid"] == "true"


@pytest.mark.requirement("WEB-TPL-08")
async def test_what_cannot_be_is_said_at_the_file(site: Site, made: Made) -> None:
    owner, member = [await site.accounts.make(kind) for kind in ("owner", "member")]
    name, _ = await made.template(owner)
    base = f"/templates/{name}/versions"
    for path in ("/templates/new", base):
        for files, words in (
            (sent("x.pdf", b"%PDF" * 400), "neither a zip nor a tar"),
            (sent("x.zip", zipped({"../x": b""})), "leads out"),
            ({"other": ("", b"", "text/plain")}, "Choose a file."),
        ):
            refused = await site.post(owner, path, files=files)
            page = Document(refused.text)
            assert (refused.status_code, page.field("file").get("aria-invalid")) == (400, "true"), (path, words)
            assert words in page.text
        damaged = {"content-type": "multipart/form-data; boundary=x"}
        cut = await site.send("POST", owner, path, content=b"--x\r\nContent-Disp", headers=damaged)
        assert (cut.status_code, "cut off" in cut.text) == (400, True)
        foreign = await site.post(owner, path, {"csrf_token": "no"}, files=sent("x.zip", TERRAFORM))
        assert (foreign.status_code, "Reload the page" in foreign.text) == (400, True)
        refused = await site.post(member, path, files=sent("x.zip", TERRAFORM))
        assert refused.status_code == 403
        length = {"content-type": "multipart/form-data; boundary=x", "content-length": str(2 * MAX_UPLOAD)}
        large = await site.send("POST", owner, path, content=b"--x", headers=length)
        assert (large.status_code, "at most 100 MiB" in large.text) == (413, True)
