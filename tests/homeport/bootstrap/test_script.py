"""The script that starts agents, run for real in shells and Pythons that have little beside them."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.bootstrap.types import Bundle, Platform
from tests.support.bootstrap import TOKEN, Machine, break_off, content_of, make_bundle, offering, pythons
from tests.support.waiting import wait_for

OWN = Platform.own()


@pytest.mark.requirement("BOOT-SCRIPT-01")
@pytest.mark.needs("dash", "busybox")
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"], ["bash"], ["bash", "--posix"]], ids=" ".join)
@pytest.mark.parametrize("way", ["file", "words", "pipe"])
def test_every_shell_becomes_the_agent(machine, shell, way):
    program = [shutil.which(shell[0]), *shell[1:]]
    script = machine.script()
    if way == "pipe":
        done = subprocess.run(
            program,
            env=machine.environment,
            cwd=machine.folder,
            input=script.read_bytes(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b'"pid"' in done.stdout
        return
    ran = machine.run(*program, *(["-c", script.read_text()] if way == "words" else [str(script)]))
    assert (ran.status, ran.error) == (0, "")
    assert ran.agent["pid"] == ran.pid
    assert ran.agent["flags"] == [1, 1]
    assert ran.agent["arguments"] == []
    assert Path(ran.agent["file"]).is_relative_to(machine.cache)


@pytest.mark.requirement("BOOT-SCRIPT-01")
def test_status_and_signals_are_those_of_the_agent(machine):
    assert machine.run(THEN="sys.exit(7)").status == 7
    process = machine.start(THEN="import time; time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM


@pytest.mark.requirement("BOOT-SCRIPT-01")
def test_the_address_may_hold_anything_and_stands_in_the_script_once(machine, offer):
    odd = f'{offer.url}/it\'s $HOME `id` "here"'
    assert machine.script(server="https://x.example.com/").read_text().count("https://x.example.com") == 1
    ran = machine.run(str(machine.bin / "sh"), str(machine.script(server=odd)), HOMEPORT_AGENT_PATIENCE="0.1")
    assert ran.status == 1
    assert odd in ran.error
    # Templates of containers replace the address by one that containers reach.
    text = (
        machine.script(server="http://elsewhere.invalid:3000")
        .read_text()
        .replace("elsewhere.invalid:3000", offer.url[7:])
    )
    assert machine.run(str(machine.bin / "sh"), "-c", text).agent["url"] == offer.url


@pytest.mark.requirement("BOOT-SCRIPT-01")
@pytest.mark.parametrize("prefix", ["HOMEPORT", "CODER"])
def test_address_and_token_come_by_either_name(machine, offer, prefix):
    script = str(machine.script(server="http://nowhere.invalid"))
    machine.environment.pop("HOMEPORT_AGENT_TOKEN")
    variables = {f"{prefix}_AGENT_URL": f"{offer.url}/", f"{prefix}_AGENT_TOKEN": TOKEN}
    assert machine.run(str(machine.bin / "sh"), script, **variables).agent["url"] == offer.url


@pytest.mark.requirement("BOOT-OLD-01")
@pytest.mark.parametrize(
    "version", [version for version in pythons() if tuple(map(int, version.split("."))) < (3, 11)] or ["none"]
)
def test_a_python_that_is_too_old_is_told_what_to_do(machine, offer, version, tmp_path):
    if version == "none":
        # This machine has none: a Python that says so of itself does what the script looks at.
        old = tmp_path / "old"
        old.write_text(f'#!/bin/sh\ncase "$*" in *version_info*">="*) exit 1;; esac\nexec {sys.executable} "$@"\n')
        old.chmod(0o755)
        machine.add("python3", str(old))
    else:
        machine.add("python3", pythons()[version])
    ran = machine.run(HOMEPORT_AGENT_PYTHON="python3")
    assert (ran.status, ran.out) == (1, "")
    assert "needs Python 3.11 or newer" in ran.error
    assert version == "none" or f"is Python {version}" in ran.error
    assert len(offer.logs) == 1
    assert offer.logs[0] in ran.error
    assert TOKEN in offer.tokens


@pytest.mark.requirement("BOOT-OLD-01")
@pytest.mark.needs("curl")
def test_a_machine_without_python_tells_by_curl(machine, offer):
    (machine.bin / "python3").unlink()
    machine.add("curl", shutil.which("curl"))
    # Named, so that a Python of the machine that runs this test is not found where systems have theirs.
    ran = machine.run(HOMEPORT_AGENT_PYTHON="python3")
    assert ran.status == 1
    assert "this machine has none" in ran.error
    assert offer.logs == [ran.error.strip().removeprefix("homeport: cannot start the agent: ")]
    (machine.bin / "curl").unlink()
    assert machine.run(HOMEPORT_AGENT_PYTHON="python3").status == 1


@pytest.mark.requirement("BOOT-OLD-01")
def test_half_a_python_is_passed_over_for_a_whole_one(machine, tmp_path):
    half = tmp_path / "half"
    half.write_text(f'#!/bin/sh\ncase "$*" in *find_spec*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    half.chmod(0o755)
    machine.add("python3", str(half))
    ran = machine.run(HOMEPORT_AGENT_PYTHON="python3")
    assert ran.status == 1
    assert "lacks parts of Python" in ran.error
    machine.add("python3.12", sys.executable)
    assert machine.run().status == 0
    assert machine.run(HOMEPORT_AGENT_PYTHON="/nonexistent/python").status == 1


@pytest.mark.requirement("BOOT-ARCH-01")
def test_another_architecture_than_the_templates_goes_on_and_says_so(machine):
    other = "arm64" if OWN.arch == "amd64" else "amd64"
    ran = machine.run(str(machine.bin / "sh"), str(machine.script(arch=other)))
    assert ran.status == 0
    assert f"The template says linux/{other}, but this machine is linux/{OWN.arch}" in ran.error


@pytest.mark.requirement("BOOT-ARCH-01")
def test_a_machine_without_a_bundle_is_told_which_there_are(machine, offer):
    offer.bundles = [
        make_bundle(platform=Platform(python="3.99", arch=OWN.arch)),
        make_bundle(platform=Platform(python="3.11", arch="s390x")),
    ]
    ran = machine.run()
    assert ran.status == 1
    assert f"no agent for Python {OWN.python} on linux/{OWN.arch}" in ran.error
    assert "Python 3.11 on linux/s390x (glibc), Python 3.99" in ran.error
    assert offer.logs == [ran.error.strip().removeprefix("homeport: cannot start the agent: ")]


@pytest.mark.requirement("BOOT-ARCH-01")
def test_another_python_of_the_machine_is_taken_where_the_first_has_no_bundle(machine, offer):
    version, path = next(
        (pair for pair in pythons().items() if pair[0] > "3.11" and pair[0] != OWN.python), (None, None)
    )
    if version is None:
        pytest.skip("this machine has one Python only")
    machine.add(f"python{version}", path)
    offer.bundles = [make_bundle(platform=Platform(python=version, arch=OWN.arch))]
    assert machine.run().agent["python"] == [3, int(version[2:])]


@pytest.mark.requirement("BOOT-PLACE-01")
def test_without_a_home_there_is_another_place(machine, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, where a folder would have to be")
    for home in (str(blocked), "/proc/nowhere"):
        ran = machine.run(HOME=home)
        assert ran.status == 0, ran.error
        place = Path(ran.agent["file"]).parents[2]
        assert place.name == f"homeport-agent-{os.getuid()}"
        assert place.stat().st_mode & 0o777 == 0o700
        shutil.rmtree(place)
    ran = machine.run(HOMEPORT_AGENT_CACHE=str(blocked))
    assert ran.status == 1
    assert "Name a folder by HOMEPORT_AGENT_CACHE" in ran.error


@pytest.mark.requirement("BOOT-PLACE-01")
def test_a_folder_that_others_write_to_is_no_place(machine):
    machine.cache.mkdir(parents=True)
    machine.cache.chmod(0o777)
    ran = machine.run()
    assert not Path(ran.agent["file"]).is_relative_to(machine.cache)
    shutil.rmtree(Path(ran.agent["file"]).parents[2])
    machine.cache.rmdir()
    machine.cache.symlink_to(machine.folder)
    ran = machine.run()
    assert Path(ran.agent["file"]).parents[2].name.startswith("homeport-agent-")
    shutil.rmtree(Path(ran.agent["file"]).parents[2])


@pytest.mark.requirement("BOOT-PLACE-01")
@pytest.mark.needs("bubblewrap")
@pytest.mark.parametrize("writable", ["/tmp", "/dev/shm", ""])
def test_a_root_that_is_read_only_needs_one_place(machine, writable):
    outside = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--remount-ro", "/dev"]
    for folder in ("/tmp", "/var/tmp", "/run", "/dev/shm"):
        if folder != writable:
            outside += ["--tmpfs", folder, "--remount-ro", folder]
        else:
            outside += ["--tmpfs", folder]
    script = machine.script().read_text()
    command = ["bwrap", *outside, "--chdir", "/", shutil.which("dash") or "/bin/sh", "-c", script]
    ran = machine.run(*command, PATH=os.environ["PATH"], HOME="/root", HOMEPORT_AGENT_PYTHON=pythons()[OWN.python])
    if writable:
        assert ran.agent["file"].startswith(f"{writable}/homeport-agent-{os.getuid()}/")
    else:
        assert ran.status == 1
        assert "can be written to and run programs from" in ran.error


@pytest.mark.requirement("BOOT-SECRET-01")
def test_the_token_stands_nowhere_but_in_the_agents_environment(machine, offer, tmp_path):
    seen = tmp_path / "seen"
    for name in ("curl", "wget"):
        spy = tmp_path / name
        spy.write_text(
            f'#!{sys.executable}\nimport os, sys\nopen("{seen}", "a").write(repr((sys.argv, dict(os.environ))))\nsys.exit(1)\n'
        )
        spy.chmod(0o755)
        machine.add(name, str(spy))
    # Python's own way fails by a broken answer, so that the others are asked.
    offer.hiccups = {"agent.json": [break_off, break_off]}
    ran = machine.run()
    assert ran.status == 0
    assert seen.read_text()
    assert TOKEN not in seen.read_text()
    assert TOKEN not in " ".join(ran.agent["command"])
    assert TOKEN not in ran.out + ran.error
    assert TOKEN not in offer.tokens
    assert TOKEN not in machine.script().read_text()
    offer.bundles = []
    failed = machine.run()
    assert failed.status == 1
    assert TOKEN not in failed.error
    assert TOKEN in offer.tokens


def _real_bundles() -> dict[str, Bundle]:
    from homeport.bootstrap.service.catalog import bundles  # lazy: reads what set-up has fetched

    here = [each for each in bundles() if (each.platform.arch, each.platform.libc) == (OWN.arch, OWN.libc)]
    return {each.platform.python: each for each in here}


@pytest.mark.requirement("BOOT-PYTHON-01", "BOOT-SETUP-01")
@pytest.mark.needs("bubblewrap")
@pytest.mark.parametrize("version", [version for version in pythons() if version in {"3.11", "3.12", "3.13", "3.14"}])
def test_the_real_agent_comes_up_by_a_python_that_has_nothing_beside_it(tmp_path, version):
    bundle = _real_bundles()[version]
    assert hashlib.sha256(content_of(bundle)).hexdigest() == bundle.sha256
    python = Path(pythons()[version])
    with offering(bundle) as offer:
        machine = Machine(tmp_path / "machine", offer.url)
        shell = tmp_path / "shell"
        shutil.copy(shutil.which("dash") or "/bin/sh", shell)
        walls = [
            "bwrap", "--unshare-pid", "--die-with-parent", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
            *("--ro-bind-try", "/lib", "/lib", "--ro-bind-try", "/lib64", "/lib64", "--ro-bind", "/usr/lib", "/usr/lib"),
            *("--ro-bind", str(shell), "/bin/sh", "--ro-bind", "/etc/passwd", "/etc/passwd"),
        ]  # fmt: skip
        if not python.is_relative_to("/usr/bin"):
            walls += ["--ro-bind", str(python.parent.parent), str(python.parent.parent)]
        else:
            walls += ["--ro-bind", str(python), str(python)]
        walls += ["--bind", str(machine.home), "/home/dev", "--chdir", "/"]
        process = machine.start(
            *walls,
            "/bin/sh",
            "-c",
            machine.script().read_text(),
            PATH="/bin",
            HOME="/home/dev",
            HOMEPORT_AGENT_PYTHON=str(python),
        )
        wait_for(lambda: bool(offer.agents) or process.poll() is not None, seconds=60)
        process.terminate()
        _, error = process.communicate(timeout=30)
        assert [agent[:15] for agent in offer.agents[:1]] == ["homeport-agent/"], error
