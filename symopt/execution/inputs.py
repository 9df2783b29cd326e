"""What users give to a run, read into exact numbers: start, hyperparameters, steps, record."""

from __future__ import annotations

from collections.abc import Mapping, Set
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.errors import InputError
from symopt.execution import arithmetic as numbers
from symopt.execution.reductions import Last, Reduction
from symopt.statement.numbers import exact, received
from symopt.statement.objective import Objective
from symopt.statement.parse import parse_expression
from symopt.statement.rule import Rule
from symopt.statement.symbols import t

__all__ = [
    "lanes_of",
    "read_record",
    "read_start",
    "read_steps",
    "split_hyperparameters",
    "split_lanes",
]


def split_hyperparameters(
    rule: Rule, given: Mapping[str, Any]
) -> tuple[dict[str, Fraction], dict[Symbol, Expr]]:
    """The numbers that a run receives, and the schedules. Text may be an expression of ``t``."""
    values = dict(given)
    for name, value in given.items():
        rule.parameter(name)
        if isinstance(value, str) and "t" in value:
            values[name] = parse_expression(value, {"t": t})
    bound = rule.bind(values, received)
    schedules = {symbol: value for symbol, value in bound.items() if not value.is_Rational}
    for symbol, value in schedules.items():
        if not value.free_symbols:
            raise InputError(f"{rule.name}: {symbol} = {value} is not a rational number")
    fixed = {
        symbol.name: Fraction(int(value.p), int(value.q))
        for symbol, value in bound.items()
        if value.is_Rational
    }
    return fixed, schedules


