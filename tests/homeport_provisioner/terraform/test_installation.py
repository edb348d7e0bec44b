"""From where providers come, and the cache that jobs share."""

import asyncio
import os
import stat
import uuid
from contextlib import ExitStack
from pathlib import Path

import pytest

from homeport_provisioner.engine import EngineCanceled, EngineFailure, Task
from homeport_provisioner.settings import Settings
from homeport_provisioner.terraform.binary import TerraformMissing, find_terraform
from homeport_provisioner.terraform.installation import Installation, PluginCache
from homeport_provisioner.terraform.source import prepare_lock_file, read_source
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.terraform import TerraformWorkspace, terraform_daemon

PACKAGE = "plugins/registry.terraform.io/a/b/1.0.0/linux_amd64"
CODER = 'terraform {\n  required_providers {\n    coder = {\n      source = "coder/coder"\n      version = "~> 2.1"\n    }\n  }\n}\n'


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(
        job_id=uuid.uuid4(),
        source=tmp_path,
        scratch=tmp_path,
        url="http://127.0.0.1:1",
        log=lambda *_: None,
        canceled=asyncio.Event(),
    )


async def fill(cache: PluginCache, task: Task, stack: ExitStack, *, fails: bool = False) -> Path | None:
    """Do what an init does: bring a provider into the cache."""
    async with cache.entered(task, stack) as turn:
        if turn.folder is not None:
            (turn.folder.parent / PACKAGE).mkdir(parents=True, exist_ok=True)
        turn.is_failed = fails
        return turn.folder


@pytest.mark.requirement("TF-CACHE-01")
async def test_one_at_a_time(tmp_path: Path, task: Task) -> None:
    cache = PluginCache(tmp_path / "cache")
    inside = 0
    most = 0

    async def use() -> None:
        nonlocal inside, most
        with ExitStack() as stack:
            async with PluginCache(tmp_path / "cache").entered(task, stack) as turn:
                assert turn.folder is not None
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.05)
                inside -= 1

    await asyncio.gather(*(use() for _ in range(6)))
    assert most == 1
    with ExitStack() as stack:
        async with cache.entered(task, stack):
            task.canceled.set()
            with pytest.raises(EngineCanceled):
                await fill(PluginCache(tmp_path / "cache"), task, stack)


@pytest.mark.requirement("TF-CACHE-01")
async def test_what_a_killed_init_left_is_thrown_away_once_nobody_uses_it(tmp_path: Path, task: Task) -> None:
    cache = PluginCache(tmp_path / "cache")
    package = tmp_path / "cache" / PACKAGE
    with ExitStack() as user:
        await fill(cache, task, user)
        with ExitStack() as other, pytest.raises(RuntimeError):
            async with cache.entered(task, other):
                raise RuntimeError("as if this process had been killed")
        with ExitStack() as third:
            assert await fill(cache, task, third) is None, "a cache that may be damaged was given out"
        assert package.is_dir(), "somebody still uses it"
    with ExitStack() as last:
        async with cache.entered(task, last) as turn:
            assert turn.folder is not None
            assert not package.exists()


@pytest.mark.requirement("TF-CACHE-01")
async def test_a_failed_init_spoils_the_cache_only_if_it_brought_something(tmp_path: Path, task: Task) -> None:
    cache = PluginCache(tmp_path / "cache")
    with ExitStack() as stack:
        await fill(cache, task, stack)
        await fill(cache, task, stack, fails=True)
        assert await fill(cache, task, stack) is not None
    (tmp_path / "cache" / PACKAGE).rmdir()
    with ExitStack() as stack:
        await fill(cache, task, stack, fails=True)
        assert (tmp_path / "cache" / "unfinished").exists()


