"""What rounding can explain in an array expression: running bounds for any order of summation.

Every node is computed in float64, and beside it stands, entry by entry, how far the result of any
implementation may lie from the exact one. The implementations meant compute each node from their
own values of its arguments in one format of unit u (half an ulp of 1), with these liberties:

- Sums, matrix products, added biases, means and scalar factors are linear forms. Their terms may
  be added in any order, with or without fused multiply-add, and factors may be distributed: with
  at most k roundings on any term, ``|computed - form| <= gamma(k) * sum of |terms|``,
  ``gamma(k) = k*u/(1 - k*u)`` (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
  lemma 3.1 and section 3.5). Fast matrix products of Strassen's kind are not meant.
- Functions (exp, log, tanh) are within :data:`ULPS` ulp. What is known of that: SLEEF's and MKL's
  default vector functions claim 1 ulp, glibc's manual lists 1 to 2, NumPy's comments on its
  float32 loops name 2.52 (exp) and 3.83 (log); a test measures the libraries at hand.
- Softmax and log-sum-exp subtract a row's maximum; softmax may also be exp of the logarithm.
- Results below the least normal number may be flushed to zero.

What a node's arguments are off is carried on by the mean value theorem over the whole interval,
nothing left out at second order. Where a comparison hangs on rounding (a ReLU whose argument may
have either sign), both outcomes are admitted. The bounds are themselves computed in float64, as
sums and products of nonnegative numbers, and each is widened by more than their rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import StatementError
from symopt.statement.array.expression import Array, order
from symopt.verification.array.functions_bounds import FUNCTIONS
from symopt.verification.array.limits import Limits, Linear, Sheet, widened
from symopt.verification.rounding import FORMATS

__all__ = ["Enclosed", "enclose"]

Floats = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Enclosed:
    """A root: its value in float64, the error of that, and the error admitted of others.

    The exact value lies within ``own`` of ``value``, and a result computed in the format within
    ``error`` of the exact value. ``open`` counts the comparisons below it that rounding decides.
    """

    value: Floats
    own: Floats
    error: Floats
    open: int


def enclose(
    roots: Mapping[str, Array],
    leaves: Mapping[str, Any],
    form: str = "float64",
    off: Mapping[str, Floats] | None = None,
) -> dict[str, Enclosed]:
    """The roots on numbers, with bounds for results computed in ``form``.

    ``leaves`` holds an array for each parameter and data, and integers for labels; a number that
    the format does not hold counts as rounded to it. ``off`` is by how much the exact and the
    computed numbers of a leaf may be off those given.

    >>> from symopt.statement.array import data, total
    >>> x = data("x", 3)
    >>> found = enclose({"s": total(x)}, {"x": np.array([1.0, 2.0, 4.0])}, "float32")["s"]
    >>> float(found.value), float(found.error) < 14 * 2.0**-24 * 1.001
    (7.0, True)
    """
    nodes = order(*roots.values())
    with np.errstate(all="ignore"):
        own = _sweep(nodes, leaves, Limits(FORMATS["float64"]), None, off or {})
        theirs = own
        if form != "float64":
            theirs = _sweep(nodes, leaves, Limits(FORMATS[form]), own, off or {})
    return {
        name: Enclosed(own[root].value, own[root].error, theirs[root].error, _open(root, theirs))
        for name, root in roots.items()
    }


def _open(root: Array, found: Mapping[Array, Sheet]) -> int:
    return sum(found[node].open for node in order(root))


def _sweep(
    nodes: list[Array],
    leaves: Mapping[str, Any],
    limits: Limits,
    own: Mapping[Array, Sheet] | None,
    off: Mapping[str, Floats],
) -> dict[Array, Sheet]:
    found: dict[Array, Sheet] = {}
    for node in nodes:
        args = [found[arg] for arg in node.args]
        known = own[node] if own is not None else None
        value = known.value if known is not None else _value(node, args, leaves)
        form = _form(node, args, leaves, limits, value)
        if node.name in off and node.op in ("parameter", "data"):
            form = Linear(
                widened(form.prior + off[node.name]), widened(form.terms + off[node.name]), 0
            )
        error = form.error(limits)
        error = np.where(np.isfinite(value) & np.isfinite(error), error, np.inf)
        error = np.where(np.abs(value) + error <= limits.largest, error, np.inf)
        exact = known.error if known is not None else error
        size = widened(np.abs(value) + exact)
        found[node] = Sheet(value, size, exact, error, form, _undecided(node, args, limits))
    return found


def _undecided(node: Array, args: list[Sheet], limits: Limits) -> int:
    if node.op != "apply":
        return 0
    name, *constants = node.value
    return int(FUNCTIONS[name].open(args[0], limits, *constants).sum())


def _value(node: Array, args: list[Sheet], leaves: Mapping[str, Any]) -> Floats:
    values = [arg.value for arg in args]
    if node.op in ("parameter", "data", "labels"):
        given = np.asarray(leaves[node.name])
        return given if node.op == "labels" else np.asarray(given, dtype=np.float64)
    if node.op == "apply":
        name, *constants = node.value
        return np.asarray(FUNCTIONS[name].value(values[0], *constants))
    if node.op == "const":
        return np.asarray(float(node.value))
    if node.op == "eye":
        return np.eye(_lengths(node)[0])
    if node.op == "onehot":
        return np.eye(_lengths(node)[1])[values[0]]
    if node.op == "sum":
        return np.asarray(values[0].sum(axis=node.value))
    if node.op == "broadcast":
        return _spread(node, values[0])
    if node.op not in _VALUES:
        raise StatementError(f"{node!r}: no rounding bound is known of the operation {node.op}")
    return np.asarray(_VALUES[node.op](*values))


def _lengths(node: Array) -> tuple[int, ...]:
    return tuple(dim for dim in node.shape if isinstance(dim, int))


def _spread(node: Array, given: Floats) -> Floats:
    wide = given[:, None] if node.value == "columns" else given
    return np.broadcast_to(wide, _lengths(node))


def _softmax(z: Floats) -> Floats:
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _logsumexp(z: Floats) -> Floats:
    top = z.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(z - top).sum(axis=-1)))


_VALUES: dict[str, Callable[..., Any]] = {
    "let": lambda a: a,
    "adjoint": lambda a: a,
    "add": np.add,
    "sub": np.subtract,
    "neg": np.negative,
    "mul": np.multiply,
    "scale": np.multiply,
    "div": np.divide,
    "matmul": np.matmul,
    "outer": np.multiply.outer,
    "transpose": np.transpose,
    "trace": np.trace,
    "softmax": _softmax,
    "logsumexp": _logsumexp,
}


def _form(
    node: Array, args: list[Sheet], leaves: Mapping[str, Any], limits: Limits, value: Floats
) -> Linear:
    """The node as a linear form of what rounding has settled before it."""
    if node.op in ("parameter", "data"):
        return _given(np.asarray(leaves[node.name]), value, limits)
    if node.op == "const":
        return _given(np.asarray(node.value, dtype=object), value, limits)
    if node.op in ("labels", "eye", "onehot"):
        return Linear(np.zeros(value.shape), np.abs(value), 0)
    if node.op == "apply":
        name, *constants = node.value
        return FUNCTIONS[name].form(args[0], limits, *constants)
    if node.op == "sum":
        return args[0].form.summed(node.value)
    if node.op == "broadcast":
        return args[0].form.mapped(lambda part: _spread(node, part))
    return _FORMS[node.op](*args, limits)


def _given(exact: Floats, value: Floats, limits: Limits) -> Linear:
    """Numbers that enter: rounded once where the format does not hold them."""
    if exact.dtype == object:
        kept = np.array([Fraction(x) == Fraction(float(x)) for x in exact.flat], dtype=bool)
        kept = kept.reshape(exact.shape)
    else:
        kept = np.ones(exact.shape, dtype=bool)
    held = kept & limits.holds(value)
    size = widened(np.abs(value))
    prior = np.where(held, 0.0, widened(size * limits.unit * 2 + limits.tiny))
    return Linear(prior, widened(size + prior), 0)


def _add(a: Sheet, b: Sheet, limits: Limits) -> Linear:
    x, y = a.form, b.form
    return Linear(x.prior + y.prior, x.terms + y.terms, x.count + y.count + 1)


def _mul(a: Sheet, b: Sheet, limits: Limits) -> Linear:
    if _bits(a) or _bits(b):  # a product with zeros and ones is exact, and a selection of terms
        mask, other = (a, b.form) if _bits(a) else (b, a.form)
        return Linear(other.prior * mask.value, other.terms * mask.value, other.count)
    prior = a.error * b.reach + a.size * b.error
    return Linear(widened(prior + limits.tiny), widened(a.reach * b.reach), 1)


def _bits(a: Sheet) -> bool:
    return not a.error.any() and bool(((a.value == 0) | (a.value == 1)).all())


def _scale(s: Sheet, a: Sheet, limits: Limits) -> Linear:
    form = a.form
    prior = s.size * form.prior + s.error * form.terms + limits.tiny
    return Linear(widened(prior), widened(s.reach * form.terms), form.count + 2)


def _div(a: Sheet, b: Sheet, limits: Limits) -> Linear:
    """By a scalar linear in what is divided, and else from the quotient's interval."""
    low = b.least
    if b.value.shape == ():
        form = a.form
        prior = form.prior / low + form.terms / low * (b.error / low) + limits.tiny
        return Linear(widened(prior), widened(form.terms / low), form.count + 2)
    ratio = a.size / low
    prior = widened((a.error + ratio * b.error) / low + limits.tiny)
    return Linear(prior, widened(a.reach / low), 2)


