"""What a template writes, however much, on its way into the log."""

from collections.abc import Sequence

from homeport_provisioner.reporter import Reporter
from homeport_sdk.provisioner_protocol import LogLine, UpdateJobRequest, UpdateJobResponse


class Calls:
    """Takes reports and keeps their lines."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    async def update(self, request: UpdateJobRequest) -> UpdateJobResponse:
        self.lines += request.logs
        return UpdateJobResponse()


async def reported(*texts: str) -> Sequence[str]:
    calls = Calls()
    reporter = Reporter(calls)  # type: ignore[arg-type]  # all of the calls that it makes
    for text in texts:
        reporter.write(text)
    await reporter.flush()
    return [line.output for line in calls.lines]


async def test_a_flood_keeps_its_end_and_says_what_is_lost() -> None:
    lines = await reported("\n" * 300_000 + "the end")
    assert lines[-1] == "the end"
    lost = int(lines[0].split()[0].removeprefix("("))
    assert lost + len(lines) - 1 == 300_001
    assert len(lines) < 50_000


async def test_long_lines_are_cut_and_nothing_steers_a_terminal() -> None:
    assert await reported("a\x1b[31mb\x9bc\x7fd\te\x00") == ["a[31mbcd\te"]
    [line] = await reported("x" * 1_000_000)
    assert line == f"{'x' * 16384}… ({1_000_000 - 16384} more characters)"
