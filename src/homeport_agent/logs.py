"""The agent's own log: lines on standard error, which the engine that started the agent keeps."""

import logging
import sys


def get_logger(name: str) -> logging.Logger:
    """Return a logger below `homeport_agent`."""
    return logging.getLogger(name)


def set_up_logging(*, is_verbose: bool = False) -> None:
    """Write to standard error with times; libraries only speak up when something is wrong."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    logging.getLogger("homeport_agent").setLevel(logging.DEBUG if is_verbose else logging.INFO)
    # AsyncSSH warns about peers that go away; here that is an everyday event, told by the tunnel itself.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
