"""`python -m homeport.bootstrap.service`: fetch what agents on other Pythons and machines need."""

import sys

from homeport.bootstrap.service.fetching import FetchFailed, make_parts


def main() -> int:
    """Fetch what is missing; return the exit status."""
    try:
        make_parts(lambda text: print(f"set-up: {text}", file=sys.stderr, flush=True))
    except (FetchFailed, OSError) as error:
        print(f"set-up: agents are not offered for every machine: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
