"""`python -m homeport.bootstrap.service [--all]`: fetch what agents on other Pythons and machines need."""

import argparse
import sys

from homeport.bootstrap.service.fetching import FetchFailed, make_parts
from homeport.bootstrap.types import PLATFORMS, USUAL


def main() -> int:
    """Fetch what is missing; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m homeport.bootstrap.service", description=__doc__)
    parser.add_argument("--all", action="store_true", help="also for musl, as in Alpine Linux")
    is_all = parser.parse_args().all
    try:
        make_parts(lambda text: print(f"set-up: {text}", file=sys.stderr, flush=True), PLATFORMS if is_all else USUAL)
    except (FetchFailed, OSError) as error:
        print(f"set-up: agents are not offered for every machine: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
