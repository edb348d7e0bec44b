"""What is put into a container before its first start: process 1, an environment for each agent, and what brings the agent."""

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from homeport_provisioner.container.people import Person
from homeport_provisioner.control_plane import Backoff
from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.template.container import OWN_FOLDER

START = f"{OWN_FOLDER}/start"
SUPERVISOR = Path(__file__).with_name("supervisor.sh")
_ATTEMPTS = 5
_MOST_BYTES = 1024 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


async def fetch_init_script(url: str, architecture: str) -> bytes:
    """Return the program with which the server brings its agent to a machine. Raises EngineFailure."""
    address = f"{url}/api/v2/init-script/linux/{architecture}"
    backoff, why = Backoff(most=3.0), ""
    async with httpx.AsyncClient(timeout=30.0) as client:
        for _ in range(_ATTEMPTS):
            try:
                answer = await client.get(address)
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
            else:
                if answer.status_code == httpx.codes.OK and 0 < len(answer.content) <= _MOST_BYTES:
                    return answer.content
                why = f"status {answer.status_code}: {' '.join(answer.text[:300].split())}"
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    break
            await backoff.pause()
    raise EngineFailure(f"The server does not give what brings its agent to linux/{architecture} ({address}): {why}")


def pack_files(
    *, init_script: bytes, environments: Sequence[Mapping[str, str]], person: Person, new_places: Sequence[str] = ()
) -> bytes:
    """Return the files as a tar archive. `new_places` are where new volumes are, home or not: they are given to their owner."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("", "/agents"):
            _add(archive, f"{OWN_FOLDER}{name}", None, mode=0o755)
        _add(archive, START, SUPERVISOR.read_bytes(), mode=0o755)
        _add(archive, f"{OWN_FOLDER}/init", init_script, mode=0o755)
        for number, environment in enumerate(environments):
            text = environment_file(environment)
            # For the user alone: they hold the tokens.
            _add(
                archive,
                f"{OWN_FOLDER}/agents/{number:02}",
                text.encode("utf-8", "surrogateescape"),
                mode=0o400,
                person=person,
            )
        for place in new_places:
            _add(archive, place, None, mode=0o700, person=person)
    return buffer.getvalue()


def environment_file(environment: Mapping[str, str]) -> str:
    """Return a text that sets the variables when a POSIX shell reads it. Values are only ever text."""
    lines = []
    for name, value in environment.items():
        if not _VARIABLE.fullmatch(name):
            raise EngineFailure(f"'{name[:100]}' is no name of an environment variable.")
        quoted = value.replace("'", "'\\''")
        lines.append(f"export {name}='{quoted}'\n")
    return "".join(lines)


def _add(
    archive: tarfile.TarFile, path: str, content: bytes | None, *, mode: int, person: Person | None = None
) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.mode = mode
    if person is not None:
        member.uid, member.gid = person.uid, person.gid
    if content is None:
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
    else:
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