def _matmul(a: Sheet, b: Sheet, limits: Limits) -> Linear:
    count = a.value.shape[-1]
    prior = a.error @ b.reach + a.size @ b.error + count * limits.tiny
    return Linear(widened(prior), widened(a.reach @ b.reach), count)


def _outer(a: Sheet, b: Sheet, limits: Limits) -> Linear:
    by = np.multiply.outer
    prior = by(a.error, b.reach) + by(a.size, b.error) + limits.tiny
    return Linear(widened(prior), widened(by(a.reach, b.reach)), 1)


def _trace(a: Sheet, limits: Limits) -> Linear:
    form = a.form.mapped(np.diagonal)
    return form.summed(None)


def _row_sum(z: Sheet, limits: Limits) -> tuple[Floats, Floats, Floats]:
    """Of a row: the shifted arguments' sizes, log of the sum of their exp, its relative error.

    The argument z - max is rounded, exp is rounded, and the terms are added in any order.
    """
    top = z.value.max(axis=-1, keepdims=True)
    spread = np.abs(z.value - top) + 2 * (z.own + z.own.max(axis=-1, keepdims=True))
    spread = widened(spread + 2 * z.error.max(axis=-1, keepdims=True))
    powers = np.exp(z.value - top)
    total = powers.sum(axis=-1, keepdims=True)
    each = limits.function + spread * limits.unit
    # The mean of the terms' errors, weighted with the terms, and at most widened by what the
    # terms themselves are off.
    off = np.exp(2 * z.own.max(axis=-1, keepdims=True) + 2 * z.error.max(axis=-1, keepdims=True))
    mean = (powers * off * each * np.exp(each)).sum(axis=-1, keepdims=True) / total * off
    count = z.value.shape[-1]
    relative = widened(mean + limits.gamma(count) * (1 + mean) + count * limits.tiny)
    return spread, widened(np.abs(np.log(total)) + 2 * np.log(off)), relative


