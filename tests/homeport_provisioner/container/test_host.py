"""Where the engine is, and as whom one pulls: the conventions of Docker. Then a real engine behind TLS."""

import asyncio
import base64
import json
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from homeport_provisioner.container import host as host_module
from homeport_provisioner.container.client import Unreachable, connected
from homeport_provisioner.container.host import Host, find_host
from homeport_provisioner.container.people import find_person
from homeport_provisioner.container.progress import BuildProgress, PullProgress
from homeport_provisioner.container.registries import find_credentials
from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.settings import Settings, SettingsError, read
from tests.support.certificates import make_certificates
from tests.support.podman import COMPONENTS, Podman

URL = {"HOMEPORT_URL": "http://127.0.0.1:3000", "HOMEPORT_PROVISIONER_KEY": "k"}
PASSWD = "root:x:0:0:root:/root:/bin/bash\ndev:x:1000:1001:Dev,,,:/home/dev:/bin/zsh\nbroken\nx:x:a:b:c:d:e\n"
GROUP = "root:x:0:\ndocker:x:999:dev\n"


def settings_with(container_host: str = "") -> Settings:
    return Settings(url="http://x", name="n", data_dir=Path("/data"), container_host=container_host)


@pytest.mark.requirement("CONTAINER-HOST-01")
def test_address_follows_docker_and_the_setting_goes_first() -> None:
    env = {"DOCKER_HOST": "tcp://engine:2375"}
    assert find_host(settings_with(), env) == Host(url="http://engine:2375")
    assert find_host(settings_with("unix:///a"), env) == Host(url="unix:///a")
    tls = env | {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certificates"}
    assert find_host(settings_with(), tls) == Host(url="https://engine:2375", certificates=Path("/certificates"))
    assert find_host(settings_with(), env | {"DOCKER_TLS_VERIFY": "0"}) == Host(url="http://engine:2375")
    assert find_host(settings_with("https://e:1"), {"DOCKER_CERT_PATH": "/c"}) == Host(
        url="https://e:1", certificates=Path("/c")
    )
    for wrong in ("ssh://me@engine", "engine:2375", "/run/docker.sock"):
        with pytest.raises(EngineFailure, match="is no address of a container engine"):
            find_host(settings_with(wrong), {})
    assert Host(url="unix:///a").is_local
    assert Host(url="http://localhost:1").is_local
    assert not Host(url="http://engine:1").is_local


@pytest.mark.requirement("CONTAINER-HOST-01")
def test_sockets_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "_is_socket", lambda path: path == tmp_path / "podman" / "podman.sock")
    assert find_host(settings_with(), {"XDG_RUNTIME_DIR": str(tmp_path)}) == Host(
        url=f"unix://{tmp_path}/podman/podman.sock"
    )
    assert find_host(settings_with(), {}) is None


@pytest.mark.requirement("CONTAINER-HOST-01")
async def test_engine_that_nobody_knows_says_what_to_install() -> None:
    with pytest.raises(Unreachable, match="Install Docker or Podman"):
        async with connected(None):
            pass
    with pytest.raises(EngineFailure, match="cannot be read from /nowhere"):
        async with connected(Host(url="https://x:1", certificates=Path("/nowhere"))):
            pass


