"""Terraform's settings of where providers come from: the operator's own, with our provider beside them. Pure but for reading the file."""

import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform.source import values_of
from homeport_sdk.hcl import Block, Body, Expression, HclError, parse

OWN_PROVIDER = "registry.terraform.io/coder/coder"
_INSTALLATION = "provider_installation"


def read_config(path: Path | None) -> Body:
    """Return what the operator's file says; nothing without one. Raises EngineFailure for what cannot be, or is for us to set."""
    if path is None:
        return Body()
    try:
        body = parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise EngineFailure(f"HOMEPORT_PROVISIONER_TERRAFORM_CONFIG: {path} cannot be read: {error}.") from error
    except HclError as error:
        raise EngineFailure(f"HOMEPORT_PROVISIONER_TERRAFORM_CONFIG: {path}:{error.line}: {error}.") from error
    if "plugin_cache_dir" in body.attributes:
        raise EngineFailure(f"{path}: plugin_cache_dir is set by the provisioner: take it out.")
    return body


def methods(config: Body) -> list[Block] | None:
    """Return the ways by which the operator lets providers come, as far as they may bring coder/coder; None when none are said."""
    installations = [block for block in config.blocks if block.type == _INSTALLATION]
    return [each for block in installations for each in block.body.blocks if _covers(each)] if installations else None


def text_of(method: Block, name: str) -> str:
    """Return an attribute of a method, such as the `path` of a mirror."""
    return str(values_of(method.body).get(name) or "")


def settings_text(config: Body, *, mirror: Path | None, cache: Path | None) -> str:
    """Return the whole of Terraform's settings: `mirror` brings our own provider, which then comes from nowhere else."""
    blocks = list(config.blocks)
    if not any(block.type == _INSTALLATION for block in blocks):
        # Said in full: by itself Terraform would also look for providers inside of the template.
        blocks.append(Block(_INSTALLATION, (), Body(blocks=[Block("direct", (), Body(), 1)]), 1))
    if mirror is not None:
        blocks = [_with_own(block, mirror) if block.type == _INSTALLATION else block for block in blocks]
    attributes = dict(config.attributes)
    if cache is not None:
        attributes["plugin_cache_dir"] = Expression(_quoted(cache), 1)
        attributes["plugin_cache_may_break_dependency_lock_file"] = Expression("true", 1)
    return "".join(f"{line}\n" for line in _lines(Body(attributes=attributes, blocks=blocks)))


def _covers(method: Block) -> bool:
    values = values_of(method.body)
    included, excluded = values.get("include"), values.get("exclude")
    return (not isinstance(included, list) or _names_own(included)) and not (
        isinstance(excluded, list) and _names_own(excluded)
    )


def _names_own(patterns: Sequence[object]) -> bool:
    """Whether one of Terraform's patterns fits: `coder/coder`, `registry.terraform.io/*/*`."""
    short = OWN_PROVIDER.partition("/")[2]
    return any(fnmatchcase(OWN_PROVIDER, str(each)) or fnmatchcase(short, str(each)) for each in patterns)


def _with_own(installation: Block, mirror: Path) -> Block:
    own = json.dumps([OWN_PROVIDER])
    ours = Body(attributes={"path": Expression(_quoted(mirror), 1), "include": Expression(own, 1)})
    blocks = [Block("filesystem_mirror", (), ours, 1)]
    for method in installation.body.blocks:
        excluded = values_of(method.body).get("exclude")
        names = json.dumps([*(excluded if isinstance(excluded, list) else ()), OWN_PROVIDER])
        attributes = {**method.body.attributes, "exclude": Expression(names, 1)}
        blocks.append(Block(method.type, method.labels, Body(attributes=attributes), method.line))
    return Block(_INSTALLATION, (), Body(blocks=blocks), installation.line)


def _lines(body: Body, indent: str = "") -> Iterator[str]:
    for name, expression in body.attributes.items():
        yield f"{indent}{name} = {expression.text}"
    for block in body.blocks:
        head = " ".join([block.type, *(json.dumps(label) for label in block.labels)])
        yield f"{indent}{head} {{"
        yield from _lines(block.body, indent + "  ")
        yield f"{indent}}}"


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
