"""``symopt.stability``: for which hyperparameters a rule converges on a quadratic, and how fast.

A quadratic falls into its directions, each with a curvature of its own; in each of them a rule that
is linear in state and gradient is ``s <- M s + d``. It converges from every state exactly if all
roots of the polynomial that x sees lie inside the unit circle. In several dimensions every
curvature has to lie in the region.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr, Matrix, Symbol

from symopt.derivation.linear_step import linear_step, symbol_values
from symopt.derivation.optimum import Optimum, optimum
from symopt.derivation.recurrence import characteristic, polynomial_of, seen_by_x, seen_from
from symopt.derivation.region import Region, region, step_size
from symopt.derivation.schur import conditions, fate
from symopt.errors import InputError
from symopt.statement.library import rules
from symopt.statement.numbers import exact, rational
from symopt.statement.rule import Rule

if TYPE_CHECKING:
    from symopt.presentation.document import Document

__all__ = ["Stability", "stability"]


@dataclass(frozen=True)
class Stability:
    """What decides whether a rule converges on a quadratic of curvature ``curvature``.

    ``matrix`` maps the ``states`` to those after a step. ``seen`` are the coefficients a_0, a_1,
    ... of the monic polynomial whose roots x sees. For a rule that is not linear ``fixed`` says at
    which states it is linearized, and ``notes`` what that means.

    >>> import symopt
    >>> heavy_ball = symopt.stability("heavy_ball")
    >>> print(heavy_ball.region)
    0 < eta*lamda < 2*(mu + 1)
    >>> heavy_ball.fate(eta="3/10", mu="1/2", curvature=9)
    'converges'
    >>> heavy_ball.fate(eta=1, mu=0, curvature=2)
    'stays bounded'
    """

    rule: Rule
    curvature: Symbol
    states: tuple[str, ...]
    matrix: Matrix
    seen: tuple[Expr, ...]
    region: Region
    given: Mapping[Symbol, Expr] = field(default_factory=dict)
    fixed: Mapping[str, Expr] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash((self.rule, self.seen))

    @property
    def linear(self) -> bool:
        """Whether the rule itself is linear, and not only what it is near a fixed point."""
        return not self.fixed

    @property
    def characteristic_polynomial(self) -> Expr:
        """``det(z I - M)``, in z."""
        return polynomial_of(characteristic(self.matrix))

    @property
    def polynomial(self) -> Expr:
        """The polynomial whose roots x sees, in z: a factor of the characteristic one."""
        return polynomial_of(self.seen)

    @property
    def rate(self) -> Expr | None:
        """The spectral radius as a function; ``None`` from degree three on (see :meth:`rate_at`).

        >>> import symopt
        >>> symopt.stability("gradient_descent").rate
        Abs(eta*lamda - 1)
        """
        if len(self.seen) == 1:
            return sympy.Abs(self.seen[0])
        if len(self.seen) != 2:
            return None
        product, trace = self.seen[0], -self.seen[1]
        discriminant = self.discriminant
        assert discriminant is not None
        return sympy.Piecewise(
            (sympy.sqrt(product), discriminant < 0),
            ((sympy.Abs(trace) + sympy.sqrt(discriminant)) / 2, True),
        )

    @property
    def discriminant(self) -> Expr | None:
        """Of the polynomial that x sees, where it has degree two."""
        if len(self.seen) != 2:
            return None
        return sympy.factor(self.seen[1] ** 2 - 4 * self.seen[0])

    def optimum(self) -> Optimum:
        """The best hyperparameters on curvatures from m to L, with the proof that they are.

        Raises :class:`~symopt.errors.InputError` where no optimum is derived here.
        """
        if not self.linear:
            raise InputError(
                f"{self.rule.name}: a linearization holds near the fixed point only; there is no "
                "best hyperparameter for an interval of curvatures"
            )
        return optimum(self.rule, self.curvature, self.seen, self.given)

    def at(self, *, curvature: Any, **values: Any) -> tuple[Expr, ...]:
        """The coefficients ``seen`` at numbers; hyperparameters not given have their defaults."""
        numbers = self._numbers(curvature, values)
        return tuple(sympy.nsimplify(part.xreplace(numbers)) for part in self.seen)

    def _numbers(self, curvature: Any, values: Mapping[str, Any]) -> dict[Symbol, Expr]:
        again = {self.rule.parameter(name).symbol for name in values} & set(self.given)
        if again:
            raise InputError(f"{', '.join(map(str, again))} is fixed already")
        numbers = {entry.symbol: entry.default for entry in self.rule.parameters}
        numbers.update(self.given)
        numbers.update(symbol_values(self.rule, values))
        numbers[self.curvature] = rational(exact(curvature, "curvature"))
        return numbers

    def fate(self, *, curvature: Any, **values: Any) -> str:
        """Whether x ``"converges"``, ``"stays bounded"`` or ``"diverges"``, decided exactly.

        From every state: on the boundary special starts may do better. A double root on the unit
        circle diverges, if only like t.
        """
        return fate(self._fractions(curvature, values))

    def _fractions(self, curvature: Any, values: Mapping[str, Any]) -> list[Fraction]:
        parts = self.at(curvature=curvature, **values)
        for part in parts:
            if not part.is_Rational:
                raise InputError(
                    f"{self.rule.name}: the polynomial has the coefficient {part}, which is no "
                    "fraction; choose values whose roots are rational, such as epsilon = 1/4"
                )
        return [Fraction(int(part.p), int(part.q)) for part in parts]

    def rate_at(self, *, curvature: Any, **values: Any) -> Expr | Any:
        """The spectral radius at numbers: exact up to degree two, above it a ball (``flint.arb``).

        >>> import symopt
        >>> symopt.stability("momentum").rate_at(eta="1/10", mu="9/10", curvature=1)
        3*sqrt(10)/10
        """
        numbers = self._numbers(curvature, values)
        if self.rate is not None:
            return sympy.simplify(self.rate.xreplace(numbers))
        return _radius(self._fractions(curvature, values))

    def document(self) -> Document:
        """Everything above as a document: ``.latex()``, ``.text()``, ``.save("x.tex")``."""
        from symopt.presentation.stability import stability_document

        return stability_document(self)

    def __str__(self) -> str:
        from symopt.presentation.stability import stability_text

        return stability_text(self)

    def _repr_latex_(self) -> str:
        from symopt.presentation.stability import stability_latex

        return stability_latex(self)


def _radius(coefficients: list[Fraction]) -> Any:
    from flint import arb, fmpq, fmpq_poly

    values = [fmpq(value.numerator, value.denominator) for value in (*coefficients, Fraction(1))]
    largest = arb(0)
    roots: Any = fmpq_poly(values).numer().complex_roots()
    for root, _ in roots:
        largest = max(largest, abs(root), key=lambda ball: ball.mid())
    return largest


def stability(rule: Rule | str, **hyper: Any) -> Stability:
    """When and how fast a rule converges on a quadratic, exactly.

    Parameters
    ----------
    rule
        A name or a rule that is linear in its state and gradient. Any other rule is linearized at
        its fixed point, where it has one and is differentiable there.
    hyper
        Hyperparameters to put numbers in for; the others stay symbols.

    Raises :class:`~symopt.errors.InputError` that names the line which cannot be linearized.

    >>> import symopt
    >>> symopt.stability("nesterov").region.limit
    2*(mu + 1)/(2*mu + 1)
    >>> symopt.stability("nesterov_new_velocity").region.limit
    2*(mu + 1)/(2*mu**2 + 2*mu + 1)
    """
    from symopt.derivation.linearization import linearized

    the_rule = rules.resolve(rule)
    given = symbol_values(the_rule, hyper)
    try:
        step = linear_step(the_rule).bound(given)
    except InputError as refusal:
        return linearized(the_rule, given, refusal)
    seen = seen_by_x(step.matrix)
    # What a run can hold: its start, and what slopes and constants add to it.
    begun = step.first * step.start_shift + step.first_unit_part
    added = (begun, step.first_slope_part, step.slope_part, step.unit_part)
    own = seen_from(step.matrix, step.first * step.start, *added)
    notes: tuple[str, ...] = ()
    if len(own) < len(seen):
        seen = own
        notes = (
            "This holds for runs of the rule from its own start: they conserve a combination of "
            "the states, and a root that other states would show does not matter to them.",
        )
    size = step_size(the_rule, step.curvature, given)
    return Stability(
        the_rule,
        step.curvature,
        step.states,
        step.matrix,
        seen,
        region(conditions(seen), the_rule, size, step.curvature),
        given,
        notes=notes,
    )
