"""What the owner of a job may report, and what becomes of it: logs, ends, cancel, lost ownership."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from homeport.database import Listener
from homeport.kit import clock
from homeport.kit.clock import FakeClock
from homeport.kit.errors import BadRequest
from homeport.kit.ids import new_id
from homeport.provisioning import rules, service
from homeport.provisioning.errors import JobAlreadyCanceled, JobAlreadyFinished, JobEnded, JobNotFound, JobTokenInvalid
from homeport.provisioning.queries import daemons as daemon_queries
from homeport.provisioning.schemas import (
    AcquiredJob,
    CommitQuotaResponse,
    CompleteJobRequest,
    FailedBuild,
    FailJobRequest,
    JobVariableValue,
    LogLine,
    ProvisionerJobLog,
    UpdateJobRequest,
    UpdateJobResponse,
)
from homeport.provisioning.service import inputs, progress
from homeport.provisioning.service.acquire import release_job
from homeport.provisioning.service.keys import create_builtin_key, revoke_builtin_keys
from homeport.provisioning.types import BuildResult, DeclaredVariable, ImportResult
from tests.homeport.provisioning.queue_world import FORCE_AFTER, QueueWorld

IMPORTED = CompleteJobRequest(template_import=ImportResult())


async def update(queue: QueueWorld, job: AcquiredJob, **changes) -> UpdateJobResponse:
    token = changes.pop("token", job.job_token)
    return await progress.update_job(queue.db, job.job_id, token, UpdateJobRequest(**changes), force_after=FORCE_AFTER)


async def cancel(queue: QueueWorld, job_id) -> None:
    async with queue.db.transaction() as conn:
        await service.cancel_job(conn, job_id, clock.now())


async def cancel_quietly(queue: QueueWorld, job_id) -> None:
    with contextlib.suppress(JobAlreadyCanceled):
        await cancel(queue, job_id)


@pytest.mark.requirement("QUEUE-TOKEN-01")
async def test_every_report_needs_the_token_of_the_job(queue: QueueWorld) -> None:
    job, other = await queue.running(), await queue.running()
    for token in ("", "x", other.job_token, job.job_token[:-1]):
        with pytest.raises(JobTokenInvalid):
            await update(queue, job, token=token)
        with pytest.raises(JobTokenInvalid):
            await progress.complete_job(queue.db, job.job_id, token, IMPORTED)
        with pytest.raises(JobTokenInvalid):
            await progress.report_failure(queue.db, job.job_id, token, FailJobRequest(error="x"))
        with pytest.raises(JobTokenInvalid):
            await progress.commit_quota(queue.db, job.job_id, token, 1)
        with pytest.raises(JobTokenInvalid):
            await progress.read_job_file(queue.db, job.job_id, token)
    with pytest.raises(JobNotFound):
        await progress.complete_job(queue.db, new_id(), job.job_token, IMPORTED)
    pending = await queue.job()
    with pytest.raises(JobTokenInvalid):
        await progress.complete_job(queue.db, pending.id, "", IMPORTED)
    assert (await queue.find(job.job_id)).job_status == "running"
    assert job.job_token.encode() not in ((await queue.find(job.job_id)).token_hash or b"")


@pytest.mark.requirement("QUEUE-TOKEN-02")
async def test_a_deleted_key_takes_the_job_away_from_its_daemon(queue: QueueWorld) -> None:
    async with queue.db.transaction() as conn:
        key, _ = await create_builtin_key(conn, organization_id=queue.organization_id, installation="here")
    await queue.job()
    job = await queue.acquire(await queue.daemon(key_id=key.id))
    assert job is not None
    await update(queue, job)
    async with queue.db.transaction() as conn:
        await daemon_queries.delete_key(conn, key.id)
    with pytest.raises(JobTokenInvalid):
        await update(queue, job)


@pytest.mark.requirement("QUEUE-ORPHANS-01")
async def test_a_server_that_stops_ends_what_its_daemons_leave_running(queue: QueueWorld) -> None:
    async with queue.db.transaction() as conn:
        key, _ = await create_builtin_key(conn, organization_id=queue.organization_id, installation="here")
    await queue.job()
    job = await queue.acquire(await queue.daemon(key_id=key.id))
    assert job is not None
    async with queue.db.transaction() as conn:
        assert await revoke_builtin_keys(conn, "here") == 1
    assert (await queue.find(job.job_id)).job_status == "failed"
    with pytest.raises(JobEnded):
        await update(queue, job)


@pytest.mark.requirement("QUEUE-LOGS-01")
async def test_lines_are_kept_in_order_with_what_they_say(queue: QueueWorld) -> None:
    job = await queue.running()
    moment = clock.now() - timedelta(hours=1)
    await update(
        queue,
        job,
        logs=[
            LogLine(output="one", created_at=moment, source="provisioner_daemon", level="debug", stage="Setting up"),
            LogLine(output="two\n"),
        ],
    )
    await update(queue, job, logs=[LogLine(output="")])
    first, second, third = await queue.lines(job.job_id)
    assert (first.output, first.log_source, first.log_level, first.stage) == (
        "one", "provisioner_daemon", "debug", "Setting up",
    )  # fmt: skip
    assert first.created_at == moment
    assert (second.output, third.output) == ("two", "")
    assert first.id < second.id < third.id
    async with queue.db.connection() as conn:
        assert [line.id for line in await service.list_logs(conn, job.job_id, after=first.id)] == [second.id, third.id]
        assert [line.id for line in await service.list_logs(conn, job.job_id, before=third.id)] == [first.id, second.id]
    assert service.format_text([second]).endswith("[info] : two\n")


def _numbered(first: int, count: int, size: int = 10_000) -> list[LogLine]:
    return [LogLine(output=f"{n} {'x' * size}", stage="Building") for n in range(first, first + count)]


def _numbers(lines: list[ProvisionerJobLog]) -> list[int | None]:
    """Return the numbers of lines; None where some are left out."""
    return [None if line.output.startswith("…") else int(line.output.split(" ")[0]) for line in lines]


@pytest.mark.requirement("QUEUE-REPORTS-01")
async def test_a_report_that_comes_again_counts_once(queue: QueueWorld) -> None:
    async def values(_conn, _job):
        return [JobVariableValue(name="region", value="eu")]

    inputs.register_variables("template_version_import", values)
    job = await queue.running()
    first = {"logs": [LogLine(output="a")], "variables": [DeclaredVariable(name="region")], "sequence": 1}
    same = await asyncio.gather(*(update(queue, job, **first) for _ in range(5)))
    assert all(answer == same[0] and answer.variable_values for answer in same)
    await update(queue, job, logs=[LogLine(output="b")], sequence=3)
    for late in (1, 2, 3):
        await cancel_quietly(queue, job.job_id)
        assert (await update(queue, job, logs=[LogLine(output="again")], sequence=late)).canceled
    await update(queue, job, logs=[LogLine(output="c")], sequence=4)
    await update(queue, job, logs=[LogLine(output="uncounted")])
    assert [line.output for line in await queue.lines(job.job_id)] == ["a", "b", "c", "uncounted"]
    assert [type(event).__name__ for event in queue.events] == ["JobUpdated"]


@pytest.mark.requirement("QUEUE-REPORTS-01")
async def test_an_end_that_comes_again_counts_once_and_no_other_end_does(queue: QueueWorld) -> None:
    done, failed, reaped = [await queue.running(type="workspace_build") for _ in range(3)]
    result = CompleteJobRequest(workspace_build=BuildResult(), sequence=2)
    await update(queue, done, sequence=3)
    for _ in range(2):
        await progress.complete_job(queue.db, done.job_id, done.job_token, result)
    failure = FailJobRequest(error="no", workspace_build=FailedBuild(state=b"half"), sequence=1)
    for _ in range(2):
        await progress.report_failure(queue.db, failed.job_id, failed.job_token, failure)
    await update(queue, reaped, sequence=2)
    async with queue.db.transaction() as conn:
        await service.fail_job(conn, reaped.job_id, error="hung", now=clock.now(), cause="hung")
    assert [type(event).__name__ for event in queue.events] == ["JobCompleted", "JobFailed", "JobFailed"]
    for job, sequence in ((reaped, 2), (reaped, 3), (done, 1), (done, 3), (done, 0)):
        again = CompleteJobRequest(workspace_build=BuildResult(), sequence=sequence)
        with pytest.raises(JobEnded):
            await progress.complete_job(queue.db, job.job_id, job.job_token, again)
    with pytest.raises(JobTokenInvalid):
        await progress.complete_job(queue.db, done.job_id, failed.job_token, result)
    with pytest.raises(JobEnded):
        await update(queue, done, sequence=2)


@pytest.mark.requirement("QUEUE-REPORTS-01")
async def test_reports_are_counted_anew_for_whoever_gets_the_job_next(queue: QueueWorld) -> None:
    former = await queue.running()
    await queue.set(former.job_id, last_report=7)
    await release_job(queue.db, former.job_id, former.job_token)
    job = await queue.acquire()
    assert job is not None
    await update(queue, job, logs=[LogLine(output="heard")], sequence=1)
    assert [line.output for line in await queue.lines(job.job_id)] == ["heard"]


@pytest.mark.requirement("QUEUE-LOGS-02")
@pytest.mark.parametrize("batch", [1, 7, 60, 1000])
async def test_a_log_that_is_too_long_keeps_both_ends_and_the_job_goes_on(queue: QueueWorld, batch: int) -> None:
    job = await queue.running()
    for first in range(0, 300, batch):
        assert not (await update(queue, job, logs=_numbered(first, min(batch, 300 - first)))).canceled
        row = await queue.find(job.job_id)
        assert row.logs_length <= rules.LOG_LIMIT
        assert row.logs_overflowed is (first + batch > 104)
    lines = await queue.lines(job.job_id)
    stored = await queue.db.fetchval(
        "select sum(octet_length(output)) from provisioner_job_logs where job_id = $1", job.job_id
    )
    assert rules.LOG_LIMIT - 200_000 < stored <= rules.LOG_LIMIT
    numbers = _numbers(lines)
    assert numbers.count(None) == 1
    gap = numbers.index(None)
    assert 50 <= gap <= 53
    assert numbers[:gap] == list(range(gap))
    tail = numbers[gap + 1 :]
    assert len(tail) >= 40
    assert tail == list(range(300 - len(tail), 300))
    assert f"{300 - gap - len(tail)} lines are left out here" in lines[gap].output
    assert (lines[gap].log_level, lines[gap].log_source, lines[gap].stage) == ("warn", "provisioner_daemon", "Building")
    await progress.complete_job(queue.db, job.job_id, job.job_token, IMPORTED)
    assert (await queue.find(job.job_id)).job_status == "succeeded"


@pytest.mark.requirement("QUEUE-LOGS-02")
async def test_empty_lines_are_bounded_too(queue: QueueWorld) -> None:
    job = await queue.running()
    for _ in range(8):
        await update(queue, job, logs=[LogLine(output="")] * 10_000)
    assert len(await queue.lines(job.job_id)) <= rules.LOG_LIMIT // rules.LINE_COST + 1
    assert (await queue.find(job.job_id)).logs_overflowed


@pytest.mark.requirement("QUEUE-LOGS-02")
async def test_whoever_follows_a_log_reads_on_behind_what_is_left_out(queue: QueueWorld) -> None:
    job = await queue.running()
    seen: list[int | None] = []

    async def follow() -> None:
        async for found in service.follow_logs(queue.db, queue.listener, job.job_id):
            seen.extend(_numbers(found))

    following = asyncio.create_task(follow())
    for first in range(0, 400, 40):
        await update(queue, job, logs=_numbered(first, 40))
    await progress.complete_job(queue.db, job.job_id, job.job_token, IMPORTED)
    await asyncio.wait_for(following, 10)
    numbers = [number for number in seen if number is not None]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 399


@pytest.mark.requirement("QUEUE-LOGS-03")
async def test_a_follower_sees_every_line_once_and_ends_with_the_job(queue: QueueWorld) -> None:
    job = await queue.running()
    await queue.log(job, "0")
    seen: list[str] = []

    async def follow() -> None:
        async for batch in service.follow_logs(queue.db, queue.listener, job.job_id):
            seen.extend(line.output for line in batch)

    following = asyncio.create_task(follow())
    for number in range(1, 60, 3):
        await queue.log(job, *(str(n) for n in range(number, number + 3)))
    await progress.complete_job(queue.db, job.job_id, job.job_token, IMPORTED)
    await asyncio.wait_for(following, 10)
    assert seen == [str(n) for n in range(61)]
    again = [line.output async for batch in service.follow_logs(queue.db, queue.listener, job.job_id) for line in batch]
    assert again == seen


@pytest.mark.requirement("QUEUE-LOGS-03")
async def test_a_follower_without_messages_polls_and_unknown_jobs_end_at_once(queue: QueueWorld) -> None:
    deaf = Listener(queue.db.connect)
    job = await queue.running()
    seen: list[str] = []

    async def follow() -> None:
        async for batch in service.follow_logs(queue.db, deaf, job.job_id, poll_seconds=0.02):
            seen.extend(line.output for line in batch)

    following = asyncio.create_task(follow())
    await queue.log(job, "a")
    await queue.log(job, "b")
    await progress.report_failure(queue.db, job.job_id, job.job_token, FailJobRequest(error="no"))
    await asyncio.wait_for(following, 10)
    assert seen == ["a", "b"]
    assert [batch async for batch in service.follow_logs(queue.db, deaf, new_id())] == []


@pytest.mark.requirement("QUEUE-END-01")
async def test_a_job_ends_once(queue: QueueWorld) -> None:
    job = await queue.running()
    with pytest.raises(BadRequest) as caught:
        await progress.complete_job(
            queue.db, job.job_id, job.job_token, CompleteJobRequest(workspace_build=BuildResult())
        )
    assert caught.value.validations[0].field == "template_import"
    with pytest.raises(BadRequest):
        await progress.complete_job(queue.db, job.job_id, job.job_token, CompleteJobRequest())
    await progress.complete_job(queue.db, job.job_id, job.job_token, IMPORTED)
    for late in (
        progress.complete_job(queue.db, job.job_id, job.job_token, IMPORTED),
        progress.report_failure(queue.db, job.job_id, job.job_token, FailJobRequest(error="x")),
        update(queue, job),
    ):
        with pytest.raises(JobEnded):
            await late
    assert [type(event).__name__ for event in queue.events] == ["JobCompleted"]


@pytest.mark.requirement("QUEUE-END-02")
async def test_a_failure_keeps_its_words_and_the_state(queue: QueueWorld) -> None:
    job = await queue.running(type="workspace_build")
    request = FailJobRequest(
        error="no\x00 disk", error_code="INSUFFICIENT_QUOTA", workspace_build=FailedBuild(state=b"half")
    )
    await progress.report_failure(queue.db, job.job_id, job.job_token, request)
    row = await queue.find(job.job_id)
    assert (row.job_status, row.error, row.error_code) == ("failed", "no disk", "INSUFFICIENT_QUOTA")
    assert [(event.state, event.cause) for event in queue.events] == [(b"half", "reported")]
    silent = await queue.running()
    await progress.report_failure(queue.db, silent.job_id, silent.job_token, FailJobRequest(canceled=True))
    assert (await queue.find(silent.job_id)).job_status == "failed"


@pytest.mark.requirement("QUEUE-CANCEL-01")
async def test_a_waiting_job_is_canceled_at_once(queue: QueueWorld) -> None:
    job = await queue.job()
    await cancel(queue, job.id)
    row = await queue.find(job.id)
    assert row.job_status == "canceled"
    assert row.completed_at is not None
    assert row.started_at is None
    assert await queue.acquire() is None
    assert [type(event).__name__ for event in queue.events] == ["JobCanceled"]
    with pytest.raises(JobAlreadyFinished):
        await cancel(queue, job.id)
    with pytest.raises(JobNotFound):
        await cancel(queue, new_id())


@pytest.mark.requirement("QUEUE-CANCEL-02")
async def test_a_running_job_is_told_then_forced_then_canceled(queue: QueueWorld, clock: FakeClock) -> None:
    job = await queue.running(type="workspace_build")
    assert await update(queue, job) == UpdateJobResponse(canceled=False, force=False)
    await cancel(queue, job.job_id)
    assert (await queue.find(job.job_id)).job_status == "canceling"
    with pytest.raises(JobAlreadyCanceled):
        await cancel(queue, job.job_id)
    assert await update(queue, job) == UpdateJobResponse(canceled=True, force=False)
    clock.advance(FORCE_AFTER)
    assert await update(queue, job) == UpdateJobResponse(canceled=True, force=True)
    await progress.report_failure(
        queue.db, job.job_id, job.job_token, FailJobRequest(canceled=True, workspace_build=FailedBuild(state=b"s"))
    )
    assert (await queue.find(job.job_id)).job_status == "canceled"
    assert [(type(event).__name__, event.state) for event in queue.events] == [("JobCanceled", b"s")]


@pytest.mark.requirement("QUEUE-CANCEL-02")
async def test_work_that_was_done_in_spite_of_a_cancel_is_kept(queue: QueueWorld) -> None:
    job = await queue.running()
    await cancel(queue, job.job_id)
    await progress.complete_job(queue.db, job.job_id, job.job_token, IMPORTED)
    assert (await queue.find(job.job_id)).job_status == "canceled"
    assert [type(event).__name__ for event in queue.events] == ["JobCompleted"]


@pytest.mark.requirement("QUEUE-CONTENTS-01")
async def test_readme_and_variables_reach_the_room_that_asked(queue: QueueWorld) -> None:
    async def values(_conn, _job):
        return [JobVariableValue(name="region", value="eu")]

    inputs.register_variables("template_version_import", values)
    job = await queue.running()
    answer = await update(queue, job, readme="# He\x00llo", variables=[DeclaredVariable(name="region")])
    assert [(value.name, value.value) for value in answer.variable_values] == [("region", "eu")]
    assert [(event.readme, [v.name for v in event.variables]) for event in queue.events] == [("# Hello", ["region"])]
    with pytest.raises(BadRequest):
        await update(queue, job, variables=[DeclaredVariable(name="a\x00")])


async def test_quota_is_asked_of_the_room_that_knows(queue: QueueWorld) -> None:
    job = await queue.running(type="workspace_build")
    assert await progress.commit_quota(queue.db, job.job_id, job.job_token, 5) == CommitQuotaResponse(True, 0, -1)

    async def check(_conn, _job, cost):
        return CommitQuotaResponse(ok=cost <= 3, credits_consumed=cost, budget=3)

    inputs.register_quota("workspace_build", check)
    assert not (await progress.commit_quota(queue.db, job.job_id, job.job_token, 5)).ok


@pytest.mark.requirement("QUEUE-LOGS-02")
async def test_a_report_of_too_many_lines_is_refused_and_the_job_goes_on(queue: QueueWorld) -> None:
    job = await queue.running()
    path, token = f"/provisionerjobs/{job.job_id}/update", {"Homeport-Job-Token": job.job_token}
    answer = await queue.api.call(None, "POST", path, {"logs": [{"output": ""}] * 10_001}, headers=token)
    assert (answer.status_code, answer.json()["validations"][0]["field"]) == (400, "logs")
    await queue.log(job, "goes on")


@pytest.mark.parametrize("value", ["a\x00", "a\\u0000"])
def test_only_a_real_nul_is_refused(value: str) -> None:
    request = FailJobRequest(error=value)
    with pytest.raises(BadRequest) if "\x00" in value else contextlib.nullcontext():
        rules.refuse_nul(request)
