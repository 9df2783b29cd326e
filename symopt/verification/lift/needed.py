"""The part of a module that one definition needs: the rest of a file is not executed again."""

from __future__ import annotations

import ast

__all__ = ["needed"]

_DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)


def needed(tree: ast.Module, name: str) -> ast.Module:
    """The statements that define a name, whatever they use in turn, and what changes any of it.

    >>> file = ast.parse("import numpy as np\\nimport os\\na = 1\\ndef f(): return a")
    >>> ast.unparse(needed(file, "f")).splitlines()
    ['a = 1', '', 'def f():', '    return a']
    """
    wanted, kept = {name}, set[int]()
    while True:
        found = {
            index
            for index, part in enumerate(tree.body)
            if index not in kept and _concerns(part, wanted)
        }
        if not found:
            break
        kept |= found
        for index in found:
            wanted |= _names(tree.body[index])
    body = [part for index, part in enumerate(tree.body) if index in kept]
    return ast.Module(body, tree.type_ignores)


def _concerns(part: ast.stmt, wanted: set[str]) -> bool:
    """Whether a statement binds, or at module level changes, one of the names."""
    if isinstance(part, _DEFINITIONS):
        return part.name in wanted
    if isinstance(part, (ast.Import, ast.ImportFrom)):
        future = isinstance(part, ast.ImportFrom) and part.module == "__future__"
        return future or any(
            alias.name == "*" or (alias.asname or alias.name).partition(".")[0] in wanted
            for alias in part.names
        )
    if isinstance(part, ast.Assign) and all(isinstance(n, ast.Name) for n in part.targets):
        return any(n.id in wanted for n in part.targets if isinstance(n, ast.Name))
    return bool(_names(part) & wanted)


def _names(part: ast.stmt) -> set[str]:
    """Names that a statement uses, and those that definitions inside of it bind."""
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name)} | {
        node.name for node in ast.walk(part) if isinstance(node, _DEFINITIONS)
    }
