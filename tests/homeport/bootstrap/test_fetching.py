"""How the script fetches, checks and keeps bundles."""

import os
import shutil
import time
from http.server import BaseHTTPRequestHandler

import pytest

from homeport.bootstrap.types import Bundle
from tests.support.bootstrap import Machine, break_off, make_bundle, offering, send
from tests.support.certificates import make_certificates
from tests.support.server import free_port


@pytest.mark.requirement("BOOT-RETRY-01")
def test_a_server_that_is_down_is_waited_for_and_told_once(tmp_path):
    port = free_port()
    machine = Machine(tmp_path / "machine", f"http://127.0.0.1:{port}")
    process = machine.start()
    assert process.stderr is not None
    assert "cannot be fetched" in process.stderr.readline()
    time.sleep(0.3)
    with offering(make_bundle(), port=port):
        out, error = process.communicate(timeout=30)
    assert process.returncode == 0
    assert '"pid"' in out
    assert error == ""


@pytest.mark.requirement("BOOT-RETRY-01")
def test_patience_ends(tmp_path):
    machine = Machine(tmp_path / "machine", f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    ran = machine.run(HOMEPORT_AGENT_PATIENCE="1")
    assert ran.status == 1
    assert "Gave up after 1 seconds" in ran.error
    assert time.monotonic() - began < 15


@pytest.mark.requirement("BOOT-RETRY-01")
def test_errors_and_downloads_thatbreak_off_are_tried_again(machine, offer):
    offer.hiccups = {"agent.json": [502, break_off], ".tar.gz": [break_off, 503]}
    ran = machine.run()
    assert ran.status == 0
    assert "status 502" in ran.error
    assert machine.cached() == [offer.bundles[0].sha256[:32]]


@pytest.mark.requirement("BOOT-RETRY-01")
def test_an_upgrade_between_list_and_bundle_is_followed(machine, offer):
    old, new = offer.bundles[0], make_bundle("print('new')")

    def upgrade(request: BaseHTTPRequestHandler) -> None:
        offer.bundles = [new]
        send(request, 404, b"{}")

    offer.hiccups = {old.file: [upgrade]}
    ran = machine.run()
    assert (ran.status, ran.out) == (0, "new\n")
    assert machine.cached() == [new.sha256[:32]]


@pytest.mark.requirement("BOOT-CHECK-01")
def test_another_checksum_is_never_unpacked(machine, offer):
    good = offer.bundles[0]
    offer.bundles = [Bundle(platform=good.platform, sha256="0" * 64, size=good.size, parts=good.parts)]
    ran = machine.run()
    assert ran.status == 1
    assert "another checksum" in ran.error
    assert "Gave up after 5 times" in ran.error
    assert machine.cached() == []
    assert offer.logs == [ran.error.strip().splitlines()[-1].removeprefix("homeport: cannot start the agent: ")]
    # Once is no reason to give up.
    offer.bundles = [good]
    offer.hiccups = {".tar.gz": [lambda request: send(request, 200, b"x" * good.size)]}
    assert machine.run().status == 0


@pytest.mark.requirement("BOOT-CHECK-01")
@pytest.mark.parametrize("name", ["../escaped", "/escaped", "homeport_agent/../../escaped"])
def test_files_where_none_may_be_are_refused(machine, offer, name):
    offer.bundles = [make_bundle(extra={name: b"x"})]
    ran = machine.run()
    assert ran.status == 1
    assert "holds what it should not" in ran.error
    assert machine.cached() == []


@pytest.mark.requirement("BOOT-CHECK-01")
def test_a_download_without_end_ends(machine, offer):
    good = offer.bundles[0]
    offer.hiccups = {".tar.gz": [lambda request: send(request, 200, b"x" * (good.size + 300_000))]}
    ran = machine.run()
    assert ran.status == 0
    assert f"longer than {good.size} bytes" in ran.error


@pytest.mark.requirement("BOOT-CHECK-01")
@pytest.mark.parametrize(
    "body", [b"<html>a proxy's page</html>", b"{}", b'{"bundles": [{"file": "../x", "size": 1, "sha256": "a"}]}', b"[]"]
)
def test_what_is_no_list_of_bundles_is_said(machine, offer, body):
    offer.hiccups = {"agent.json": [lambda request: send(request, 200, body)]}
    ran = machine.run()
    assert ran.status == 0
    assert "no Homeport server's answer" in ran.error


@pytest.mark.requirement("BOOT-CACHE-01")
def test_what_was_fetched_is_used_again_and_repaired(machine, offer):
    assert machine.run().status == 0
    offer.asked.clear()
    assert machine.run().status == 0
    assert offer.asked == ["/bin/agent.json"]
    (machine.cache / machine.cached()[0] / "other" / "file.txt").write_bytes(b"")
    assert machine.run().status == 0
    assert (machine.cache / machine.cached()[0] / "other" / "file.txt").stat().st_size == 1000
    shutil.rmtree(machine.cache / machine.cached()[0] / "homeport_agent")
    assert machine.run().status == 0


@pytest.mark.requirement("BOOT-CACHE-01")
def test_agents_that_start_at_once_do_not_disturb_each_other(machine, offer):
    processes = [machine.start() for _ in range(4)]
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (0, "")
        assert '"pid"' in out
    assert machine.cached() == [offer.bundles[0].sha256[:32]]


@pytest.mark.requirement("BOOT-CACHE-01")
def test_what_is_old_goes_unless_an_agent_uses_it(machine, offer):
    old, new = offer.bundles[0], make_bundle("print('new')")
    process = machine.start(THEN="import time; time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline()
    offer.bundles = [new]
    folder, left = machine.cache / old.sha256[:32], machine.cache / "new-left"
    left.mkdir()
    long_ago = time.time() - 30 * 86400
    os.utime(left, (long_ago, long_ago))
    os.utime(folder, (long_ago, long_ago))
    assert machine.run().out == "new\n"
    assert machine.cached() == sorted([old.sha256[:32], new.sha256[:32]])
    process.kill()
    process.communicate()
    os.utime(folder, (long_ago, long_ago))
    assert machine.run().out == "new\n"
    assert machine.cached() == [new.sha256[:32]]


@pytest.mark.requirement("BOOT-WAYS-01")
@pytest.mark.needs("curl", "wget")
@pytest.mark.parametrize("way", ["curl", "wget"])
def test_another_program_fetches_where_python_does_not_know_the_certificate(tmp_path, way):
    authority, context = make_certificates(tmp_path, "localhost")
    with offering(make_bundle(), context=context) as offer:
        machine = Machine(tmp_path / "machine", offer.url)
        settings = tmp_path / "wgetrc"
        settings.write_text(f"ca_certificate = {authority}\n")
        told = {"CURL_CA_BUNDLE": str(authority), "WGETRC": str(settings)}
        assert machine.run(**told, HOMEPORT_AGENT_PATIENCE="0.1").status == 1
        machine.add(way, shutil.which(way))
        ran = machine.run(**told)
        assert (ran.status, ran.error) == (0, "")
