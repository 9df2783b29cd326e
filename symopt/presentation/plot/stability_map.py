"""What a map over two hyperparameters holds: where a rule converges on a quadratic, how fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Poly, Symbol

from symopt.derivation.linear_step import symbol_values
from symopt.derivation.stability import Stability
from symopt.derivation.stability import stability as stability_of
from symopt.errors import InputError
from symopt.presentation import drawing
from symopt.presentation.names import Label
from symopt.presentation.notation import plain
from symopt.presentation.plot.stable_set import Row, polynomials, rows
from symopt.statement.numbers import exact, rational
from symopt.statement.rule import Rule

__all__ = ["StabilityMap", "letter", "spectral_radius", "stability_map"]

#: Rows in which the exact boundary is found.
_ROWS = 97
#: Points of the mesh on which rates are computed.
_MESH = 241
Window = tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]


@dataclass(frozen=True, eq=False)
class StabilityMap:
    """The stable set of a rule over two of its hyperparameters, exactly, in rows.

    ``over`` are the two symbols, ``curvatures`` those that must all be stable, ``fixed`` what
    the other hyperparameters are, and ``conditions`` the polynomials that are all positive
    inside.
    """

    stability: Stability
    over: tuple[Symbol, Symbol]
    curvatures: tuple[Fraction, ...]
    fixed: Mapping[Symbol, Expr]
    window: Window
    conditions: tuple[Poly, ...]
    rows: tuple[Row, ...]

    @property
    def boundary(self) -> drawing.Array:
        """Points of the boundary, shape (n, 2): the ends of the stable intervals."""
        points = [
            (end, float(row.height))
            for row in self.rows
            for interval in row.intervals
            for end in interval
            if float(self.window[0][0]) < end < float(self.window[0][1])
        ]
        return np.array(points).reshape(-1, 2)

    @property
    def best(self) -> tuple[float, float, float] | None:
        """The derived optimum on the interval of the curvatures and its rate, where it is known."""
        if self.stability.curvature in self.over:
            return None
        try:
            found = self.stability.optimum()
        except InputError:
            return None
        ends = (rational(min(self.curvatures)), rational(max(self.curvatures)))
        values, least = found.at(*ends)
        # An optimum at a fixed learning rate is not that of the map.
        if not set(self.over) <= set(found.hyperparameters):
            return None
        if any(self.fixed.get(symbol, value) != value for symbol, value in values.items()):
            return None
        return float(values[self.over[0]]), float(values[self.over[1]]), float(least)

    @property
    def region(self) -> str:
        """The region as it is read, with the curvature as a letter."""
        region = self.stability.region
        if region.limit is not None:
            return f"0 < {plain(region.scale * region.step)} < {plain(region.limit)}"
        return ", ".join(plain(part) for part in region.inequalities)

    @property
    def caption(self) -> str:
        """What the map shows."""
        stated = self.stability
        names = " and ".join(letter(symbol) for symbol in self.over)
        curvature = letter(stated.curvature)
        given = "" if stated.curvature in self.over else (
            f" at curvature {curvature} = " + ", ".join(map(str, self.curvatures))
        )  # fmt: skip
        used = {symbol for part in stated.region.conditions for symbol in part.free_symbols}
        rest = ", ".join(
            f"{letter(symbol)} = {value}" for symbol, value in self.fixed.items() if symbol in used
        )
        kind = "" if stated.linear else ", linearized at its fixed point"
        return (
            f"{stated.rule.title}{kind}: where it converges on a quadratic{given}, over {names}"
            + (f", with {rest}" if rest else "")
            + f"; exactly where {self.region}."
        )

    def rates(self) -> tuple[drawing.Array, drawing.Array, drawing.Array]:
        """A mesh of the window, and the spectral radius of what x sees at each of its points."""
        sides = [np.linspace(float(low), float(high), _MESH) for low, high in self.window]
        first, second = np.meshgrid(*sides)
        worst = np.zeros_like(first)
        for values in _settings(self.stability, self.over, self.curvatures, self.fixed):
            parts = []
            for part in self.stability.seen:
                above, below = sympy.fraction(sympy.cancel(part.xreplace(values)))
                with np.errstate(all="ignore"):
                    parts.append(
                        _on_mesh(above, self.over, first, second)
                        / _on_mesh(below, self.over, first, second)
                    )
            worst = np.maximum(worst, spectral_radius(np.stack(parts, axis=-1)))
        return first, second, worst


def spectral_radius(coefficients: drawing.Array) -> drawing.Array:
    """The largest modulus of the roots of monic polynomials; a_0, a_1, ... along the last axis."""
    degree = coefficients.shape[-1]
    companion = np.zeros((*coefficients.shape[:-1], degree, degree))
    companion[..., 1:, :-1] = np.eye(degree - 1)
    companion[..., :, -1] = -np.nan_to_num(coefficients, nan=np.inf, posinf=1e300, neginf=-1e300)
    return np.asarray(np.abs(np.linalg.eigvals(companion)).max(axis=-1))


def _on_mesh(
    expression: Expr, over: tuple[Symbol, Symbol], first: drawing.Array, second: drawing.Array
) -> drawing.Array:
    polynomial = Poly(expression, *over, domain="QQ")
    result = np.zeros_like(first)
    for (i, j), coefficient in polynomial.terms():
        result += float(coefficient) * first**i * second**j
    return result


def letter(symbol: Symbol) -> str:
    """A symbol as an axis shows it.

    >>> letter(Symbol("beta1"))
    'β₁'
    """
    return Label(symbol.name).unicode


def _settings(
    stated: Stability,
    over: Sequence[Symbol],
    curvatures: Sequence[Fraction],
    fixed: Mapping[Symbol, Expr],
) -> Iterator[dict[Symbol, Expr]]:
    """What stands for every symbol outside the map, for each curvature."""
    if stated.curvature in over:
        yield dict(fixed)
        return
    for curvature in curvatures:
        yield {**fixed, stated.curvature: rational(curvature)}


def _chosen(stated: Stability, over: Sequence[str] | None) -> tuple[Symbol, Symbol]:
    """The two symbols of a map: the learning rate, and a momentum or else the curvature."""
    rule, step = stated.rule, stated.region.step
    known = {entry.name: entry.symbol for entry in rule.parameters}
    known[stated.curvature.name] = stated.curvature
    if over is not None:
        names = [over] if isinstance(over, str) else list(over)
        if len(names) != 2 or len(set(names)) != 2 or not set(names) <= set(known):
            raise InputError(
                f"over: {names} are not two hyperparameters of {rule.name}; it has "
                + ", ".join(known)
            )
        return known[names[0]], known[names[1]]
    used = {symbol for part in stated.seen for symbol in part.free_symbols}
    unit = sympy.Interval(-1, 1)
    second = next(
        (
            entry.symbol
            for entry in rule.parameters
            if entry.symbol in used and entry.symbol != step and entry.domain.is_subset(unit)
        ),
        stated.curvature,
    )
    if second == step:
        raise InputError(f"{rule.name} has no two hyperparameters for a map")
    return step, second


def stability_map(
    rule: Rule | str,
    over: Sequence[str] | None = None,
    *,
    curvature: Any = 1,
    window: Sequence[Any] | None = None,
    **hyper: Any,
) -> StabilityMap:
    """Where a rule converges on a quadratic, over two hyperparameters, with the exact boundary.

    Parameters
    ----------
    rule
        A name or a rule, as for ``symopt.stability``.
    over
        Two names; by default the learning rate and the momentum, or the curvature without one.
    curvature
        A number, or several of which each must be stable (the ends of an interval suffice where
        the region is an interval of the curvature).
    window
        One interval for each of the two; by default what shows the region.
    hyper
        The other hyperparameters; their defaults if not given.

    >>> momentum = stability_map("momentum")
    >>> [symbol.name for symbol in momentum.over]
    ['eta', 'mu']
    >>> bool(abs(momentum.boundary[:, 0] - 2 * (1 + momentum.boundary[:, 1])).max() < 1e-12)
    True

    Raises :class:`~symopt.errors.InputError` for a rule that is not linear and cannot be
    linearized, and where a map is not a matter of polynomials.
    """
    stated = stability_of(rule)
    chosen = _chosen(stated, over)
    listed = curvature if isinstance(curvature, (list, tuple)) else [curvature]
    curvatures = tuple(exact(value, "curvature") for value in listed)
    if not curvatures or min(curvatures) <= 0:
        raise InputError(f"curvature: give one or more positive numbers, not {curvature!r}")
    given = symbol_values(stated.rule, hyper)
    twice = [symbol.name for symbol in chosen if symbol in given]
    if twice:
        raise InputError(f"{twice[0]} is drawn along an axis; it has no single value")
    fixed = {
        entry.symbol: given.get(entry.symbol, entry.default)
        for entry in stated.rule.parameters
        if entry.symbol not in chosen
    }
    conditions = [
        one
        for values in _settings(stated, chosen, curvatures, fixed)
        for one in polynomials(stated.region.conditions, chosen, values, stated.rule.name)
    ]
    intervals = _window(stated, chosen, conditions, window)
    # Wider than what is drawn, so that a boundary leaves the picture at its side, not before.
    (left, right), up = intervals
    wide = ((left - (right - left), right + 4 * (right - left)), up)
    if left >= 0:
        wide = ((max(wide[0][0], Fraction(0)), wide[0][1]), up)
    return StabilityMap(
        stated, chosen, curvatures, fixed, intervals, tuple(conditions),
        rows(conditions, wide, _ROWS),
    )  # fmt: skip


def _window(
    stated: Stability, chosen: Sequence[Symbol], conditions: Sequence[Poly], given: Any
) -> Window:
    if given is not None:
        try:
            (left, right), (low, high) = [[exact(end, "window") for end in one] for one in given]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"window: give one interval (low, high) for each axis ({error})"
            ) from None
        if not (left < right and low < high):
            raise InputError("window: an interval is empty")
        return (left, right), (low, high)
    domain = next(
        (entry.domain for entry in stated.rule.parameters if entry.symbol == chosen[1]), None
    )
    up = (Fraction(0), Fraction(1))
    if domain is None or not domain.is_subset(sympy.Interval(-1, 1)):
        up = (Fraction(1, 10), Fraction(4))
    far = Fraction(10**6)
    ends = [
        end
        for row in rows(conditions, ((Fraction(0), far), up), 9)
        for interval in row.intervals
        for end in interval
        if end < far
    ]
    # What a row far up leaves stable must not hide the rest: four times the median is enough.
    widest = max(ends, default=2.0) or 2.0
    middle = float(np.median([end for end in ends if end > 0] or [widest]))
    return (Fraction(0), Fraction(min(1.15 * widest, 4 * middle))), up
