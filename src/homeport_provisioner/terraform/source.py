"""What a template's files say before Terraform runs, and what is taken away from them first. Reads files and changes the job's own copy.

An archive may bring along what Terraform keeps beside a configuration: states, provider programs, lock files. None of it is believed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeport_provisioner.engine import EngineFailure, Log
from homeport_provisioner.staging import remove
from homeport_sdk.hcl import Block, Body, HclError, NotLiteral, literal, parse

MOST_BYTES = 16 * 1024 * 1024
MOST_FILES = 2000
OVERRIDE = "zzzz_homeport_override.tf.json"
LOCK_FILE = ".terraform.lock.hcl"
_LEFTOVER = re.compile(r"(\.?terraform\.tfstate.*|\.terraform|terraform\.d|crash\.log|crash\..*\.log)")
_PROVIDER_BLOCK = re.compile(r'^provider "[^"\n]*/coder/coder" \{\n.*?^\}\n?', re.DOTALL | re.MULTILINE)
_OWN_PROVIDER = re.compile(r"(registry\.terraform\.io/)?coder/coder", re.IGNORECASE)


@dataclass
class Source:
    """The top folder's configuration, in the order in which Terraform merges it: `overrides` come last.

    `constraints` are the versions of Coder's provider that any folder asks for; `has_own_provider` says whether one asks at all,
    `has_remote_modules` whether one uses a module from elsewhere.
    """

    bodies: list[tuple[str, Body]] = field(default_factory=list)
    overrides: list[tuple[str, Body]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    constraints: list[str] = field(default_factory=list)
    has_own_provider: bool = False
    has_remote_modules: bool = False


def clean(folder: Path, log: Log) -> None:
    """Remove what a template must not bring along, from its top folder. Raises OSError."""
    for path in sorted(folder.iterdir()):
        if _LEFTOVER.fullmatch(path.name) or path.name == OVERRIDE:
            _take_away(path)
            log(f"{path.name} in the template's archive is ignored: it has no place in a template.", "warn")


def prepare_lock_file(folder: Path, log: Log, *, is_bundled: bool) -> None:
    """Keep a lock file, except for what it says of a provider that comes from this installation and not from the registry."""
    path = folder / LOCK_FILE
    if path.is_symlink() or not path.is_file():
        _take_away(path)
    elif is_bundled and path.is_file():
        text = path.read_text("utf-8", "replace")
        kept = _PROVIDER_BLOCK.sub("", text)
        if kept != text:
            path.write_text(kept, "utf-8")
            log(f"{LOCK_FILE} fixes the provider coder/coder; this installation's own is taken instead.", "info")


def set_backend(folder: Path, state: Path) -> None:
    """Let Terraform keep its state in a file of the engine's choice, whatever folder it runs in."""
    path = folder / OVERRIDE
    _take_away(path)
    path.write_text(json.dumps({"terraform": {"backend": {"local": {"path": str(state)}}}}), "utf-8")


