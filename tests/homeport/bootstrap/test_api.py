"""What the server sends to machines that want the agent."""

import gzip
import hashlib
import io
import sys
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeport.bootstrap.service import catalog, fetching, places
from homeport.bootstrap.service.fetching import FetchFailed, make_parts
from homeport.bootstrap.types import PLATFORMS, Platform
from homeport.database import Database
from tests.homeport.access.test_headers import build_whole
from tests.support.accounts import ACCESS_URL, Api

SCRIPT = "/api/v2/init-script/linux/amd64"


@pytest.fixture
async def whole(db: Database) -> AsyncIterator[Api]:
    built = build_whole(db)
    yield built
    await built.gate.close()


@pytest.fixture
def nothing_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """An installation whose set-up could fetch nothing."""
    monkeypatch.setattr(places, "places", lambda: (tmp_path / "parts",))
    monkeypatch.setattr(fetching, "places", lambda: (tmp_path / "parts",))
    return tmp_path / "parts"


@pytest.mark.requirement("BOOT-SERVE-01")
async def test_the_script_is_text_with_a_tag(whole):
    for architecture in ("amd64", "arm64"):
        answer = await whole.raw("GET", f"/api/v2/init-script/linux/{architecture}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "public, no-cache"
        assert answer.text.startswith("#!/bin/sh\n")
        assert f"'{ACCESS_URL}'" in answer.text
        assert f"'{architecture}'" in answer.text
        assert "@" not in "".join(
            line for line in answer.text.splitlines() if line.startswith(("server=", "system=", "machine="))
        )
        # A variable of the environment holds 128 KiB, and Terraform hands it on in one.
        assert len(answer.content) < 96 * 1024
        for held in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
            again = await whole.raw("GET", f"/api/v2/init-script/linux/{architecture}", headers={"if-none-match": held})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
        changed = await whole.raw("GET", SCRIPT, headers={"if-none-match": '"other"'})
        assert changed.status_code == 200


@pytest.mark.requirement("BOOT-SERVE-01")
@pytest.mark.parametrize(
    "platform", ["windows/amd64", "darwin/arm64", "linux/armv7", "linux/..", "Linux/amd64", "linux/%00"]
)
async def test_a_platform_without_agent_is_404_and_names_those_with(whole, platform):
    answer = await whole.raw("GET", f"/api/v2/init-script/{platform}")
    assert answer.status_code == 404
    assert platform == "linux/.." or "linux/amd64, linux/arm64" in answer.json()["message"]


@pytest.mark.requirement("BOOT-SERVE-01", "BOOT-SETUP-01")
async def test_bundles_are_what_the_list_says(whole):
    listed = await whole.raw("GET", "/bin/agent.json")
    assert listed.headers["content-type"].startswith("application/json")
    assert (
        await whole.raw("GET", "/bin/agent.json", headers={"if-none-match": listed.headers["etag"]})
    ).status_code == 304
    own = Platform.own()
    [entry] = [
        each
        for each in listed.json()["bundles"]
        if (each["python"], each["arch"], each["libc"]) == (own.python, own.arch, own.libc)
    ]
    answer = await whole.raw("GET", f"/bin/{entry['file']}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert int(answer.headers["content-length"]) == len(answer.content) == entry["size"]
    assert hashlib.sha256(answer.content).hexdigest() == entry["sha256"]
    held = await whole.raw("GET", f"/bin/{entry['file']}", headers={"if-none-match": answer.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")
    names = _names(answer.content)
    assert {
        "homeport_agent/__main__.py",
        "homeport_sdk/version.py",
        "asyncssh/__init__.py",
        "msgspec/__init__.py",
    } <= names
    assert not [name for name in names if name.endswith((".pyc", ".pyi")) or name.startswith(("/", ".."))]


@pytest.mark.requirement("BOOT-SERVE-01")
@pytest.mark.parametrize(
    "name",
    ["coder-linux-amd64", "..%2f..%2fetc%2fpasswd", "agent.json%00", "homeport-agent-cp311-linux-amd64-glibc-0.tar.gz"],
)
async def test_other_names_are_404(whole, name):
    answer = await whole.raw("GET", f"/bin/{name}")
    assert answer.status_code == 404
    assert "%2f" in name or "told by /bin/agent.json" in answer.text


@pytest.mark.requirement("BOOT-SETUP-01")
async def test_without_parts_the_own_python_is_offered_and_said(whole, nothing_fetched, caplog):
    catalog._make.cache_clear()
    listed = (await whole.raw("GET", "/bin/agent.json")).json()["bundles"]
    own = Platform.own()
    assert [(each["python"], each["os"], each["arch"], each["libc"]) for each in listed] == [
        (own.python, own.os, own.arch, own.libc)
    ]
    names = _names((await whole.raw("GET", f"/bin/{listed[0]['file']}")).content)
    suffix = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
    assert [name for name in names if name.startswith("msgspec/_core") and suffix in name]
    catalog._make.cache_clear()


@pytest.mark.requirement("BOOT-SETUP-01")
def test_what_pip_cannot_fetch_is_named_and_the_rest_is_made(nothing_fetched, monkeypatch):
    good, bad = PLATFORMS[:2]

    def install(target, platform, blocks):
        assert blocks
        assert all("--hash=sha256:" in block for block in blocks)
        assert not any(";" in block for block in blocks)
        if platform == bad:
            raise FetchFailed(f"{platform.name}: no such wheel")
        for name, tag in (("plain", "py3-none-any"), ("special", "cp311-cp311-linux")):
            info = target / f"{name}-1.dist-info"
            info.mkdir()
            (target / f"{name}.py").write_text("x = 1")
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
            (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
            (info / "RECORD").write_text(f"{name}.py,,\n../../bin/x,,\n{info.name}/METADATA,,\n")

    monkeypatch.setattr(fetching, "_install", install)
    said: list[str] = []
    with pytest.raises(FetchFailed, match=f"{bad.name}: no such wheel"):
        make_parts(said.append, [good, bad])
    part = places.find_part(good)
    assert part is not None
    assert places.find_part(bad) is None
    assert len(said) == 1
    assert _names(part.read_bytes()) == {
        "plain.py",
        "special.py",
        "plain-1.dist-info/METADATA",
        "special-1.dist-info/METADATA",
    }
    assert [path.name for path in nothing_fetched.iterdir()] == [part.name]
    # A second run does what is missing alone, and what other requirements have left goes.
    (nothing_fetched / "cp311-linux-amd64-glibc-0000.tar.gz").touch()
    before = part.stat().st_mtime_ns
    with pytest.raises(FetchFailed):
        make_parts(said.append, [good, bad])
    assert part.stat().st_mtime_ns == before
    bad = PLATFORMS[5]
    make_parts(said.append, [good, PLATFORMS[1]])
    assert sorted(path.name for path in nothing_fetched.iterdir()) == sorted(
        places.part_name(platform) for platform in PLATFORMS[:2]
    )
    make_parts(said.append, [good])
    assert len(said) == 3


def _names(content: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as archive:
        return set(archive.getnames())
