"""Folders of templates as archives, and the example templates as folders."""

import importlib.util
import io
import shutil
import tarfile
from pathlib import Path

from homeport_cli.errors import CliError

MAX_BYTES = 100 * 1024 * 1024
_LEFT_OUT = frozenset({".git", ".hg", ".svn", ".terraform", "__pycache__", ".DS_Store", ".venv", "node_modules"})


def pack(folder: Path) -> bytes:
    """Return a folder as a tar archive; the same content gives the same bytes. Raises CliError.

    What version control and tools leave behind stays out; links are kept as links, the server refuses those that leave the folder.
    """
    if not folder.is_dir():
        raise CliError(f"{folder} is not a folder. Pass the template's folder with --directory.")
    buffer = io.BytesIO()
    size = 0
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if _LEFT_OUT.intersection(relative.parts) or not (path.is_file() or path.is_dir() or path.is_symlink()):
                continue
            member = archive.gettarinfo(str(path), arcname=relative.as_posix())
            size += member.size
            if size > MAX_BYTES:
                raise CliError(
                    f"{folder} holds more than {MAX_BYTES // 1024**2} MiB. A template is text; keep data elsewhere."
                )
            _forget_owner(member)
            if member.isreg():
                with path.open("rb") as file:
                    archive.addfile(member, file)
            else:
                archive.addfile(member)
    return buffer.getvalue()


def read_archive(content: bytes) -> dict[str, bytes]:
    """Return the files of a tar archive by their names. Raises CliError."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if member.isreg() and (file := archive.extractfile(member)) is not None:
                    found[member.name.removeprefix("./")] = file.read()
    except (tarfile.TarError, OSError) as error:
        raise CliError(f"The template's archive cannot be read: {error}.") from error
    return found


def unpack(content: bytes, target: Path) -> int:
    """Write an archive's files into a new or empty folder and return how many there are. Raises CliError.

    Nothing is written outside of the folder, whatever the archive says.
    """
    _require_empty(target)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            members = archive.getmembers()
            target.mkdir(parents=True, exist_ok=True)
            archive.extractall(target, members, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise CliError(f"{target} cannot be written: {error}.") from error
    return sum(member.isreg() for member in members)


def _require_empty(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CliError(f"{target} exists and is not empty. Name another folder.")


def _forget_owner(member: tarfile.TarInfo) -> None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    member.pax_headers = {}


def guess_engine(folder: Path) -> str:
    """Return the engine that a template's files are for. Raises CliError when they tell none."""
    for name in ("homeport.yaml", "homeport.yml"):
        if (folder / name).is_file():
            return "container" if _has_container(folder / name) else "process"
    if any(folder.glob("*.tf")) or any(folder.glob("*.tf.json")):
        return "terraform"
    if any((folder / f"echo.{ending}").is_file() for ending in ("yaml", "yml", "json")):
        return "echo"
    raise CliError(
        f"{folder} holds no template: no homeport.yaml and no *.tf file. Begin one: homeport templates init {folder}"
    )


def _has_container(path: Path) -> bool:
    """Whether a template says of what container its workspaces are made. Mistakes are for the engine to find."""
    import yaml  # lazy: only who pushes a template waits for the parser

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return False
    return isinstance(content, dict) and "container" in content


def examples() -> dict[str, Path]:
    """Return the folders of the example templates by their names."""
    found = importlib.util.find_spec("homeport")
    if found is None or found.origin is None:
        return {}
    package = Path(found.origin).parent
    for root in (package / "examples" / "templates", package.parents[1] / "examples" / "templates"):
        if root.is_dir():
            return {path.name: path for path in sorted(root.iterdir()) if path.is_dir()}
    return {}


def describe(example: Path) -> str:
    """Return the example's own description: the `description` in its README's front matter, or nothing."""
    try:
        lines = (example / "README.md").read_text("utf-8").splitlines()
    except OSError:
        return ""
    named = [line.partition(":")[2].strip().strip("\"'") for line in lines[:20] if line.startswith("description:")]
    return named[0] if named else ""


def copy_example(example: Path, target: Path) -> None:
    """Copy an example to a new or empty folder. Raises CliError."""
    _require_empty(target)
    shutil.copytree(example, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