def split_lanes(
    rule: Rule, given: Mapping[str, Any], dtype: type[np.floating[Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What all lanes share, and what differs from lane to lane: arrays of one length."""
    shared: dict[str, Any] = {}
    varied: dict[str, Any] = {}
    for name, value in given.items():
        rule.parameter(name)
        if isinstance(value, (list, tuple)) or np.ndim(value):
            varied[name] = _read_lanes(rule, name, value, dtype)
        else:
            shared[name] = value
    if len({len(array) for array in varied.values()}) > 1:
        raise InputError(f"{rule.name}: each lane needs one number of each; {_counts(varied)}")
    return shared, varied


def _counts(varied: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} has {len(array)}" for name, array in varied.items())


def _read_lanes(rule: Rule, name: str, values: Any, dtype: type[np.floating[Any]]) -> Any:
    """One number for each lane, each rounded once to the dtype."""
    what = f"{rule.name}: {name}"
    if np.ndim(values) != 1 or not len(values):
        raise InputError(
            f"{what} has shape {np.shape(values)}; an array of hyperparameters is one number for "
            "each lane, of shape (n,)"
        )
    if isinstance(values, np.ndarray) and values.dtype in (np.float64, np.float32):
        floats = values.astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(floats))
        if len(wrong):
            raise InputError(f"{what} is {floats[wrong[0]]} in lane {wrong[0]}; it must be finite")
        with np.errstate(over="ignore"):
            array = values.astype(dtype)
        # A domain is an interval or all numbers: it holds what lies between two of its members.
        extremes = [received(floats[i], what) for i in (floats.argmin(), floats.argmax())]
    else:
        numerals = [received(value, f"{what}, lane {i}") for i, value in enumerate(values)]
        array = np.array([numbers.round_to(value, dtype) for value in numerals], dtype)
        extremes = [min(numerals), max(numerals)]
    for value in extremes:
        rule.bind({name: value})
    if not np.isfinite(array).all():
        raise InputError(
            f"{what}, lane {int(np.argmin(np.isfinite(array)))} is beyond the range of "
            f"{dtype.__name__}"
        )
    return array


def lanes_of(
    rule: Rule,
    batch: Any,
    start: tuple[Fraction, ...],
    varied: Mapping[str, Any],
    dtype: type[np.floating[Any]],
) -> Any:
    """The start of every lane, of shape (n, d); where only hyperparameters differ, one for all."""
    if not varied:
        return batch
    count = len(next(iter(varied.values())))
    if batch is None:
        point = np.array([numbers.round_to(value, dtype) for value in start])
        return np.broadcast_to(point, (count, len(point)))
    if len(batch) != count:
        raise InputError(
            f"{rule.name}: each lane needs a start and one number of each hyperparameter given as "
            f"an array; x0 has {len(batch)} starts, {_counts(varied)}"
        )
    return batch


def read_start(objective: Objective, x0: Any) -> tuple[tuple[Fraction, ...], Any]:
    """The start as exact numbers, or a batch of starts as an array of shape (n, d)."""
    if x0 is None:
        if not objective.start:
            raise InputError(
                f"{objective.name or 'the objective'} has no customary start; give x0, one number "
                f"for each of {', '.join(map(str, objective.variables))}"
            )
        return tuple(exact(value) for value in objective.start), None
    if isinstance(x0, np.ndarray) and x0.ndim == 2:
        if x0.shape[1] != objective.dimension or not len(x0):
            raise InputError(
                f"x0: a batch of shape {x0.shape} for {objective.dimension} variables; it must be "
                f"(n, {objective.dimension})"
            )
        try:
            numeric = x0 if x0.dtype.kind == "f" else x0.astype(float)
            finite = bool(np.isfinite(numeric).all())
        except (TypeError, ValueError) as error:
            raise InputError(f"x0: a batch is an array of numbers ({error})") from None
        if not finite:
            raise InputError("x0: the batch holds nan or infinite numbers")
        return (), x0
    if isinstance(x0, str):
        x0 = x0.replace(",", " ").split()
    if isinstance(x0, (Mapping, Set)):
        raise InputError(
            "x0 has no order; give one number for each of "
            + ", ".join(map(str, objective.variables))
        )
    if not hasattr(x0, "__len__") or getattr(x0, "shape", None) == ():
        x0 = [x0]
    first: Any = x0[0] if len(x0) else None
    if isinstance(first, (list, tuple, np.ndarray)) and np.ndim(first):
        lengths = {len(row) for row in x0}
        if len(lengths) > 1:
            raise InputError(f"x0: a batch needs rows of one length, not of {sorted(lengths)}")
        rows = [[numbers.nearest(received(value, "x0")) for value in row] for row in x0]
        return read_start(objective, np.array(rows))
    if len(x0) != objective.dimension:
        raise InputError(
            f"x0 has {len(x0)} numbers, but {objective.name or 'the objective'} has "
            f"{objective.dimension} variables: {', '.join(map(str, objective.variables))}"
        )
    names = [symbol.name for symbol in objective.variables]
    pairs = zip(x0, names, strict=True)
    return tuple(received(value, f"x0, {name}") for value, name in pairs), None


def read_steps(steps: Any) -> int:
    """The number of steps, at least 1."""
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)):
        raise InputError(f"steps is an integer, not {steps!r}")
    if steps < 1:
        raise InputError(f"steps = {steps}: a run has at least 1 step")
    return int(steps)


def read_record(record: Any) -> tuple[int, bool, tuple[Reduction, ...]]:
    """Every how many steps to record, 0 meaning the last one only; state too; and reductions."""
    if record == "all":
        return 1, True, ()
    if record in ("final", "point"):
        return 0, record == "final", ()
    parts = record if isinstance(record, (list, tuple)) else [record]
    reductions = [Last() if part == "point" else part for part in parts]
    if parts and all(isinstance(part, Reduction) for part in reductions):
        return 0, False, tuple(reductions)
    whole = isinstance(record, (int, np.integer)) and not isinstance(record, bool)
    if whole and record > 0:
        return int(record), True, ()
    raise InputError(
        f"record = {record!r}: it is 'all', 'final', 'point', a positive number of steps, "
        "symopt.Best(), symopt.FirstBelow(threshold), or a list of 'point' and the last two"
    )