def _take_away(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove(path)
    else:
        path.unlink(missing_ok=True)


def read_source(folder: Path) -> Source:
    """Read every file of the configuration. Raises EngineFailure with file and line of a mistake."""
    source = Source()
    files = list(_files(folder))
    if not any(path.parent == folder for path in files):
        raise EngineFailure(
            "The template has no *.tf file at the top of its folder: Terraform would find nothing to do."
        )
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            body = _read(path, name)
        except EngineFailure:
            if path.parent == folder:
                raise
            # Perhaps it is part of nothing. If it is, Terraform will say what is wrong with it.
            continue
        _note_providers(source, body)
        source.has_remote_modules |= any(_is_remote(block) for block in body.blocks if block.type == "module")
        if path.parent == folder:
            _refuse_backend(body, name)
            stem = path.name.removesuffix(".json").removesuffix(".tf")
            is_override = stem == "override" or stem.endswith("_override")
            (source.overrides if is_override else source.bodies).append((name, body))
    source.values = _read_values(folder)
    return source


def _files(folder: Path) -> Iterator[Path]:
    total = 0
    found = []
    for path in sorted(folder.rglob("*.tf")) + sorted(folder.rglob("*.tf.json")):
        # What lies behind a link is found where it really is.
        if path.name == OVERRIDE or not path.is_file() or path.name.startswith(".") or path.name.endswith("~"):
            continue
        found.append(path)
        total += path.stat().st_size
        if total > MOST_BYTES or len(found) > MOST_FILES:
            raise EngineFailure(
                f"The template has more than {MOST_FILES} files or {MOST_BYTES // 1024**2} MiB of Terraform configuration."
            )
    yield from sorted(found)


def _read(path: Path, name: str) -> Body:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise EngineFailure(f"{name} is no text in UTF-8.") from error
    try:
        return _of_json(json.loads(text), name) if path.name.endswith(".json") else parse(text)
    except HclError as error:
        raise EngineFailure(f"{name}:{error.line}: {error}.") from error
    except json.JSONDecodeError as error:
        raise EngineFailure(f"{name}:{error.lineno}: {error.msg}.") from error
    except RecursionError as error:
        raise EngineFailure(f"{name} is nested too deep.") from error


def _of_json(document: object, name: str) -> Body:
    """Bring the JSON form into the shape of the other, as far as this program looks at it."""
    if not isinstance(document, dict):
        raise EngineFailure(f"{name} must hold an object.")
    body = Body()
    for kind, labels in (("variable", 1), ("module", 1), ("terraform", 0)):
        for entry in _listed(document.get(kind)):
            if labels:
                for label, content in entry.items():
                    body.blocks += [Block(kind, (str(label),), Body(values=each), 1) for each in _listed(content)]
            else:
                body.blocks.append(Block(kind, (), _json_terraform(entry), 1))
    return body


def _json_terraform(content: dict[str, Any]) -> Body:
    body = Body()
    for kind in ("backend", "cloud"):
        if kind in content:
            body.blocks.append(Block(kind, (), Body(), 1))
    for entry in _listed(content.get("required_providers")):
        body.blocks.append(Block("required_providers", (), Body(values=entry), 1))
    return body


def _listed(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def values_of(body: Body) -> dict[str, Any]:
    """Return the attributes of a block that are literals; others are left out."""
    values: dict[str, Any] = dict(body.values)
    for name, expression in body.attributes.items():
        try:
            values[name] = literal(expression)
        except NotLiteral:
            continue
    return values


def _is_remote(module: Block) -> bool:
    return not str(values_of(module.body).get("source", "")).startswith(("./", "../"))


def _note_providers(source: Source, body: Body) -> None:
    for block in body.blocks:
        if block.type != "terraform":
            continue
        for inner in block.body.blocks:
            if inner.type != "required_providers":
                continue
            for local, wanted in values_of(inner.body).items():
                origin = (
                    wanted.get("source", f"hashicorp/{local}") if isinstance(wanted, dict) else f"hashicorp/{local}"
                )
                if _OWN_PROVIDER.fullmatch(str(origin)):
                    source.has_own_provider = True
                    if isinstance(wanted, dict) and isinstance(wanted.get("version"), str):
                        source.constraints.append(wanted["version"])


def _refuse_backend(body: Body, name: str) -> None:
    for block in body.blocks:
        for inner in block.body.blocks if block.type == "terraform" else ():
            if inner.type in {"backend", "cloud"}:
                raise EngineFailure(
                    f"{name}:{inner.line}: terraform.{inner.type}: remove this block. Homeport keeps the state of every workspace "
                    "itself, sealed and apart from all others; a backend in the template would be one for all workspaces."
                )


def _read_values(folder: Path) -> dict[str, Any]:
    """Read the values that Terraform takes from files by itself: terraform.tfvars, then *.auto.tfvars, each also as JSON."""
    names = ["terraform.tfvars", "terraform.tfvars.json"]
    names += sorted(path.name for end in ("*.auto.tfvars", "*.auto.tfvars.json") for path in folder.glob(end))
    values: dict[str, Any] = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            continue
        try:
            text = path.read_text("utf-8")
            if name.endswith(".json"):
                document = json.loads(text)
                values |= document if isinstance(document, dict) else {}
            else:
                values |= values_of(parse(text))
        except HclError as error:
            raise EngineFailure(f"{name}:{error.line}: {error}.") from error
        except (ValueError, RecursionError) as error:
            raise EngineFailure(f"{name} cannot be read: {error}.") from error
    return values
