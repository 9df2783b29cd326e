"""How a whole loop reports its points: what it returns must be what it steps, at every step.

A lift reads one cycle of the loop. What the function makes of its points elsewhere (after the
loop, or in what it appends) would not be seen, so only plain ways of reporting are allowed.
"""

from __future__ import annotations

import ast

from symopt.verification.target import CONFIGURATION_NAMES
from symopt.verification.trust.genuine import Doubt
from symopt.verification.trust.words import steps_named

__all__ = ["reported_variable"]


def reported_variable(node: ast.FunctionDef, oracle: str, steps: str) -> str:
    """The variable whose values the function reports, as a path of ``locals``.

    ``oracle`` and ``steps`` are its arguments (``steps`` may be empty).

    Raises :class:`~.genuine.Doubt` where something else may be reported.
    """
    loop = _only_loop(node, oracle)
    _only_in_header(node, loop, steps)
    after = node.body[node.body.index(loop) + 1 :]
    yields = [part for part in ast.walk(node) if isinstance(part, ast.Yield)]
    if yields:
        if after:
            raise Doubt(f"{_line(after[0])}something follows the loop")
        return _yielded(node, loop, yields)
    if len(after) != 1 or not isinstance(after[0], ast.Return) or after[0].value is None:
        raise Doubt(f"{_line(loop)}after the loop something else follows than a return")
    returned = _plain(after[0].value)
    if not returned:
        raise Doubt(f"{_line(after[0])}what is returned is made after the loop")
    return _collected(node, loop, returned)


def _only_loop(node: ast.FunctionDef, oracle: str) -> ast.For | ast.While:
    """The loop that asks for gradients: the only place where they are asked for."""
    loops = [part for part in node.body if isinstance(part, (ast.For, ast.While))]
    asking = [loop for loop in loops if oracle in _names(loop)]
    if len(asking) != 1 or asking[0].orelse:
        raise Doubt(f"{_line(node)}gradients are asked for in more than one plain loop")
    loop = asking[0]
    inside = sum(isinstance(part, ast.Name) and part.id == oracle for part in ast.walk(loop))
    calls = sum(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == oracle
        for part in ast.walk(loop)
    )
    every = sum(isinstance(part, ast.Name) and part.id == oracle for part in ast.walk(node))
    if inside != calls or every != calls:
        raise Doubt(f"{_line(loop)}{oracle} is used otherwise than called in the loop")
    for part in ast.walk(loop):
        if isinstance(part, (ast.Return, ast.Continue)):
            raise Doubt(f"{_line(part)}a cycle of the loop may end early")
        if part is not loop and isinstance(part, (ast.For, ast.While)) and oracle in _names(part):
            raise Doubt(f"{_line(part)}gradients are asked for in an inner loop")
    if isinstance(loop, ast.For):
        call = loop.iter
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                and call.func.id == "range"):  # fmt: skip
            raise Doubt(f"{_line(loop)}the loop runs over something else than a range")
    return loop


def _only_in_header(node: ast.FunctionDef, loop: ast.For | ast.While, steps: str) -> None:
    """The number of steps, which is small while lifting, must decide nothing but the end."""
    named = {steps} if steps else set()
    for part in ast.walk(node):
        if isinstance(part, ast.Assign) and steps_named(part.value):
            named |= {target.id for target in part.targets if isinstance(target, ast.Name)}
    header = loop.iter if isinstance(loop, ast.For) else loop.test
    allowed = set(map(id, ast.walk(header)))
    for part in ast.walk(node):
        reads = isinstance(part, ast.Name) and part.id in named and isinstance(part.ctx, ast.Load)
        if reads and id(part) not in allowed:
            raise Doubt(f"{_line(part)}the number of steps is used in the computation")
        if isinstance(part, ast.expr) and steps_named(part) and id(part) not in allowed:
            assigned = any(
                isinstance(other, ast.Assign) and other.value is part for other in ast.walk(node)
            )
            if not assigned:
                raise Doubt(f"{_line(part)}the number of steps is used in the computation")
        if isinstance(part, ast.Name) and part.id in CONFIGURATION_NAMES:
            _only_looked_up(node, part)
    if isinstance(loop, ast.While) and not steps and not named & _names(header):
        raise Doubt(f"{_line(loop)}the loop ends by a test of its own")


def _only_looked_up(node: ast.FunctionDef, name: ast.Name) -> None:
    """A dictionary of settings is read by constant keys, and nothing else is done with it."""
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and part.value is name:
            looked_up = isinstance(part.ctx, ast.Load) and isinstance(part.slice, ast.Constant)
        elif isinstance(part, ast.Attribute) and part.value is name:
            looked_up = part.attr in ("get", "setdefault")
        else:
            continue
        if looked_up:
            return
    raise Doubt(f"{_line(name)}{name.id} is used otherwise than looked up by names")


