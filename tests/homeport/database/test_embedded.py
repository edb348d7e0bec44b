"""The embedded PostgreSQL with real processes: what starts, what ends with what, and what is refused."""

import asyncio
import fcntl
import itertools
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest

from homeport.database import Database, DatabaseUnavailable, Listener
from homeport.database.embedded import EmbeddedPostgres, EmbeddedPostgresError
from homeport.database.embedded.binaries import find_programs
from homeport.database.embedded.folder import Folder
from homeport.database.embedded.keeper import postgres_processes
from tests.support.owners import OWNER, ask, end, is_alive, start_owner
from tests.support.waiting import until, wait_for

_BUSY = "SELECT sum(x::numeric ^ 3) FROM generate_series(1, 1000000000) x"
_ASK_BUSY = """
import asyncio, asyncpg, sys
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    print(1, flush=True)
    await connection.execute(sys.argv[2])
asyncio.run(main())
"""


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
                [sys.executable, "-c", _ASK_BUSY, url, _BUSY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
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
    owner, _, postmaster, keeper = start_owner(folder)
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


@pytest.mark.requirement("EMBED-ORPHAN-02")
def test_a_slow_keeper_of_a_killed_server_leaves_its_successor_alone(folder: Path) -> None:
    owner, _, postmaster, keeper = start_owner(folder)
    try:
        os.kill(keeper, signal.SIGSTOP)
        owner.kill()
        owner.wait()
        os.kill(postmaster, signal.SIGINT)
        wait_for(lambda: not is_alive(postmaster))
        with EmbeddedPostgres(folder, is_fast=True) as postgres:
            os.kill(keeper, signal.SIGCONT)
            wait_for(lambda: not is_alive(keeper))
            assert is_alive(postgres.postmaster_pid)
            assert ask(postgres.url, "SELECT 1") == 1
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
async def test_every_row_whose_commit_was_answered_survives_kills_in_the_middle_of_writing(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    await asyncio.to_thread(postgres.start)
    database = Database(postgres.url, pool_size=5)
    answered: set[int] = set()
    numbers = itertools.count()
    is_over = False

    async def write() -> None:
        while not is_over:
            number = next(numbers)
            try:
                async with database.transaction() as connection:
                    await connection.execute("INSERT INTO counted VALUES ($1)", number)
            except DatabaseUnavailable:
                continue
            answered.add(number)

    try:
        await database.execute("CREATE TABLE counted (number integer)")
        writers = [asyncio.create_task(write()) for _ in range(4)]
        for _ in range(3):
            enough = len(answered) + 100
            await until(lambda enough=enough: len(answered) >= enough, seconds=20)  # type: ignore[misc]  # bound now
            killed = postgres.postmaster_pid
            os.kill(killed, signal.SIGKILL)
            await until(lambda killed=killed: postgres.postmaster_pid != killed)  # type: ignore[misc]  # bound now
        is_over = True
        await asyncio.gather(*writers)
        stored = {row["number"] for row in await database.fetch("SELECT number FROM counted")}
        assert answered <= stored
    finally:
        is_over = True
        await database.close()
        await asyncio.to_thread(postgres.stop)


@pytest.mark.requirement("EMBED-RECOVER-01")
def test_a_killed_postmaster_comes_back_although_a_query_keeps_running(folder: Path) -> None:
    with EmbeddedPostgres(folder, is_fast=True) as postgres:

        async def work() -> None:
            connection = await asyncpg.connect(postgres.url)
            query = asyncio.ensure_future(connection.execute(_BUSY))
            other = await asyncpg.connect(postgres.url)
            active = "SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query = $1"
            await until(lambda: other.fetchval(active, _BUSY))
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


@pytest.mark.requirement("EMBED-RECOVER-02")
def test_when_it_cannot_come_back_the_server_is_told_why(folder: Path) -> None:
    reasons: list[str] = []
    with EmbeddedPostgres(folder, is_fast=True, on_failure=reasons.append) as postgres:
        (folder / "data" / "global" / "pg_control").unlink()
        os.kill(postgres.postmaster_pid, signal.SIGKILL)
        wait_for(lambda: bool(reasons))
    assert "keeps ending" in reasons[0]
    assert "pg_control" in reasons[0]
    assert len(reasons) == 1


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
    data = folder / "data"
    facts = data.stat()
    programs = find_programs(reader=facts.st_uid if os.geteuid() == 0 else None)
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
            wait_for(lambda: _is_ready(data))
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
        with pytest.raises(
            EmbeddedPostgresError, match=rf"process {owner.pid}\) uses the data folder .*HOMEPORT_DATA_DIR"
        ):
            EmbeddedPostgres(folder, is_fast=True).start()
        assert ask(url, "SELECT 1") == 1
        assert is_alive(postmaster)
    finally:
        end(owner)


@pytest.mark.requirement("EMBED-VERSION-01")
@pytest.mark.parametrize(
    ("content", "words"), [("16\n", "made by PostgreSQL 16"), (None, "not a PostgreSQL data folder")]
)
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
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    wait_for((folder / "initializing" / "data" / "base").exists, seconds=30)
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


def _is_ready(data: Path) -> bool:
    try:
        return "ready" in (data / "postmaster.pid").read_text()
    except FileNotFoundError:
        return False
