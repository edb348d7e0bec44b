"""Engines' states that are too large to be reported as they are."""

import gzip

import pytest

from homeport.kit.errors import BadRequest
from homeport.provisioning import rules
from homeport.provisioning.errors import JobTokenInvalid
from homeport.provisioning.schemas import CompleteJobRequest, FailedBuild, FailJobRequest
from homeport.provisioning.service import progress
from homeport.provisioning.types import BuildResult
from tests.homeport.provisioning.queue_world import QueueWorld


@pytest.mark.requirement("QUEUE-STATE-01")
async def test_a_packed_state_is_kept_as_it_is(queue: QueueWorld) -> None:
    done, failed = [await queue.running(type="workspace_build") for _ in range(2)]
    assert done.most_state_bytes == rules.MOST_STATE
    result = BuildResult(state=gzip.compress(b"whole"), is_state_packed=True)
    await progress.complete_job(queue.db, done.job_id, done.job_token, CompleteJobRequest(workspace_build=result))
    build = FailedBuild(state=gzip.compress(b"half"), is_state_packed=True)
    await progress.report_failure(queue.db, failed.job_id, failed.job_token, FailJobRequest(workspace_build=build))
    completed, failure = queue.events
    assert (completed.result.state, completed.result.is_state_packed, failure.state) == (b"whole", False, b"half")


@pytest.mark.requirement("QUEUE-STATE-01")
@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (b"plain", "no gzip"),
        (b"", "not one whole gzip"),
        (gzip.compress(b"x" * 100)[:-1], "not one whole gzip"),
        (gzip.compress(b"x" * 100) + b"more", "not one whole gzip"),
        (gzip.compress(b"x" * 101), "at most"),
        (gzip.compress(b"\0" * 10_000_000), "at most"),
    ],
)
async def test_what_is_no_packed_state_is_refused_to_the_owner_and_not_looked_at_for_others(
    queue: QueueWorld, monkeypatch: pytest.MonkeyPatch, packed: bytes, words: str
) -> None:
    monkeypatch.setattr(rules, "MOST_STATE", 100)
    job = await queue.running(type="workspace_build")
    request = FailJobRequest(workspace_build=FailedBuild(state=packed, is_state_packed=True))
    with pytest.raises(JobTokenInvalid):
        await progress.report_failure(queue.db, job.job_id, "x", request)
    with pytest.raises(BadRequest) as caught:
        await progress.report_failure(queue.db, job.job_id, job.job_token, request)
    assert caught.value.validations[0].field == "workspace_build.state"
    assert words in caught.value.validations[0].detail
    assert (await queue.find(job.job_id)).job_status == "running"