def _yielded(node: ast.FunctionDef, loop: ast.For | ast.While, yields: list[ast.Yield]) -> str:
    inside = [part for part in loop.body if _yield_of(part)]
    if len(inside) != 1 or len(yields) != 1:
        raise Doubt(f"{_line(yields[0])}points are yielded in other places than one")
    value = _yield_of(inside[0])
    assert value is not None
    name = _plain(value.value) if value.value is not None else ""
    if not name:
        raise Doubt(f"{_line(value)}what is yielded is computed there")
    _untouched(loop, inside[0])
    return f"locals[{name!r}]"


def _yield_of(part: ast.stmt) -> ast.Yield | None:
    if isinstance(part, ast.Expr) and isinstance(part.value, ast.Yield):
        return part.value
    return None


def _collected(node: ast.FunctionDef, loop: ast.For | ast.While, returned: str) -> str:
    """The variable behind what is returned: itself, or what is appended to it."""
    uses = [p for p in ast.walk(node) if isinstance(p, ast.Name) and p.id == returned]
    appends = [part for part in loop.body if _append_to(part, returned) is not None]
    if not appends:
        return f"locals[{returned!r}]"  # the final point
    if len(appends) != 1:
        raise Doubt(f"{_line(loop)}{returned} gets more than one point in a cycle")
    value = _append_to(appends[0], returned)
    assert value is not None
    lasts = [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Subscript)
        and isinstance(part.ctx, ast.Load)
        and isinstance(part.value, ast.Name)
        and ast.unparse(part.slice) == "-1"
    ]
    known = len([use for use in uses if any(use is last for last in lasts)])
    stores = [use for use in uses if isinstance(use.ctx, ast.Store)]
    if len(uses) != known + len(stores) + 2 or len(stores) != 1:
        raise Doubt(f"{_line(uses[0])}{returned} is used in more ways than appending")
    if known and not _plain(value):
        _rebinds_only(loop)
        return f"locals[{returned!r}][-1]"
    name = _plain(value)
    if not name:
        raise Doubt(f"{_line(appends[0])}what is appended is computed there")
    _untouched(loop, appends[0])
    if isinstance(value, ast.Name):
        _rebinds_only(loop)
    return f"locals[{name!r}]"


def _append_to(part: ast.stmt, name: str) -> ast.expr | None:
    call = part.value if isinstance(part, ast.Expr) else None
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "append"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == name
        and len(call.args) == 1
    ):
        return call.args[0]
    return None


def _untouched(loop: ast.For | ast.While, report: ast.stmt) -> None:
    """Nothing but counting may happen between the report and the end of the cycle."""
    for part in loop.body[loop.body.index(report) + 1 :]:
        if not _counts(loop, part):
            raise Doubt(f"{_line(part)}something happens after the point was reported")


def _counts(loop: ast.For | ast.While, part: ast.AST) -> bool:
    """Whether a statement advances the counter of a ``while``."""
    return (
        isinstance(part, ast.AugAssign)
        and isinstance(part.target, ast.Name)
        and isinstance(part.value, ast.Constant)
        and isinstance(loop, ast.While)
        and part.target.id in _names(loop.test)
    )


def _rebinds_only(loop: ast.For | ast.While) -> None:
    """Points that are kept without a copy must not be changed in place later."""
    for part in ast.walk(loop):
        stored = isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store)
        if stored or (isinstance(part, ast.AugAssign) and not _counts(loop, part)):
            raise Doubt(f"{_line(part)}arrays are changed in place, and points kept without a copy")


def _plain(value: ast.expr) -> str:
    """The variable in ``x``, ``x.copy()`` and ``np.array(x)``; of a tuple, in its first part."""
    if isinstance(value, ast.Tuple) and value.elts:
        return _plain(value.elts[0])
    if isinstance(value, ast.Name):
        return value.id
    if isinstance(value, ast.Call) and not value.keywords:
        function = value.func
        if isinstance(function, ast.Attribute) and function.attr == "copy" and not value.args:
            return _plain(function.value) if isinstance(function.value, ast.Name) else ""
        named = getattr(function, "attr", getattr(function, "id", ""))
        if named in ("array", "asarray", "list", "copy") and len(value.args) == 1:
            return value.args[0].id if isinstance(value.args[0], ast.Name) else ""
    return ""


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _line(node: ast.AST) -> str:
    return f"line {getattr(node, 'lineno', '?')}: "
