"""`python -m homeport_provisioner.terraform_provider`: make the environment of the bundled provider."""

import sys

from homeport_provisioner.terraform_provider.environment import SetUpFailure, make_environment


def main() -> int:
    """Make it unless it is there; return the exit status."""
    try:
        make_environment(lambda text: print(f"set-up: {text}", file=sys.stderr, flush=True))
    except (SetUpFailure, OSError) as error:
        print(f"set-up: the bundled Terraform provider is missing: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
