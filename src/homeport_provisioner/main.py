"""Entry point: `homeport provisioner start`, or `python -m homeport_provisioner`."""

import asyncio
import logging
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from homeport_provisioner.container.engine import ContainerEngine
from homeport_provisioner.container.host import find_host
from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.echo.engine import EchoEngine
from homeport_provisioner.engine import Engine, EngineFailure
from homeport_provisioner.process.engine import ProcessEngine
from homeport_provisioner.process.isolation import Isolator, find_isolator
from homeport_provisioner.settings import Settings, SettingsError, out_of_sight, read
from homeport_provisioner.terraform.binary import TerraformMissing, find_terraform
from homeport_provisioner.terraform.engine import TerraformEngine

_log = logging.getLogger(__name__)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a daemon until SIGTERM, SIGINT or the end of a piped standard input; return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        settings = read(words)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if len(out_of_sight(words)[0]) < len(words):
        left, environment = out_of_sight(sys.orig_argv)
        os.execve(sys.executable, left, environment)  # noqa: S606 - ourselves, and no shell is wanted
    _set_up_logging(is_verbose=settings.is_verbose)
    _go_around_proxies(settings.url)
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        print(f"The data folder {settings.data_dir} cannot be used: {error.strerror}.", file=sys.stderr)
        return 2
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    engines: dict[str, Engine] = {}
    isolator: Isolator | None = None
    if "process" in settings.engines:
        isolator = await find_isolator(settings)
        engines["process"] = ProcessEngine(settings, isolator=isolator)
    if "container" in settings.engines:
        try:
            host = find_host(settings)
        except EngineFailure as error:
            print(error, file=sys.stderr)
            return 2
        if host is not None or settings.are_engines_named:
            engines["container"] = ContainerEngine(settings, host=host)
        else:
            _log.info("No container templates are taken: neither Docker's nor Podman's socket is on this machine.")
    if "terraform" in settings.engines:
        try:
            engines["terraform"] = TerraformEngine(settings, binary=await find_terraform(settings.terraform))
        except TerraformMissing as error:
            if settings.are_engines_named:
                print(error, file=sys.stderr)
                return 2
            _log.info("No Terraform templates are taken: %s", error)
    if "echo" in settings.engines:
        engines["echo"] = EchoEngine(settings.data_dir)
    settings = msgspec.structs.replace(settings, engines=tuple(engines))
    async with ControlPlane(settings, isolation=isolator.name if isolator else "") as plane:
        daemon = Daemon(settings, plane=plane, engines=engines)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.drain)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if _should_end_with_stdin(settings):
            _call_at_end_of_stdin(lambda: loop.call_soon_threadsafe(daemon.leave))
        await daemon.run()
    return 0


def _should_end_with_stdin(settings: Settings) -> bool:
    """Whether whoever started this daemon holds the other end of its standard input."""
    if settings.ends_with_stdin is not None:
        return settings.ends_with_stdin
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _call_at_end_of_stdin(call: Callable[[], object]) -> None:
    def wait() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        call()

    # A daemon thread: nothing waits for it when the program ends for another reason.
    threading.Thread(target=wait, name="stdin", daemon=True).start()


def _go_around_proxies(url: str) -> None:
    """Talk to a server on this machine directly, whatever proxies the environment names."""
    if urlsplit(url).hostname in _LOOPBACK:
        listed = [name for name in (os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "").split(",") if name]
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(dict.fromkeys([*listed, *_LOOPBACK]))


def _set_up_logging(*, is_verbose: bool) -> None:
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("homeport_provisioner").setLevel(logging.DEBUG if is_verbose else logging.INFO)
