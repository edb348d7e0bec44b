"""The cache of files: one fetch for all who ask at once, a decision for each, and nothing left of what failed."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.database import Database
from homeport.files import queries
from homeport.files.errors import FetchInterrupted, FileNotFound
from homeport.files.rules import archive
from homeport.files.service import FileCache, OpenFile, cache, metrics, store_archive
from homeport.kit.errors import NotFound
from homeport.rbac import DecisionLog, InternalName, Subject, decisions, require, system_subject
from homeport.rbac.rules.scopes import ALL, scope_named
from tests.homeport.files.test_archive import tar_of
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts
from tests.support.waiting import until

READER = system_subject(InternalName.FILE_READER)
NOBODY = Subject.build(uuid4(), roles=(), scope=scope_named(ALL), friendly_name="nobody")
FIGURES: dict[str, Callable[[], float]] = {
    "open": metrics.open_files._value.get,
    "opened": metrics.opened_files._value.get,
    "bytes": metrics.open_bytes._value.get,
    "opened_bytes": metrics.opened_bytes._value.get,
    "references": metrics.open_references._value.get,
    "hits": metrics.references.labels("true")._value.get,
    "misses": metrics.references.labels("false")._value.get,
}


class Figures:
    """What the metrics say since this was made."""

    def __init__(self) -> None:
        self._before = {name: read() for name, read in FIGURES.items()}

    def now(self) -> dict[str, float]:
        return {name: read() - self._before[name] for name, read in FIGURES.items()}


class Fetches:
    """Reading from the database, counted, held up and broken as a test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[UUID] = []
        self.failures: list[BaseException] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._find = queries.find_file
        monkeypatch.setattr(queries, "find_file", self.find_file)

    async def find_file(self, conn: Any, file_id: UUID) -> Any:
        self.made.append(file_id)
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return await self._find(conn, file_id)


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> Fetches:
    return Fetches(monkeypatch)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the subjects for whom it was decided whether they may read a file."""
    made: list[str] = []

    def noting(subject: Subject, *more: Any, **named: Any) -> None:
        made.append(subject.friendly_name)
        require(subject, *more, **named)

    monkeypatch.setattr(cache, "require", noting)
    return made


async def store(db: Database, accounts: Accounts, *, count: int = 1) -> list[UUID]:
    """Store different archives of one person and return their ids."""
    owner = await accounts.make()
    async with db.transaction() as conn:
        return [
            (
                await store_archive(
                    conn, subject=owner.me, owner_id=owner.id, organization_id=DEFAULT_ORGANIZATION_ID,
                    data=archive.pack({"a": str(number).encode()}),
                )
            ).id
            for number in range(count)
        ]  # fmt: skip


@pytest.mark.requirement("M10-01")
async def test_two_at_once_share_one_fetch(db: Database, accounts: Accounts, fetches: Fetches) -> None:
    [file_id] = await store(db, accounts)
    files, figures = FileCache(db), Figures()
    one, two = await asyncio.gather(files.acquire(READER, file_id), files.acquire(READER, file_id))
    assert (fetches.made, files.count) == ([file_id], 1)
    assert one.read("a", limit=10) == two.read("a", limit=10) == b"0"
    size = one.file.size
    assert figures.now() == {
        "open": 1, "opened": 1, "bytes": size, "opened_bytes": size, "references": 2, "hits": 1, "misses": 1
    }  # fmt: skip
    one.close()
    one.close()
    assert files.count == 1, "closing twice takes nothing from others"
    assert two.read("a", limit=10) == b"0"
    with pytest.raises(ValueError, match="given back"):
        one.read("a", limit=10)
    two.close()
    assert (files.count, figures.now()["open"], figures.now()["bytes"], figures.now()["references"]) == (0, 0, 0, 0)
    with await files.acquire(READER, file_id):
        assert len(fetches.made) == 2, "what nobody uses is not kept"
    assert files.count == 0


@pytest.mark.requirement("M10-02")
async def test_who_is_cancelled_leaves_the_fetch_to_others(db: Database, accounts: Accounts, fetches: Fetches) -> None:
    [file_id] = await store(db, accounts)
    files = FileCache(db)
    fetches.gate.clear()
    first = asyncio.create_task(files.acquire(READER, file_id))
    await until(lambda: bool(fetches.made))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert files.count == 1, "the fetch goes on"
    second = asyncio.create_task(files.acquire(READER, file_id))
    await asyncio.sleep(0)
    fetches.gate.set()
    (await second).close()
    assert (len(fetches.made), files.count) == (1, 0)


@pytest.mark.requirement("M10-02")
async def test_a_fetch_that_everybody_has_left_is_not_kept(db: Database, accounts: Accounts, fetches: Fetches) -> None:
    [file_id] = await store(db, accounts)
    files, figures = FileCache(db), Figures()
    fetches.gate.clear()
    only = asyncio.create_task(files.acquire(READER, file_id))
    await until(lambda: bool(fetches.made))
    only.cancel()
    await asyncio.wait({only})
    fetches.gate.set()
    await until(lambda: files.count == 0)
    assert (figures.now()["open"], figures.now()["bytes"], figures.now()["references"]) == (0, 0, 0)


@pytest.mark.requirement("M10-03")
async def test_nobody_is_refused_and_leaves_no_trace(
    db: Database, accounts: Accounts, fetches: Fetches, checks: list[str]
) -> None:
    [file_id] = await store(db, accounts)
    files, figures = FileCache(db), Figures()
    with pytest.raises(NotFound):
        await files.acquire(NOBODY, file_id)
    assert checks == ["file-reader", "nobody"]
    assert (files.count, figures.now()["references"], figures.now()["open"]) == (0, 0, 0)
    # The refusal is not remembered.
    (await files.acquire(READER, file_id)).close()
    assert len(fetches.made) == 2


@pytest.mark.requirement("M10-03")
async def test_each_is_decided_upon_where_the_file_is_there_already(
    db: Database, accounts: Accounts, fetches: Fetches, checks: list[str]
) -> None:
    [file_id] = await store(db, accounts)
    admin, stranger = await accounts.make("template-admin"), await accounts.make("stranger")
    files = FileCache(db)
    held = await files.acquire(admin.me, file_id)
    for who in (NOBODY, stranger.me):
        with pytest.raises(NotFound):
            await files.acquire(who, file_id)
        assert files.count == 1
    also = await files.acquire(admin.me, file_id)
    assert (len(fetches.made), checks.count("file-reader"), len(checks)) == (1, 1, 5)
    held.close()
    assert files.count == 1
    also.close()
    assert files.count == 0


@pytest.mark.requirement("M10-03")
async def test_a_refused_first_caller_spoils_nothing_for_those_who_wait_with_them(
    db: Database, accounts: Accounts, fetches: Fetches
) -> None:
    [file_id] = await store(db, accounts)
    files = FileCache(db)
    fetches.gate.clear()
    waiting = [asyncio.create_task(files.acquire(who, file_id)) for who in (NOBODY, READER, NOBODY, READER)]
    await until(lambda: bool(fetches.made))
    fetches.gate.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(outcome, OpenFile) for outcome in outcomes] == [False, True, False, True]
    assert (len(fetches.made), files.count) == (1, 1)
    for outcome in outcomes:
        if isinstance(outcome, OpenFile):
            outcome.close()
    assert files.count == 0


@pytest.mark.requirement("M10-03")
async def test_what_the_fetch_decides_is_no_decision_of_the_request(db: Database, accounts: Accounts) -> None:
    """A lasting connection is held to what was decided for it; nobody holds what the reader of files may."""
    [file_id] = await store(db, accounts)
    admin = await accounts.make("template-admin")
    log = DecisionLog(keeps=True)
    token = decisions.set(log)
    try:
        (await FileCache(db).acquire(admin.me, file_id)).close()
    finally:
        decisions.reset(token)
    assert (log.made, [target.id for _, target in log.kept or []]) == (1, [file_id])


@pytest.mark.requirement("M10-04")
async def test_a_thousand_files_for_ten_each_are_fetched_a_thousand_times(
    db: Database, accounts: Accounts, fetches: Fetches
) -> None:
    ids = await store(db, accounts, count=1000)
    files, figures = FileCache(db), Figures()
    opened = await asyncio.gather(*(files.acquire(READER, file_id) for file_id in ids for _ in range(10)))
    total = sum({one.file.id: one.file.size for one in opened}.values())
    assert (len(fetches.made), set(fetches.made), files.count) == (1000, set(ids), 1000)
    assert figures.now() == {
        "open": 1000, "opened": 1000, "bytes": total, "opened_bytes": total,
        "references": 10_000, "hits": 9000, "misses": 1000,
    }  # fmt: skip
    for one in opened:
        one.close()
    assert files.count == 0
    assert figures.now() == {
        "open": 0, "opened": 1000, "bytes": 0, "opened_bytes": total, "references": 0, "hits": 9000, "misses": 1000
    }  # fmt: skip


@pytest.mark.requirement("M10-04")
async def test_figures_are_exact_at_each_step(db: Database, accounts: Accounts) -> None:
    ids = await store(db, accounts, count=100)
    files, figures = FileCache(db), Figures()
    opened: list[OpenFile] = []
    size = 0
    for number, file_id in enumerate(ids, 1):
        for turn in range(1, 11):
            opened.append(await files.acquire(READER, file_id))
            size += opened[-1].file.size if turn == 1 else 0
            now = figures.now()
            assert (files.count, now["open"], now["opened"]) == (number, number, number)
            assert (now["references"], now["misses"], now["hits"]) == (len(opened), number, len(opened) - number)
            assert (now["bytes"], now["opened_bytes"]) == (size, size)
    for number in range(len(opened) - 1, -1, -1):
        one = opened.pop()
        size -= one.file.size if number % 10 == 0 else 0
        one.close()
        now = figures.now()
        assert (now["references"], files.count, now["open"]) == (number, -(-number // 10), -(-number // 10))
        assert now["bytes"] == size
    assert figures.now()["bytes"] == 0


@pytest.mark.requirement("M10-05")
async def test_a_fetch_that_fails_is_forgotten_and_tried_again(
    db: Database, accounts: Accounts, fetches: Fetches
) -> None:
    [file_id] = await store(db, accounts)
    files, figures = FileCache(db), Figures()
    fetches.failures.append(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError):
        await files.acquire(READER, file_id)
    assert (files.count, figures.now()["references"], figures.now()["open"]) == (0, 0, 0)
    (await files.acquire(READER, file_id)).close()
    assert len(fetches.made) == 2


@pytest.mark.requirement("M10-05")
async def test_who_joined_a_fetch_that_fails_tries_once_more(
    db: Database, accounts: Accounts, fetches: Fetches
) -> None:
    [file_id] = await store(db, accounts)
    files = FileCache(db)
    fetches.gate.clear()
    waiting = [asyncio.create_task(files.acquire(READER, file_id)) for _ in range(10)]
    await until(lambda: bool(fetches.made))
    fetches.failures.append(ConnectionResetError("gone"))
    fetches.gate.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionResetError, *[OpenFile] * 9]
    assert len(fetches.made) == 2, "nine of them share the second fetch"
    # A failure that lasts ends for everybody, after one more attempt.
    for outcome in outcomes[1:]:
        assert isinstance(outcome, OpenFile)
        outcome.close()
    fetches.failures += [ConnectionResetError("gone")] * 5
    outcomes = await asyncio.gather(*(files.acquire(READER, file_id) for _ in range(10)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionResetError] * 10
    assert (len(fetches.made), files.count) == (4, 0)


@pytest.mark.requirement("M10-05")
async def test_a_fetch_that_is_cancelled_is_no_cancel_of_its_callers(
    db: Database, accounts: Accounts, fetches: Fetches
) -> None:
    [file_id] = await store(db, accounts)
    files = FileCache(db)
    fetches.failures.append(asyncio.CancelledError())
    with pytest.raises(FetchInterrupted):
        await files.acquire(READER, file_id)
    assert files.count == 0
    (await files.acquire(READER, file_id)).close()


@pytest.mark.requirement("M10-05")
async def test_an_unknown_file_is_not_found_and_may_come_later(db: Database, fetches: Fetches) -> None:
    files, unknown = FileCache(db), uuid4()
    outcomes = await asyncio.gather(*(files.acquire(READER, unknown) for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [FileNotFound] * 5
    assert len({id(outcome) for outcome in outcomes}) == 5
    assert (len(fetches.made), files.count) == (1, 0)


@pytest.mark.requirement("M10-04")
async def test_files_are_fetched_side_by_side(db: Database, accounts: Accounts, fetches: Fetches) -> None:
    slow, quick = await store(db, accounts, count=2)
    files = FileCache(db)
    fetches.gate.clear()
    waiting = asyncio.create_task(files.acquire(READER, slow))
    await until(lambda: bool(fetches.made))
    also = asyncio.create_task(files.acquire(READER, quick))
    await until(lambda: len(fetches.made) == 2)
    fetches.gate.set()
    for one in (await waiting, await also):
        one.close()
    assert files.count == 0


@pytest.mark.requirement("M10-01")
async def test_files_behind_links_are_read(db: Database, accounts: Accounts) -> None:
    owner = await accounts.make()
    data = tar_of(
        ("a/main.tf", {"data": b"x = 1"}),
        ("hard.tf", {"type": b"1", "linkname": "a/main.tf"}),
        ("soft.tf", {"type": b"2", "linkname": "a/../again.tf"}),
        ("again.tf", {"type": b"2", "linkname": "a/main.tf"}),
        ("nowhere.tf", {"type": b"2", "linkname": "none"}),
    )
    async with db.transaction() as conn:
        file = await store_archive(conn, subject=owner.me, owner_id=owner.id, organization_id=None, data=data)
    with await FileCache(db).acquire(owner.me, file.id) as opened:
        assert set(opened.places) == {"a/main.tf", "hard.tf", "soft.tf", "again.tf"}
        assert {opened.read(name, limit=3) for name in opened.places} == {b"x ="}
        assert opened.read("nowhere.tf", limit=3) is None