def _moved(z: Sheet) -> Floats:
    return np.asarray(z.error.max(axis=-1, keepdims=True))


def _log_of(relative: Floats) -> Floats:
    """A bound on |log(1 + d)| for |d| <= relative."""
    return np.where(relative < 0.5, relative / (1 - np.minimum(relative, 0.5)), np.inf)


def _softmax_form(z: Sheet, limits: Limits) -> Linear:
    spread, log_total, relative = _row_sum(z, limits)
    moved = np.expm1(z.error + _moved(z))
    sizes = np.abs(_softmax(z.value)) * np.exp(2 * z.own.max(axis=-1, keepdims=True))
    # Both exp(z - max)/sum and exp(z - max - log(sum)).
    exponent = spread * limits.unit + _log_of(relative) + log_total * limits.function
    exponent = exponent + (spread + log_total) * limits.unit * 2
    rounded = np.expm1(exponent) + (limits.function + 2 * limits.unit) * np.exp(exponent)
    prior = sizes * (moved + (1 + moved) * rounded) + 4 * limits.tiny
    prior = np.minimum(np.where(np.isnan(prior), np.inf, prior), np.inf)
    return Linear(widened(prior), widened(sizes + prior), 0)


def _logsumexp_form(z: Sheet, limits: Limits) -> Linear:
    _, log_total, relative = _row_sum(z, limits)
    top = z.reach.max(axis=-1, keepdims=True)
    error = _moved(z) + _log_of(relative) + (log_total + _log_of(relative)) * limits.function
    return Linear(widened(error)[..., 0], widened(top + log_total + error)[..., 0], 1)


_FORMS: dict[str, Callable[..., Linear]] = {
    "let": lambda a, limits: a.form,
    "adjoint": lambda a, limits: a.form,
    "neg": lambda a, limits: a.form,
    "transpose": lambda a, limits: a.form.mapped(np.transpose),
    "add": _add,
    "sub": _add,
    "mul": _mul,
    "scale": _scale,
    "div": _div,
    "matmul": _matmul,
    "outer": _outer,
    "trace": _trace,
    "softmax": _softmax_form,
    "logsumexp": _logsumexp_form,
}
