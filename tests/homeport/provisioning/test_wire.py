"""The two ends of the daemon protocol say the same: every field survives from one end's shape to the other's and back."""

from typing import Any, Literal

import msgspec
import pytest

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.provisioning import schemas as server
from homeport.provisioning.api import protocol
from homeport_sdk import provisioner_protocol as daemon


def sample(type_: msgspec.inspect.Type) -> Any:
    """Return JSON of this shape with every optional part filled in."""
    kind = msgspec.inspect
    match type_:
        case kind.StructType():
            return {field.encode_name: sample(field.type) for field in type_.fields}
        case kind.UnionType():
            return sample(next(each for each in type_.types if not isinstance(each, kind.NoneType)))
        case kind.ListType():
            return [sample(type_.item_type)]
        case kind.DictType():
            return {"KEY": sample(type_.value_type)}
        case kind.LiteralType():
            return type_.values[-1]
        case kind.BoolType():
            return True
        case kind.IntType():
            return 7
        case kind.FloatType():
            return 7.5
        case kind.BytesType():
            return "c3RhdGU="
        case kind.DateTimeType():
            return "2026-01-01T12:00:00Z"
        case kind.UUIDType():
            return "5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10"
        case kind.StrType():
            return "1.0" if type_.pattern else "text"
        case kind.RawType() | kind.AnyType():
            return {"any": "thing"}
    raise AssertionError(f"no sample for {type_}")


def round_trip(source: type[Any], other: type[Any]) -> tuple[Any, Any]:
    """Send a full sample of one end's shape through the other end's."""
    said = msgspec.json.encode(sample(msgspec.inspect.type_info(source)))
    heard = msgspec.json.decode(said, type=other)
    back = msgspec.json.decode(msgspec.json.encode(heard), type=source)
    return msgspec.json.decode(said, type=source), back


Way = Literal["to the server", "to the daemon"]


@pytest.mark.requirement("QUEUE-PROTOCOL-02")
@pytest.mark.parametrize(
    ("way", "name"),
    [
        # The server names the engines that it knows, so the sample is made of its own shape.
        ("to the daemon", "AcquireJobRequest"),
        ("to the server", "UpdateJobRequest"),
        ("to the server", "FailJobRequest"),
        ("to the server", "CompleteJobRequest"),
        ("to the daemon", "UpdateJobResponse"),
        ("to the daemon", "ImportInput"),
        ("to the daemon", "DryRunInput"),
        ("to the daemon", "BuildInput"),
        ("to the daemon", "CommitQuotaResponse"),
    ],
)
def test_what_one_end_says_the_other_understands(way: Way, name: str) -> None:
    ours, theirs = getattr(server, name), getattr(daemon, name)
    said, understood = round_trip(theirs, ours) if way == "to the server" else round_trip(ours, theirs)
    assert understood == said


@pytest.mark.requirement("QUEUE-PROTOCOL-02")
def test_an_acquired_job_is_read_by_its_type() -> None:
    inputs: dict[daemon.JobType, type[msgspec.Struct]] = {
        "template_version_import": server.ImportInput,
        "template_version_dry_run": server.DryRunInput,
        "workspace_build": server.BuildInput,
    }
    for type_, input_type in inputs.items():
        id = new_id()
        job = daemon.AcquiredJob(
            daemon_id=id, job_id=id, job_token="t", type=type_, provisioner="echo", organization_id=id, created_at=clock.now(),
            input=msgspec.Raw(msgspec.json.encode(sample(msgspec.inspect.type_info(input_type)))),
        )  # fmt: skip
        assert type(job.read_input()).__name__ == input_type.__name__


def test_both_ends_know_how_long_a_report_may_be() -> None:
    assert daemon.MOST_REPORT_BYTES == protocol.MAX_REPORT
