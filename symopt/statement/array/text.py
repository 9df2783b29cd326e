"""Array expressions as text, in the notation in which they are written."""

from __future__ import annotations

from symopt.statement.array.expression import Array

__all__ = ["text"]

#: How tightly each operator binds.
_SUM, _PRODUCT, _UNARY, _ATOM = 1, 2, 3, 4


def text(node: Array) -> str:
    """The expression as it is written; named intermediates by their names.

    >>> from symopt.statement.array import data, mean, parameter, square
    >>> X, y, w = data("X", "n", "d"), data("y", "n"), parameter("w", "d")
    >>> text(mean(square(X @ w - y)) / 2)
    'sum(square(X @ w - y))/n/2'
    """
    return _text(node)[0]


def _text(node: Array) -> tuple[str, int]:
    op, args, value = node.op, node.args, node.value
    if node.name:
        return (f"d_{node.name}" if op == "adjoint" else node.name), _ATOM
    if op == "const":
        return str(value), _ATOM if value.denominator == 1 and value >= 0 else _PRODUCT
    if op == "size":
        return str(value), _ATOM
    if op in ("add", "sub"):
        sign = "+" if op == "add" else "-"
        right = _wrap(args[1], _SUM + (op == "sub"))
        return f"{_wrap(args[0], _SUM)} {sign} {right}", _SUM
    if op == "neg":
        return f"-{_wrap(args[0], _UNARY)}", _PRODUCT
    if op in ("mul", "scale", "div"):
        sign = "/" if op == "div" else "*"
        return f"{_wrap(args[0], _PRODUCT)}{sign}{_wrap(args[1], _UNARY)}", _PRODUCT
    if op == "matmul":
        return f"{_wrap(args[0], _UNARY)} @ {_wrap(args[1], _UNARY)}", _PRODUCT
    if op == "transpose":
        return f"{_wrap(args[0], _ATOM)}.T", _ATOM
    if op == "broadcast" and value != "columns":
        return _text(args[0])
    inside = ", ".join(text(arg) for arg in args)
    if op == "apply":
        name, *constants = value
        return f"{name}({', '.join([inside, *map(str, constants)])})", _ATOM
    if op == "sum" and value is not None:
        return f"sum({inside}, axis={value})", _ATOM
    if op == "onehot":
        return f"onehot({inside}, {node.shape[1]})", _ATOM
    if op == "eye":
        return f"eye({node.shape[0]})", _ATOM
    return f"{'columns' if op == 'broadcast' else op}({inside})", _ATOM


def _wrap(node: Array, least: int) -> str:
    inner, binding = _text(node)
    return inner if binding >= least else f"({inner})"
