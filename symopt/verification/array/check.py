"""Numbers that claim to be a gradient, each beside the exact one and its rounding bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.statement.array.bound import BoundObjective
from symopt.verification.array.limits import ULPS
from symopt.verification.array.rounding import Enclosed, enclose
from symopt.verification.rounding import FORMATS

__all__ = ["ASSUMED", "EntryCheck", "GradientCheck", "check_gradient", "enclose_gradient"]

Floats = np.ndarray[Any, Any]

#: What every rounding bound of array code rests on.
ASSUMED = (
    f"exp, log and tanh of the code's library are within {ULPS} ulp",
    "matrix products are sums of products, in any order",
    "softmax and log-sum-exp subtract the row's maximum",
)


@dataclass(frozen=True)
class EntryCheck:
    """One number: what was observed, what is exact, what rounding explains, and the ratio."""

    quantity: str
    observed: float
    expected: float
    bound: float
    eta: float


@dataclass(frozen=True)
class GradientCheck:
    """What was decided about numbers that claim to be the loss or the gradient at a point.

    ``status`` is ``"consistent"`` (every entry lies within what rounding can explain),
    ``"refuted"`` (an entry certainly does not) or ``"undecided"`` (an entry has no finite bound).
    ``eta`` is the largest deviation over its bound, at ``worst``; ``parts`` holds it for each
    parameter. ``open`` counts the kinks on whose side rounding decides; there both are admitted.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/2", 3])
    >>> check = symopt.check_gradient(fit, [1, 0], fit.gradient([1, 0]) / 2)
    >>> print(check.status, check.worst.quantity, check.worst.observed, check.worst.expected)
    refuted w[1] -0.75 -1.5
    """

    status: str
    objective: str
    format: str
    eta: float
    worst: EntryCheck
    parts: Mapping[str, float]
    open: int
    reason: str
    assumed: tuple[str, ...] = ASSUMED

    def __bool__(self) -> bool:
        return self.status == "consistent"

    def __str__(self) -> str:
        lines = [
            f"{self.status.upper()}: the gradient of {self.objective}, {self.format}",
            f"  {self.reason}",
            *(f"  {name}: eta = {eta:.3g}" for name, eta in self.parts.items()),
            *(f"  assumed: {text}" for text in self.assumed),
        ]
        return "\n".join(lines)


def enclose_gradient(bound: BoundObjective, theta: Any, form: str) -> dict[str, Enclosed]:
    """The loss (``"L"``) and the gradient of every parameter, with bounds for that format.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/2", 3])
    >>> found = symopt.enclose_gradient(fit, [1, 0], "float32")["w"]
    >>> found.value, bool(0 < found.error[0] < 1e-5)
    (array([-1.5]), True)
    """
    leaves = {**bound.data, **bound.unflatten(bound.point(theta))}
    roots = {"L": bound.statement.loss, **bound.statement.gradient}
    return enclose(roots, leaves, form)


def check_gradient(
    bound: BoundObjective,
    theta: Any,
    gradient: Any = None,
    value: Any = None,
    form: str | None = None,
) -> GradientCheck:
    """Check a gradient, a loss, or both, computed by other code at ``theta`` on the same data.

    Parameters
    ----------
    bound
        The objective on the data that the code had. Numbers that its format does not hold count
        as rounded to it.
    theta
        The parameters at which the code computed: a vector, or an array for each name.
    gradient, value
        What the code computed: the gradient as a vector or as an array for each name, shaped like
        the parameters (of a framework's linear layer the transpose), and the loss.
    form
        ``"float64"``, ``"float32"``, ``"float16"`` or ``"bfloat16"``: what the code computed in;
        by default the type of the gradient's arrays.

    There is no tolerance: see :mod:`symopt.verification.array.rounding` for what is admitted.

    >>> import numpy as np, symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/2", 3])
    >>> bool(symopt.check_gradient(fit, [1, 0], np.float32([-1.5, -0.5]), value=0.625))
    True

    Raises :class:`~symopt.errors.InputError` for other shapes and unknown formats.
    """
    if gradient is None and value is None:
        raise InputError(f"{bound.name}: give a gradient, a value, or both to check")
    form = form or _format(gradient, value)
    if form not in FORMATS:
        raise InputError(f"{form!r} is not a format; give one of {', '.join(FORMATS)}")
    observed: dict[str, Floats] = {}
    if value is not None:
        observed["L"] = np.asarray(float(value))
    if gradient is not None:
        observed |= _parts(bound, gradient)
    exact = enclose_gradient(bound, theta, form)
    found = {name: _compared(name, part, exact[name]) for name, part in observed.items()}
    worst = max(found.values(), key=lambda entry: entry.eta)
    unknown = [name for name in observed if not np.isfinite(exact[name].error).all()]
    if worst.eta > 1:
        status, reason = "refuted", (
            f"{worst.quantity}: expected {worst.expected!r}, observed {worst.observed!r}, "
            f"{worst.eta:.3g} times what rounding can explain"
        )  # fmt: skip
    elif unknown:
        status, reason = "undecided", f"no finite rounding bound for {', '.join(unknown)}"
    else:
        status = "consistent"
        reason = f"at most {worst.eta:.3g} of what rounding can explain, at {worst.quantity}"
    kinks = max(part.open for part in exact.values())
    if kinks:
        reason += f"; at {kinks} kinks rounding decides the side, and both are admitted"
    parts = {name: entry.eta for name, entry in found.items()}
    return GradientCheck(status, bound.name, form, worst.eta, worst, parts, kinks, reason)


def _format(gradient: Any, value: Any) -> str:
    parts = gradient.values() if isinstance(gradient, Mapping) else [gradient]
    kinds = {np.asarray(part).dtype.name for part in parts if part is not None}
    named = kinds & set(FORMATS)
    if len(named) > 1:
        raise InputError(f"gradients in {' and '.join(sorted(named))}: give form=")
    return named.pop() if named else "float64"


def _parts(bound: BoundObjective, gradient: Any) -> dict[str, Floats]:
    """The gradient by names, in float64, shapes checked; nan and infinities are observations."""
    if not isinstance(gradient, Mapping):
        return bound.unflatten(np.asarray(gradient, dtype=np.float64))
    found: dict[str, Floats] = {}
    for name, part in gradient.items():
        if name not in bound.slices:
            raise InputError(f"{bound.name} has no parameter {name!r}: {', '.join(bound.slices)}")
        made = np.asarray(part, dtype=np.float64)
        shape = bound.slices[name][1]
        if made.shape != shape:
            raise InputError(
                f"{bound.name}: the gradient of {name} has shape {made.shape}, and {name} {shape}"
            )
        found[name] = made
    return found


def _compared(name: str, observed: Floats, exact: Enclosed) -> EntryCheck:
    """The entry farthest from the exact one, in what rounding can explain."""
    apart = np.abs(observed - exact.value)
    # What certainly separates the observed number from the exact one.
    certain = np.maximum(apart * (1 - 2.0**-40) - exact.own * (1 + 2.0**-40), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.where(certain == 0, 0.0, certain / exact.error)
    eta = np.where(np.isfinite(observed), eta, np.where(np.isfinite(exact.error), np.inf, 0.0))
    place = np.unravel_index(int(np.argmax(eta)), eta.shape)
    where = "" if not place else "[" + ", ".join(str(int(i) + 1) for i in place) + "]"
    return EntryCheck(
        name + where, float(observed[place]), float(exact.value[place]),
        float(exact.error[place]), float(eta[place]),
    )  # fmt: skip