@pytest.mark.requirement("CONTAINER-HOST-01")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALLOW", "everything", "takes some of privileged, host-network; not 'everything'"),
        ("DEVICES", "fuse", "takes devices such as /dev/fuse"),
        ("URL", "host.docker.internal:3000", "is an address such as"),
    ],
)
def test_settings_that_are_wrong_are_named(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read([], URL | {f"HOMEPORT_PROVISIONER_CONTAINER_{name}": value})


@pytest.mark.requirement("CONTAINER-HOST-01")
def test_settings_are_read() -> None:
    prefix = "HOMEPORT_PROVISIONER_CONTAINER_"
    settings = read(
        [],
        URL
        | {
            f"{prefix}HOST": "unix:///a",
            f"{prefix}ALLOW": "privileged, host-network",
            f"{prefix}DEVICES": "/dev/fuse,/dev/kvm",
            f"{prefix}NETWORK": "team",
            f"{prefix}URL": "http://host.docker.internal:3000/",
        },
    )
    assert settings.container_allow == ("privileged", "host-network")
    assert settings.container_devices == ("/dev/fuse", "/dev/kvm")
    assert (settings.container_host, settings.container_network) == ("unix:///a", "team")
    assert settings.container_url == "http://host.docker.internal:3000"


@pytest.mark.requirement("CONTAINER-PULL-01")
def test_passwords_of_registries_are_docker_logins(tmp_path: Path) -> None:
    auth = base64.b64encode(b"ada:pass:word").decode()
    entries = {
        "https://index.docker.io/v1/": {"auth": auth},
        "registry.example.com": {"identitytoken": "token"},
        "odd.example.com": {"auth": "!"},
    }
    (tmp_path / "config.json").write_text(json.dumps({"auths": entries}))
    env = {"DOCKER_CONFIG": str(tmp_path)}
    assert find_credentials("python:3", env) == {
        "username": "ada",
        "password": "pass:word",
        "serveraddress": "docker.io",
    }
    assert find_credentials("registry.example.com/x", env) == {
        "identitytoken": "token",
        "serveraddress": "registry.example.com",
    }
    assert find_credentials("odd.example.com/x", env) is None
    assert find_credentials("other.example.com/x", env) is None
    for content in ("[]", "nonsense", '{"auths": 3}'):
        (tmp_path / "config.json").write_text(content)
        assert find_credentials("python:3", env) is None
    assert find_credentials("python:3", {"DOCKER_CONFIG": "/nowhere"}) is None


@pytest.mark.requirement("CONTAINER-SHAPE-01")
@pytest.mark.parametrize(
    ("spec", "uid", "gid", "home"),
    [
        ("", 0, 0, "/root"),
        ("dev", 1000, 1001, "/home/dev"),
        ("1000", 1000, 1001, "/home/dev"),
        ("dev:docker", 1000, 999, "/home/dev"),
        ("4321", 4321, 0, ""),
        ("4321:55", 4321, 55, ""),
    ],
)
def test_users_of_images(spec: str, uid: int, gid: int, home: str) -> None:
    person = find_person(spec, passwd=PASSWD, group=GROUP)
    assert (person.uid, person.gid, person.home) == (uid, gid, home)


@pytest.mark.requirement("CONTAINER-SHAPE-01")
def test_users_that_an_image_lacks() -> None:
    with pytest.raises(EngineFailure, match="no user 'ada'"):
        find_person("ada", passwd=PASSWD, group=GROUP)
    with pytest.raises(EngineFailure, match="no group 'wheel'"):
        find_person("dev:wheel", passwd=PASSWD, group=GROUP)


@pytest.mark.requirement("CONTAINER-PULL-01")
def test_progress_is_told_in_few_lines() -> None:
    lines: list[str] = []
    pull = PullProgress(lambda text, level: lines.append(text))
    for part in range(1000):
        pull.note({"id": "abc", "status": "Downloading", "progressDetail": {"current": part, "total": 1000}})
    for _ in range(3):
        pull.note({"id": "abc", "status": "Pull complete", "progressDetail": {}})
    assert lines == ["abc: Pull complete"]
    lines.clear()
    build = BuildProgress(lambda text, level: lines.append(text))
    for piece in ("Step 1/2 : FROM", " x\n", "\n ---> abc\nlast"):
        build.note({"stream": piece})
    build.finish()
    assert lines == ["Step 1/2 : FROM x", " ---> abc", "last"]


@asynccontextmanager
async def behind_tls(socket: Path, folder: Path) -> AsyncIterator[int]:
    """Serve an engine's socket with TLS for those that have a certificate of the same authority."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    authority, context = make_certificates(folder, "localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority)
    shutil.copy(authority, folder / "ca.pem")
    shutil.copy(folder / "host.pem", folder / "cert.pem")
    shutil.copy(folder / "host.pem", folder / "key.pem")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.needs(*COMPONENTS)
@pytest.mark.xdist_group("podman")
@pytest.mark.requirement("CONTAINER-HOST-02")
async def test_real_engine_behind_tls(engine_host: Podman, tmp_path: Path) -> None:
    (mine := tmp_path / "mine").mkdir()
    (other := tmp_path / "other").mkdir()
    async with behind_tls(engine_host.socket, mine) as port:
        env = {"DOCKER_HOST": f"tcp://localhost:{port}", "DOCKER_TLS_VERIFY": "1"}
        async with connected(find_host(settings_with(), env | {"DOCKER_CERT_PATH": str(mine)})) as client:
            found = await client.identity()
            assert found.is_podman
            assert await client.identity() is found, "it is asked once: that takes Podman a second"
        async with behind_tls(engine_host.socket, other):
            pass
        async with connected(find_host(settings_with(), env | {"DOCKER_CERT_PATH": str(other)})) as client:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await client.identity()
        async with connected(Host(url=f"http://localhost:{port}")) as client:
            with pytest.raises(Unreachable):
                await client.identity()
