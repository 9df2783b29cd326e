"""Loops over parameters or coordinates: each must be treated by itself.

A lift sees one parameter, of three coordinates. A number that goes from one turn of such a loop
to the next, or out of it, could count them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

__all__ = ["Apart"]


class Apart:
    """A loop over parameters or coordinates, each of which must be treated by itself."""

    def __init__(
        self, loop: ast.For, whole: ast.FunctionDef, doubt: Callable[[ast.AST, str], None]
    ) -> None:
        self._loop, self._whole, self._doubt = loop, whole, doubt
        self._targets = {p.id for p in ast.walk(loop.target) if isinstance(p, ast.Name)}
        self._set = set(self._targets)

    def check(self) -> None:
        """Raises where one turn of the loop can know of another."""
        inside = set(map(id, ast.walk(self._loop)))
        for part in ast.walk(self._whole):  # the same names elsewhere, bound anew
            inside |= _bound_inside(part, self._targets)
        stored = {
            part.id
            for part in ast.walk(self._loop)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
        for part in ast.walk(self._whole):
            outside = isinstance(part, ast.Name) and part.id in stored and id(part) not in inside
            if outside and isinstance(part.ctx, ast.Load):  # type: ignore[attr-defined]
                self._together(part)
        for statement in self._loop.body:
            self._read(statement, stored)
        if self._loop.orelse:
            self._together(self._loop)

    def _together(self, node: ast.AST) -> None:
        self._doubt(node, "what a loop over parameters computes goes from one to another")

    def _read(self, statement: ast.stmt, stored: set[str]) -> None:
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                if part.id in stored and part.id not in self._set:
                    self._together(part)
            elif isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                self._together(part)
            elif isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
                if not (isinstance(part.slice, ast.Name) and part.slice.id in self._targets):
                    self._together(part)
            elif isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
                if part.target.id not in self._set:
                    self._together(part)
            elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
                if part.func.attr in ("append", "setdefault"):
                    self._together(part)
            elif isinstance(part, (ast.Break, ast.Continue)):
                self._together(part)
        if isinstance(statement, ast.Assign):
            self._set |= {
                part.id
                for target in statement.targets
                for part in ast.walk(target)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }


def _bound_inside(part: ast.AST, names: set[str]) -> set[int]:
    """The nodes of a loop or comprehension that binds only names of these itself."""
    targets: list[ast.expr] = []
    if isinstance(part, ast.For):
        targets = [part.target]
    elif isinstance(part, (ast.ListComp, ast.DictComp)):
        targets = [generator.target for generator in part.generators]
    bound = {p.id for t in targets for p in ast.walk(t) if isinstance(p, ast.Name)}
    return {
        id(node)
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and node.id in bound & names
    }
