"""Statements as plain JSON data, and back. Nothing is evaluated: every head is on a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy import Expr, Symbol

from symopt.errors import StatementError
from symopt.statement import symbols as letters
from symopt.statement.bounded import MAX_BITS, MAX_EXPONENT, MAX_RADICAL_BITS
from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.rule import Hyperparameter, Rule
from symopt.statement.source import Reference, Source

__all__ = ["decode", "encode", "objective_data", "objective_from", "rule_data", "rule_from"]

_HEADS: dict[str, Any] = {
    "Add": sympy.Add, "Mul": sympy.Mul, "Pow": sympy.Pow, "exp": sympy.exp, "log": sympy.log,
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "atan": sympy.atan,
    "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "Abs": sympy.Abs,
    "sign": sympy.sign, "Max": sympy.Max, "Min": sympy.Min, "Equality": sympy.Eq,
    "Unequality": sympy.Ne, "StrictLessThan": sympy.Lt, "StrictGreaterThan": sympy.Gt,
    "LessThan": sympy.Le, "GreaterThan": sympy.Ge, "And": sympy.And, "Or": sympy.Or,
    "Not": sympy.Not, "ITE": sympy.ITE, "Piecewise": lambda *pairs: sympy.Piecewise(*pairs),
    "ExprCondPair": lambda value, condition: (value, condition), "grad": letters.grad,
    "norm": letters.norm, "rms": letters.rms, "mean": letters.mean, "amax": letters.amax,
}  # fmt: skip
_CONSTANTS = {"pi": sympy.pi, "E": sympy.E, "true": sympy.true, "false": sympy.false}
_INFINITE = {"oo": sympy.oo, "-oo": -sympy.oo}


def encode(expression: Any) -> Any:
    """An expression as nested lists of heads, names and integers.

    >>> encode(sympy.Symbol("a", real=True) + 1)
    ['Add', ['Rational', '1', '1'], ['Symbol', 'a', 'real']]
    """
    if isinstance(expression, Symbol):
        kind = "step" if expression == letters.t else "real"
        if kind == "real" and expression.is_nonnegative:
            kind = "nonnegative"
        return ["Symbol", expression.name, kind]
    if isinstance(expression, sympy.Rational):
        return ["Rational", str(expression.p), str(expression.q)]
    for name, value in {**_CONSTANTS, **_INFINITE}.items():
        if expression is value or expression == value:
            return ["Constant", name]
    head = type(expression).__name__
    if head not in _HEADS:
        raise StatementError(f"{head} in {expression} cannot be stored")
    return [head, *[encode(arg) for arg in expression.args]]


def decode(data: Any) -> Any:
    """The expression that :func:`encode` made the data from.

    Raises :class:`~symopt.errors.StatementError` for data that is none.

    >>> decode(encode(sympy.Symbol("a", real=True) ** 2))
    a**2
    """
    try:
        if not isinstance(data, list):
            raise TypeError("it is a list")
        head, *rest = data
        if head == "Symbol":
            name, kind = rest
            if kind == "step":
                return letters.t
            return Symbol(str(name), **{"nonnegative" if kind == "nonnegative" else "real": True})
        if head == "Rational":
            return sympy.Rational(int(rest[0]), int(rest[1]))
        if head == "Constant":
            return {**_CONSTANTS, **_INFINITE}[rest[0]]
        args = [decode(item) for item in rest]
        _refuse_growth(head, args)
        if head == "Mul" and len(args) == 2 and args[0].is_Rational and args[1].is_Add:
            # SymPy keeps such a product within a maximum, and would distribute a new one.
            return sympy.Mul(*args, evaluate=False)
        return _HEADS[head](*args)
    except StatementError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StatementError(f"{data!r:.80} is not a stored expression ({error})") from error


def _refuse_growth(head: str, args: list[Any]) -> None:
    """Refuse what SymPy would compute with numbers beyond all bounds: it evaluates as it builds.

    Numbers grow without bound in powers alone, and in the exponential of a logarithm.
    """
    if head == "Pow" and len(args) == 2:
        base, exponent = args
        exponents = exponent.atoms(sympy.Rational)
    elif head == "exp" and len(args) == 1 and args[0].has(sympy.log):
        # What stands in a logarithm becomes a base, and the number in front its exponent.
        base = exponent = args[0]
        exponents = {
            term.as_coeff_Mul()[0]
            for term in sympy.Add.make_args(exponent)
            if term.has(sympy.log) and _is_numeric_beside_logarithms(term)
        }
    else:
        return
    largest = max(map(abs, exponents), default=0)
    bits = sum(number.p.bit_length() + number.q.bit_length() for number in _numbers(base))
    root = head == "Pow" and base.is_Rational and exponent.is_Rational and not exponent.is_Integer
    if largest > MAX_EXPONENT or bits * largest > MAX_BITS or (root and bits > MAX_RADICAL_BITS):
        raise StatementError(
            f"a stored power with the exponent {exponent!s:.30} is refused: computing it might "
            "never end. Store the expression without it"
        )


def _is_numeric_beside_logarithms(term: Any) -> bool:
    """Whether SymPy would make a power of the term's exponential: only numbers stand beside."""
    return all(
        factor.has(sympy.log) or not factor.free_symbols for factor in sympy.Mul.make_args(term)
    )


