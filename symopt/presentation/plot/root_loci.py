"""Root loci: how the roots that x sees move as one hyperparameter grows."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from sympy import Poly

from symopt.derivation.linear_step import symbol_values
from symopt.derivation.stability import stability
from symopt.errors import InputError
from symopt.presentation import canvas, drawing
from symopt.presentation.names import Label
from symopt.presentation.plot.stable_set import polynomials, stable_intervals
from symopt.statement.numbers import exact, rational
from symopt.statement.rule import Rule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["root_locus"]

_SAMPLES = 1200


def root_locus(
    rule: Rule | str,
    along: str | None = None,
    ax: Axes | None = None,
    *,
    between: tuple[Any, Any] | None = None,
    curvature: Any = 1,
    **hyper: Any,
) -> Axes:
    """The roots of what x sees, in the complex plane, as one hyperparameter grows.

    The rule converges while all of them are inside the unit circle. Shade tells the value; rings
    are the roots at the exact ends of the stable intervals.

    Parameters
    ----------
    along
        The hyperparameter that grows; the learning rate by default.
    between
        From where to where; by default from 0 to a little beyond the last stable value.
    curvature, hyper
        The numbers of the others; defaults if not given.

    >>> axes = root_locus("momentum", mu="1/2")
    >>> [text for text in axes.get_legend_handles_labels()[1] if "=" in text]
    ['η = 3: on the circle']

    Raises :class:`~symopt.errors.InputError` for an unknown hyperparameter and for a rule without
    a linear step.
    """
    stated = stability(rule)
    names = {entry.name: entry.symbol for entry in stated.rule.parameters}
    names[stated.curvature.name] = stated.curvature
    if along is not None and along not in names:
        raise InputError(f"along: {stated.rule.name} has no {along!r}; it has {', '.join(names)}")
    moving = stated.region.step if along is None else names[along]
    values = {entry.symbol: entry.default for entry in stated.rule.parameters}
    values |= symbol_values(stated.rule, hyper)
    values[stated.curvature] = rational(exact(curvature, "curvature"))
    if not values[stated.curvature].is_positive:
        raise InputError(f"curvature is a positive number, not {curvature!r}")
    if moving.name in hyper:
        raise InputError(f"{moving.name} is what grows; it has no single value")
    values.pop(moving, None)
    letter = Label(moving.name).unicode
    conditions = polynomials(stated.region.conditions, [moving], values, stated.rule.name)
    low, high, ends = _range(conditions, between)
    ax = canvas.figure(6.2, 5.4).add_subplot() if ax is None else ax
    around = np.linspace(0, 2 * np.pi, 361)
    ax.plot(
        np.cos(around), np.sin(around), color="black", linewidth=1.2, label="unit circle", zorder=2
    )
    parts: list[list[list[float]]] = []
    for part in stated.seen:
        above, below = sympy.fraction(sympy.cancel(part.xreplace(values)))
        parts.append([_floats(Poly(side, moving, domain="QQ")) for side in (above, below)])

    def roots(value: float) -> drawing.Array:
        coefficients = [float(np.polyval(a, value)) / float(np.polyval(b, value)) for a, b in parts]
        return np.asarray(np.roots([1.0, *reversed(coefficients)]))

    samples = np.linspace(low, high, _SAMPLES + 1)[1:]
    found = [(value, root) for value in samples for root in roots(float(value))]
    points = np.array([root for _, root in found])
    shade = ax.scatter(
        points.real, points.imag, c=[value for value, _ in found], cmap=_shades(), s=7, zorder=3,
        label="_nolegend_",
    )  # fmt: skip
    ax.figure.colorbar(shade, ax=ax, label=letter, shrink=0.8)
    for index, end in enumerate(ends):
        on_circle = roots(end)
        ax.plot(
            on_circle.real, on_circle.imag, linestyle="none", marker="os^D"[index % 4],
            markersize=9, markerfacecolor="none", markeredgecolor=drawing.color(1),
            markeredgewidth=1.8, zorder=5,
            label=f"{letter} {_shown(conditions, end)}: on the circle",
        )  # fmt: skip
    reach = max(1.15, min(2.0, float(np.abs(points).max()) * 1.05))
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")
    ax.axhline(0, color="#bccad8", linewidth=0.8, zorder=1)
    ax.axvline(0, color="#bccad8", linewidth=0.8, zorder=1)
    ax.set_xlabel("real part")
    ax.set_ylabel("imaginary part")
    rest = ", ".join(
        f"{Label(symbol.name).unicode} = {value}"
        for symbol, value in values.items()
        if any(symbol in part.free_symbols for part in stated.seen)
    )
    ax.set_title(f"Roots of {stated.rule.title} as {letter} grows\n{rest}", fontsize="medium")
    canvas.legend(ax, below=True)
    return ax


def _floats(polynomial: Poly) -> list[float]:
    return [float(coefficient) for coefficient in polynomial.all_coeffs()]


def _shades() -> Any:
    """From light to dark only, so that a gray print tells small from large."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("growing", ["#b5cfe6", "#0072B2", "#00182b"])


def _shown(conditions: list[Poly], end: float) -> str:
    """An end of a stable interval: a short fraction where that is exactly it, else decimals."""
    near = Fraction(end).limit_denominator(10_000)
    number = sympy.Rational(near.numerator, near.denominator)
    exactly = any(condition.eval(number) == 0 for condition in conditions)
    return f"= {near}" if exactly else f"≈ {end:.6g}"


def _range(
    conditions: list[Poly], between: tuple[Any, Any] | None
) -> tuple[float, float, list[float]]:
    """From where to where, and the ends of the stable intervals between, 0 left out."""
    if between is not None:
        try:
            low, high = (exact(end, "between") for end in between)
        except TypeError:
            raise InputError(f"between is a pair of numbers, not {between!r}") from None
        if low >= high:
            raise InputError(f"between: {low} is not below {high}")
    else:
        low, high = Fraction(0), Fraction(10**6)
    inner = [
        end
        for interval in stable_intervals(conditions, low, high)
        for end in interval
        if low < end < high
    ]
    if between is None:
        high = Fraction(1.15 * max(inner, default=2.0))
    return float(low), float(high), sorted(set(inner))
