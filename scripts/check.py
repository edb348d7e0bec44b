"""Run every static check of `make check`, side by side, and print what each has to say."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


class Check(NamedTuple):
    """One tool: what it is called in the output, and its command."""

    name: str
    command: tuple[str, ...]


CHECKS = (
    Check("types", (str(BIN / "mypy"),)),
    Check("lint", (str(BIN / "ruff"), "check", "--quiet", ".")),
    Check("layout", (str(BIN / "ruff"), "format", "--quiet", "--diff", ".")),
    Check("imports", (str(BIN / "lint-imports"), "--no-logo", "--cache-dir", ".import_linter_cache")),
    Check("own rules", (sys.executable, "-m", "checks")),
)


class Outcome(NamedTuple):
    """What a tool said, whether it was content, and how long it took in seconds."""

    check: Check
    is_clean: bool
    output: str
    seconds: float


def run(check: Check) -> Outcome:
    """Run one tool from the root of the repository."""
    began = time.perf_counter()
    environment = {**os.environ, "COLUMNS": "160"}
    process = subprocess.run(
        check.command,
        cwd=ROOT,
        env=environment,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return Outcome(check, process.returncode == 0, process.stdout.strip(), time.perf_counter() - began)


def main() -> int:
    """Run all checks, two at a time; return 0 when all are clean."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes = list(pool.map(run, CHECKS))
    for outcome in outcomes:
        if not outcome.is_clean and outcome.output:
            sys.stdout.write(f"--- {outcome.check.name}\n{outcome.output}\n")
    for outcome in outcomes:
        verdict = "clean" if outcome.is_clean else "FAILED"
        sys.stdout.write(f"{outcome.check.name:<10} {verdict:<7} {outcome.seconds:5.1f} s\n")
    return 0 if all(outcome.is_clean for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
