"""Entry point: `homeport agent`, or `python -m homeport_agent`.

Reads HOMEPORT_AGENT_URL and HOMEPORT_AGENT_TOKEN, or the same with CODER_.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from homeport_agent.loading import quick_imports
from homeport_agent.logs import set_up_logging
from homeport_agent.processes import become_reaper
from homeport_sdk.version import __version__

if TYPE_CHECKING:
    from homeport_agent.agent import Agent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent until SIGTERM or SIGINT; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["gitssh"]:
        with quick_imports():
            from homeport_agent.gitssh import run_git_ssh  # lazy: git waits for it, each time it speaks to a host

        return run_git_ssh(
            [word for word in words[1:2] if word != "--"] + words[2:], url=setting("URL"), token=setting("TOKEN")
        )
    options = _parser().parse_args(words)
    set_up_logging(is_verbose=options.verbose)
    problem = _problem(options.agent_url, options.agent_token)
    if problem:
        print(problem, file=sys.stderr)
        return 2
    become_reaper()
    with quick_imports():
        from homeport_agent.agent import Agent  # lazy: only an agent is worth the wait

    asyncio.run(_run(Agent(options.agent_url, options.agent_token)))
    return 0


def setting(name: str) -> str:
    """Return HOMEPORT_AGENT_<name>, else CODER_AGENT_<name>, else nothing."""
    return os.environ.get(f"HOMEPORT_AGENT_{name}") or os.environ.get(f"CODER_AGENT_{name}") or ""


async def _run(agent: "Agent") -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stop)
    # A closed terminal is no reason to leave. Handled, not ignored: what is ignored stays ignored in everything started
    # from here, and then no command would end with its connection.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    await agent.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="homeport agent", description="Serve a workspace: connect it to its Homeport server."
    )
    parser.add_argument("--agent-url", default=setting("URL"), help="address of the server (HOMEPORT_AGENT_URL)")
    parser.add_argument(
        "--agent-token",
        default=setting("TOKEN"),
        help="this agent's token (HOMEPORT_AGENT_TOKEN; the variable is the safer place)",
    )
    parser.add_argument("--verbose", action="store_true", help="log more")
    parser.add_argument("--version", action="version", version=f"Homeport {__version__}")
    return parser


def _problem(url: str, token: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return f"HOMEPORT_AGENT_URL must be the server's address, such as https://homeport.example.com; it is '{url}'."
    return "" if token else "HOMEPORT_AGENT_TOKEN is not set: without it the server does not know which agent this is."
