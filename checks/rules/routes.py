"""Every HTTP handler declares in its decorator who may call it: `opt=requires(...)`, `opt=public(...)`."""

import ast
from collections.abc import Iterator

from checks.source import Function, Source, Violation

RULE = "route-permission"
DECLARATIONS = frozenset(
    {
        "requires",
        "scim_route",
        "public",
        "authenticated",
        "agent_route",
        "job_route",
        "optional",
        "protected_resource",
        "provisioner_route",
    }
)
WRAPPER = "lasting"
_HANDLERS = frozenset(
    {
        "asgi",
        "delete",
        "get",
        "head",
        "patch",
        "post",
        "put",
        "route",
        "websocket",
        "websocket_listener",
        "websocket_stream",
    }
)


def check(source: Source) -> Iterator[Violation]:
    """Yield the handlers whose decorator declares neither a permission nor that the route is public."""
    if not source.is_python or not source.is_shipped:
        return
    for node in source.nodes:
        if isinstance(node, Function):
            for decorator in node.decorator_list:
                if is_handler(source, decorator):
                    yield source.violation(decorator.lineno, RULE, _message(node.name))
        elif isinstance(node, ast.Call) and is_handler(source, node.func):
            declared = next((keyword.value for keyword in node.keywords if keyword.arg == "opt"), None)
            if declared is None or not _declares(source, declared):
                yield source.violation(node.lineno, RULE, _message(ast.unparse(node.func)))


def _message(name: str) -> str:
    return f"{name}: pass opt= one of {', '.join(f'{name}(…)' for name in sorted(DECLARATIONS))}"


def is_handler(source: Source, node: ast.expr) -> bool:
    """Tell whether an expression is one of Litestar's decorators for handlers."""
    origin = source.origin(node)
    return origin.startswith("litestar.") and origin.rpartition(".")[2] in _HANDLERS


def _declares(source: Source, node: ast.expr) -> bool:
    """Tell whether an `opt` is a declaration, a constant of the module that is one, or a union that holds one."""
    if isinstance(node, ast.Name) and (constant := _constants(source).get(node.id)) is not None:
        return _declares(source, constant)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _declares(source, node.left) or _declares(source, node.right)
    if isinstance(node, ast.Dict):
        return any(key is None and _declares(source, value) for key, value in zip(node.keys, node.values, strict=True))
    if not isinstance(node, ast.Call):
        return False
    package, _, name = source.origin(node.func).rpartition(".")
    if not package.startswith("homeport."):
        return False
    # What says something more about a declaration.
    if name == WRAPPER and node.args:
        return _declares(source, node.args[0])
    return name in DECLARATIONS


def _constants(source: Source) -> dict[str, ast.expr]:
    """Return what the module binds once to a capitalised name, which several routes may share."""
    found: dict[str, ast.expr] = {}
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.isupper() and not isinstance(node.value, ast.Name):
                found[name] = node.value
    return found
