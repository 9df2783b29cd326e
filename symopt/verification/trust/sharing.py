"""Arrays that two names share from one step to the next.

A lift puts separate numbers in the place of everything that code keeps. If one array is kept under
two names and changed in place, the two are not separate; where that begins in some later step, a
lift does not see it. So what is kept must be freshly computed, or nothing be changed in place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from symopt.verification.trust.genuine import Doubt

__all__ = ["refuse_sharing"]

_FRESH_METHODS = frozenset({"copy", "clip"})
_SAME = frozenset({"asarray", "get", "setdefault", "reshape", "getattr", "array", "float", "max",
                   "min"})  # fmt: skip


def refuse_sharing(nodes: Sequence[ast.FunctionDef]) -> None:
    """Raise :class:`~.genuine.Doubt` where two kept arrays may become one that changes in place."""
    if not any(_changes_in_place(part) for node in nodes for part in ast.walk(node)):
        return
    for node in nodes:
        if node.name == "__init__":
            continue
        stored: dict[str, int] = {}
        for target, value in _kept(node):
            if isinstance(value, ast.Name):
                stored[value.id] = stored.get(value.id, 0) + 1
            if not _is_fresh(value, node, 0) or max(stored.values(), default=0) > 1:
                raise Doubt(
                    f"line {target.lineno}: what is kept may be kept elsewhere too, and is "
                    "changed in place"
                )


def _changes_in_place(part: ast.AST) -> bool:
    if isinstance(part, ast.AugAssign):
        return True
    stored = isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store)
    return stored and isinstance(part.slice, ast.Slice)  # type: ignore[attr-defined]


def _kept(node: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is stored in attributes, dictionaries and lists, and from cycle to cycle."""
    loops = [part for part in node.body if isinstance(part, (ast.For, ast.While))]
    inside = {id(part) for loop in loops for part in ast.walk(loop)}
    carried = any(isinstance(part, ast.Yield) for part in ast.walk(node)) or any(
        isinstance(part, ast.Call) and getattr(part.func, "attr", "") == "append"
        for part in ast.walk(node)
    )
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and getattr(part.func, "attr", "") == "setdefault":
            yield part.func, part.args[-1]
        if not isinstance(part, ast.Assign):
            continue
        lasting = [
            target
            for target in part.targets
            if not isinstance(target, ast.Name) or (carried and id(part) in inside)
        ]
        for target in lasting:
            yield target, part.value
        if len(lasting) > 1:
            yield lasting[0], ast.Name("shared", ast.Load())


def _is_fresh(value: ast.expr, node: ast.FunctionDef, depth: int) -> bool:
    """Whether an expression makes a new object (or a number, which cannot change)."""
    if isinstance(value, (ast.BinOp, ast.Constant, ast.Compare)):
        return True
    if isinstance(value, ast.UnaryOp):
        return True
    if isinstance(value, (ast.List, ast.Tuple)):
        return all(_is_fresh(part, node, depth) for part in value.elts)
    if isinstance(value, (ast.Dict, ast.DictComp, ast.ListComp)):
        parts = value.values if isinstance(value, ast.Dict) else [
            value.value if isinstance(value, ast.DictComp) else value.elt
        ]  # fmt: skip
        return all(_is_fresh(part, node, depth) for part in parts)
    if isinstance(value, ast.IfExp):
        return _is_fresh(value.body, node, depth) and _is_fresh(value.orelse, node, depth)
    if isinstance(value, ast.Call):
        function = value.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            if function.value.id == "self":
                return False
            return function.attr not in _SAME or function.attr == "array"
        return isinstance(function, ast.Attribute) and function.attr in _FRESH_METHODS
    if isinstance(value, ast.Name) and depth < 8:
        made = [
            part.value
            for part in ast.walk(node)
            if isinstance(part, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == value.id for t in part.targets)
        ]
        every = sum(
            isinstance(part, ast.Name) and part.id == value.id and isinstance(part.ctx, ast.Store)
            for part in ast.walk(node)
        )
        changed = sum(
            isinstance(part, ast.AugAssign)
            and isinstance(part.target, ast.Name)
            and part.target.id == value.id
            for part in ast.walk(node)
        )
        return len(made) + changed == every > 0 and all(
            _is_fresh(part, node, depth + 1) for part in made
        )
    return False
