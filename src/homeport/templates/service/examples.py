"""Templates that come with the server: a folder each, with front matter in its README.md."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

import homeport
from homeport.files.rules import archive
from homeport.kit.errors import invalid_field
from homeport.rbac import record_public
from homeport.templates.schemas import TemplateExample

_PACKAGE = Path(homeport.__file__).parent
# Inside of the installed package, or beside `src` in a clone.
_FOLDERS = (_PACKAGE / "examples" / "templates", _PACKAGE.parents[1] / "examples" / "templates")
_FENCE = "---\n"


def list_examples() -> list[TemplateExample]:
    """Return the examples by id. Any signed-in person may read them: they hold nothing of this deployment."""
    record_public()
    return [example for example, _ in _load().values()]


def example_archive(example_id: str) -> bytes:
    """Return the tar of an example; raises 400 for an unknown one."""
    found = _load().get(example_id)
    if found is None:
        known = ", ".join(_load()) or "none"
        raise invalid_field("example_id", f"There is no example '{example_id[:64]}'; there are: {known}.")
    return found[1]


def read_example(folder: Path) -> tuple[TemplateExample, bytes]:
    """Read one example's folder: what its README.md says about it, and the tar of its files."""
    readme = (folder / "README.md").read_text("utf-8")
    header, markdown = _split(readme)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    executable = frozenset(path.relative_to(folder).as_posix() for path in paths if path.stat().st_mode & 0o100)
    example = TemplateExample(
        id=folder.name,
        url="",
        name=str(header.get("display_name") or header.get("name") or folder.name),
        description=str(header.get("description", "")),
        icon=str(header.get("icon", "")),
        tags=[str(tag) for tag in header.get("tags") or []],
        markdown=markdown,
    )
    return example, archive.pack(files, executable=executable)


@cache
def _load() -> dict[str, tuple[TemplateExample, bytes]]:
    root = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    if root is None:
        return {}
    folders = sorted(folder for folder in root.iterdir() if (folder / "README.md").is_file())
    return {folder.name: read_example(folder) for folder in folders}


def _split(readme: str) -> tuple[dict[str, Any], str]:
    """Split front matter (YAML between two `---` lines at the beginning) from the text."""
    if not readme.startswith(_FENCE):
        return {}, readme
    header, fence, markdown = readme[len(_FENCE) :].partition("\n" + _FENCE)
    values = yaml.safe_load(header) if fence else None
    return (values, markdown.lstrip("\n")) if isinstance(values, dict) else ({}, readme)