@pytest.mark.requirement("TF-CACHE-01")
async def test_nobody_waits_for_ever_for_whoever_fetches(
    tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeport_provisioner.terraform.installation.TURN_SECONDS", 0.0)
    cache = PluginCache(tmp_path / "cache")
    with ExitStack() as first, ExitStack() as second:
        async with cache.entered(task, first) as turn:
            assert turn.folder is not None
            assert await fill(cache, task, second) is None
        assert await fill(cache, task, second) is not None


@pytest.mark.requirement("TF-CACHE-01")
@pytest.mark.needs("terraform")
async def test_a_module_that_never_comes_holds_up_nobody(stand_in: StandIn, settings: Settings) -> None:
    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await ended.wait()
        writer.close()

    asked, ended = asyncio.Event(), asyncio.Event()
    async with await asyncio.start_server(never, "127.0.0.1", 0) as silent:
        address = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/m.zip"
        slow = TerraformWorkspace(stand_in, {"main.tf": f'module "m" {{\n  source = "{address}"\n}}\n'})
        async with terraform_daemon(settings), terraform_daemon(settings):
            waiting = slow.submit()
            await asyncio.wait_for(asked.wait(), 30)
            job = await TerraformWorkspace(stand_in, {"main.tf": 'resource "terraform_data" "x" {}\n'}).build()
            assert job.result, job.failure
            assert "Waiting for another job" not in job.text()
            waiting.is_canceled = True
            await slow.end(waiting, 30)
            assert waiting.failure["canceled"]
        ended.set()


@pytest.mark.requirement("TF-CACHE-01")
@pytest.mark.needs("terraform")
async def test_parallel_builds_of_real_daemons(stand_in: StandIn, settings: Settings) -> None:
    files: dict[str, str | bytes] = {"main.tf": 'resource "terraform_data" "x" {}\n'}
    async with terraform_daemon(settings), terraform_daemon(settings), terraform_daemon(settings):
        workspaces = [TerraformWorkspace(stand_in, files) for _ in range(4)]
        jobs = await asyncio.gather(*(workspace.build() for workspace in workspaces))
        assert all(job.result for job in jobs), [job.failure for job in jobs]


@pytest.mark.parametrize(
    ("mode", "text", "wanted"),
    [("always", CODER, True), ("never", CODER, False), ("always", 'resource "terraform_data" "x" {}\n', False)],
)
async def test_when_the_bundled_provider_is_offered(
    settings: Settings, tmp_path: Path, mode: str, text: str, wanted: bool
) -> None:
    (tmp_path / "main.tf").write_text(text)
    chosen = Settings(url=settings.url, name="x", data_dir=tmp_path, terraform_bundled_provider=mode)  # type: ignore[arg-type]
    assert await Installation(chosen).wants_bundled(read_source(tmp_path)) is wanted


async def test_without_a_registry_the_bundled_provider_is_offered(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.tf").write_text(CODER)
    source = read_source(tmp_path)
    assert source.constraints == ["~> 2.1"]
    monkeypatch.setattr("homeport_provisioner.terraform.installation.REGISTRY", "http://127.0.0.1:9/none")
    assert await Installation(settings).wants_bundled(source)


def test_the_configuration_names_every_source(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "rc"
    Installation(settings).configure(path, mirror=tmp_path / "m${x}", cache=tmp_path / "c")
    text = path.read_text()
    assert f'path = "{tmp_path}/m$${{x}}"' in text
    assert 'direct {\n    exclude = ["registry.terraform.io/coder/coder"]' in text
    assert f'plugin_cache_dir = "{tmp_path}/c"' in text
    Installation(settings).configure(path, mirror=None, cache=None)
    assert path.read_text() == "provider_installation {\n  direct {\n  }\n}\n"


@pytest.mark.requirement("TF-PROVIDER-08")
async def test_our_own_provider_stands_beside_the_operators_sources(settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own.rc"
    chosen = Settings(url=settings.url, name="x", data_dir=tmp_path, terraform_config=own)
    own.write_text(
        f'''credentials "a" {{\n  token = "t"\n}}
provider_installation {{
  filesystem_mirror {{
    path    = "{tmp_path}/theirs"
    exclude = ["x.example/*/*"]
  }}
}}\n'''
    )
    (tmp_path / "main.tf").write_text(CODER)
    source = read_source(tmp_path)
    assert await Installation(chosen).wants_bundled(source)
    Installation(chosen).configure(tmp_path / "rc", mirror=tmp_path / "ours", cache=None)
    assert (
        (tmp_path / "rc").read_text()
        == f'''credentials "a" {{
  token = "t"
}}
provider_installation {{
  filesystem_mirror {{
    path = "{tmp_path}/ours"
    include = ["registry.terraform.io/coder/coder"]
  }}
  filesystem_mirror {{
    path = "{tmp_path}/theirs"
    exclude = ["x.example/*/*", "registry.terraform.io/coder/coder"]
  }}
}}
'''
    )
    (tmp_path / "theirs" / "registry.terraform.io" / "coder" / "coder").mkdir(parents=True)
    assert not await Installation(chosen).wants_bundled(source)
    own.write_text(own.read_text().replace("x.example/*/*", "registry.terraform.io/*/*"))
    assert await Installation(chosen).wants_bundled(source)
    own.write_text('provider_installation {\n  network_mirror {\n    url = "http://127.0.0.1:9/"\n  }\n}\n')
    assert await Installation(chosen).wants_bundled(source)
    own.write_text('plugin_cache_dir = "/x"\n')
    with pytest.raises(EngineFailure, match="plugin_cache_dir"):
        Installation(chosen).configure(tmp_path / "rc", mirror=None, cache=None)
    own.write_text("x {")
    with pytest.raises(EngineFailure, match=r"own\.rc:1: the block"):
        Installation(chosen).configure(tmp_path / "rc", mirror=None, cache=None)


@pytest.mark.requirement("TF-ARCHIVE-01")
def test_a_lock_file_does_not_bind_the_bundled_provider(tmp_path: Path) -> None:
    lock = tmp_path / ".terraform.lock.hcl"
    coder = 'provider "registry.terraform.io/coder/coder" {\n  version = "2.0.0"\n  hashes = [\n    "h1:x",\n  ]\n}\n'
    other = '\nprovider "registry.terraform.io/a/b" {\n  version = "1.0.0"\n}\n'
    lock.write_text(coder + other)
    prepare_lock_file(tmp_path, lambda *_: None, is_bundled=False)
    assert lock.read_text() == coder + other
    prepare_lock_file(tmp_path, lambda *_: None, is_bundled=True)
    assert lock.read_text() == other
    lock.unlink()
    lock.symlink_to("/etc/hosts")
    prepare_lock_file(tmp_path, lambda *_: None, is_bundled=True)
    assert not lock.is_symlink()


def program(folder: Path, text: str) -> str:
    path = folder / "terraform"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.requirement("TF-BINARY-01")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("""echo '{"terraform_version": "1.8.5"}'""", "1.8.5 at .* is too old: 1.9.0 or newer"),
        ("echo hello", "does not say which version"),
        ("exit 1", "does not say which version"),
        ("echo '[]'", "does not say which version"),
    ],
)
async def test_a_program_that_will_not_do(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TerraformMissing, match=words):
        await find_terraform(program(tmp_path, text))


@pytest.mark.requirement("TF-BINARY-01")
async def test_the_program_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, """echo '{"terraform_version": "1.12.0-rc1"}'""")
    assert (await find_terraform(path)).version == "1.12.0-rc1"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert (await find_terraform()).path == path
    with pytest.raises(TerraformMissing, match=r"names '/no/where'.*Install version 1\.9\.0"):
        await find_terraform("/no/where")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(TerraformMissing, match="not on PATH"):
        await find_terraform()
