"""How an agent starts: what it imports, and which certificates of its server it believes."""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import homeport_agent
from homeport_agent.client import AgentClient, Unreachable
from homeport_agent.loading import quick_imports
from homeport_agent.trust import load_authorities, tls_context
from tests.support.certificates import make_certificates

PROGRAM = Path(homeport_agent.__file__ or "").with_name("__main__.py")
HEAVY = ("asyncssh", "croniter", "cryptography", "httpx", "websockets")


def imported_by(*arguments: str, environment: dict[str, str] | None = None) -> tuple[set[str], str]:
    """Run the agent's program; return the top names of all that it imports, and what it says."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-I", str(PROGRAM), *arguments],
        env={"PATH": os.environ["PATH"], **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip() for line in lines}
    return {name.partition(".")[0] for name in names}, done.stdout


@pytest.mark.requirement("AGENT-START-01")
def test_git_waits_for_no_more_than_it_needs() -> None:
    assert not imported_by("--version")[0].intersection(HEAVY)
    # The server is not there, and neither is ssh's host: what counts is what was loaded until then.
    environment = {"HOMEPORT_AGENT_URL": "http://127.0.0.1:9", "HOMEPORT_AGENT_TOKEN": "t"}
    assert imported_by("gitssh", "--", "-V", environment=environment)[0].intersection(HEAVY) == {"httpx"}


@pytest.mark.requirement("AGENT-START-01")
def test_nothing_is_started_to_look_for_libraries(tmp_path: Path) -> None:
    """Looking for a library starts the linker and the compiler, where they are: each agent would wait for them."""
    for name in ("gcc", "cc", "ld", "ldconfig", "objdump"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/started\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from homeport_agent.loading import quick_imports\n"
        "with quick_imports():\n    import homeport_agent.agent\n"
        "import ctypes.util, gc; assert gc.isenabled() and gc.get_freeze_count(); ctypes.util.find_library('oqs')"
    )
    count = {}
    for what in (program, program.rpartition(";")[0]):
        (tmp_path / "started").write_text("")
        subprocess.run([sys.executable, "-I", "-c", what], env={"PATH": f"{tmp_path}:/usr/bin"}, check=True, timeout=60)
        count[what] = len((tmp_path / "started").read_text().split())
    asked, quick = count.values()
    assert asked > 0, "the test sees no search at all"
    assert quick == 0


@pytest.mark.requirement("AGENT-START-01")
def test_the_collector_goes_on_as_it_was() -> None:
    import ctypes.util  # lazy: the test is about this module's function
    import gc  # lazy: as above

    search = ctypes.util.find_library
    gc.disable()
    try:
        with quick_imports():
            assert ctypes.util.find_library("liboqs") is None
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(KeyError), quick_imports():
        raise KeyError
    assert gc.isenabled()
    assert ctypes.util.find_library is search


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """A server whose certificate is of an authority that nobody else knows: its address, and the authority's certificate."""
    authority, context = make_certificates(tmp_path, "localhost")
    body = b'{"public_key": "p", "private_key": "k"}'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await reader.readline():
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield f"https://localhost:{listener.sockets[0].getsockname()[1]}", authority


@pytest.fixture
async def client(server: tuple[str, Path]) -> AsyncIterator[AgentClient]:
    client = AgentClient(server[0], "token")
    yield client
    await client.close()


@pytest.mark.requirement("AGENT-TRUST-01")
async def test_a_server_of_an_unknown_authority_is_not_believed(client: AgentClient) -> None:
    with pytest.raises(Unreachable, match="certificate verify failed"):
        await client.git_ssh_key()
    with pytest.raises(ssl.SSLCertVerificationError):
        await open_tls(client)


@pytest.mark.requirement("AGENT-TRUST-01")
async def test_an_authority_of_ones_own_is_named_by_the_environment(
    client: AgentClient, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server[1]))
    assert (await client.git_ssh_key()).private_key == "k"
    # What the tunnel is dialled with.
    await open_tls(client)


@pytest.mark.requirement("AGENT-TRUST-01")
def test_a_folder_of_authorities_is_read_as_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "2e5ac55d.0").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    load_authorities(context)
    assert context.cert_store_stats()["x509_ca"] == 0, "the public's authorities came in, though the system has its own"


@pytest.mark.requirement("AGENT-TRUST-02")
def test_a_machine_without_authorities_gets_those_of_the_public(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "none", tmp_path):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        load_authorities(context)
        assert context.cert_store_stats()["x509_ca"] > 50


@pytest.mark.requirement("AGENT-TRUST-02")
async def test_authorities_are_read_once_and_only_for_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[ssl.SSLContext] = []
    monkeypatch.setattr("homeport_agent.trust.load_authorities", read.append)
    client = AgentClient("http://127.0.0.1:9", "token")
    with pytest.raises(Unreachable):
        await client.git_ssh_key()
    await client.close()
    assert not read
    context = tls_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    for _ in range(2):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    assert read == [context]


async def open_tls(client: AgentClient) -> None:
    port = int(client.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("localhost", port, ssl=client.tls)
    writer.close()
    await writer.wait_closed()