def _numbers(expression: Any) -> list[Any]:
    """All rational numbers that occur, as often as they occur."""
    return [part for part in sympy.preorder_traversal(expression) if part.is_Rational]


def _source_data(source: Source | None) -> Any:
    if source is None:
        return None
    entry = source.reference
    return {"key": source.key, "locator": source.locator, "reference": vars(entry)}


def _source_from(data: Any) -> Source | None:
    if data is None:
        return None
    return Source(data["key"], data["locator"], Reference(**data["reference"]))


def rule_data(rule: Rule) -> dict[str, Any]:
    """A rule as JSON data."""
    return {
        "name": rule.name, "title": rule.title, "family": rule.family, "defect": rule.defect,
        "note": rule.note, "source": _source_data(rule.source),
        "hyperparameters": [
            {
                "symbol": encode(entry.symbol), "default": encode(entry.default),
                "domain": _domain_data(entry.domain),
            }
            for entry in rule.parameters
        ],
        "state": [[encode(symbol), encode(value)] for symbol, value in rule.state.items()],
        "update": [[encode(target), encode(value)] for target, value in rule.update],
    }  # fmt: skip


def rule_from(data: Mapping[str, Any]) -> Rule:
    """The rule that :func:`rule_data` made the data from; it is validated anew."""
    source = _source_from(data["source"])
    assert source is not None
    return Rule(
        title=data["title"],
        source=source,
        hyperparameters={
            decode(entry["symbol"]): Hyperparameter(
                decode(entry["symbol"]), decode(entry["default"]), _domain_from(entry["domain"])
            )
            for entry in data["hyperparameters"]
        },
        state={decode(symbol): decode(value) for symbol, value in data["state"]},
        update=[(decode(target), decode(value)) for target, value in data["update"]],
        defect=data["defect"],
        note=data["note"],
        name=data["name"],
        family=data["family"],
    )


def _domain_data(domain: Any) -> Any:
    if domain == sympy.Reals:
        return None
    if not isinstance(domain, sympy.Interval):
        raise StatementError(f"the domain {domain} cannot be stored")
    ends = [encode(domain.start), encode(domain.end)]
    return [*ends, bool(domain.left_open), bool(domain.right_open)]


def _domain_from(data: Any) -> Any:
    if data is None:
        return sympy.Reals
    start, end, left, right = data
    return sympy.Interval(decode(start), decode(end), left, right)


def objective_data(objective: Objective) -> dict[str, Any]:
    """An objective as JSON data; a family is stored as the member that it is."""
    return {
        "name": objective.name, "title": objective.title, "family": objective.family,
        "note": objective.note, "source": _source_data(objective.source),
        "expression": encode(objective.expression),
        "variables": [symbol.name for symbol in objective.variables],
        "window": [[str(low), str(high)] for low, high in objective.window],
        "start": [str(value) for value in objective.start],
        "known": [
            {
                "point": [encode(value) for value in point.point], "value": encode(point.value),
                "kind": point.kind, "digits": point.digits,
            }
            for point in objective.known
        ],
    }  # fmt: skip


def objective_from(data: Mapping[str, Any]) -> Objective:
    """The objective that :func:`objective_data` made the data from; it is validated anew."""
    expression: Expr = decode(data["expression"])
    return Objective(
        expression,
        data["variables"],
        title=data["title"],
        source=_source_from(data["source"]),
        window=data["window"],
        start=data["start"],
        note=data["note"],
        name=data["name"],
        family=data["family"],
        known=[
            KnownPoint(
                tuple(decode(value) for value in point["point"]), decode(point["value"]),
                point["kind"], point["digits"],
            )
            for point in data["known"]
        ],
    )  # fmt: skip
