"""All real critical points of an objective, exactly, classified by exact signs of the Hessian."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import comb, prod
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr, S, Symbol

from symopt.derivation.algebraic import enclosure, to_decimal
from symopt.derivation.polynomials import NotIsolatedError
from symopt.derivation.stationary import Block, Kind, independent_parts
from symopt.errors import InexactError

if TYPE_CHECKING:
    from symopt.statement.objective import Objective

__all__ = ["CriticalPoint", "CriticalPoints", "Kind", "critical_points"]


#: Past these the answer is refused: points to list, terms of an expanded power.
MAX_POINTS, MAX_TERMS = 5_000, 10_000
#: Longer exact forms are shown in decimals.
SHORT = 24

_TRANSCENDENTAL = (
    sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.atan, sympy.sinh, sympy.cosh,
    sympy.tanh,
)  # fmt: skip
_ORDER: dict[Kind, int] = {"minimum": 0, "saddle": 1, "maximum": 2, "degenerate": 3}


@dataclass(frozen=True)
class CriticalPoint:
    """A point where the gradient vanishes.

    ``point`` and ``value`` (the objective there) are exact: fractions, quadratic surds, SymPy's
    ``CRootOf``, or expressions in these. ``kind`` is ``"minimum"``, ``"maximum"`` or ``"saddle"``
    where the Hessian is regular, and ``"degenerate"`` where its determinant is exactly zero.
    """

    point: tuple[Expr, ...]
    value: Expr
    kind: Kind

    def approximate(self, digits: int = 10) -> tuple[str, ...]:
        """The coordinates in decimals, each off by less than one unit of its last digit.

        >>> CriticalPoint((sympy.sqrt(2), sympy.Rational(1, 2)), S.Zero, "saddle").approximate(6)
        ('1.41421', '0.500000')
        """
        return tuple(to_decimal(coordinate, digits) for coordinate in self.point)

    def __str__(self) -> str:
        point = ", ".join(_shown(coordinate) for coordinate in self.point)
        relation = "=" if _is_short(self.value) else "≈"
        return f"{self.kind} at ({point}), f {relation} {_shown(self.value)}"


class CriticalPoints(tuple[CriticalPoint, ...]):
    """All real critical points: minima, then saddles, maxima and degenerate points."""

    variables: tuple[Symbol, ...]

    def __new__(
        cls, points: Iterable[CriticalPoint], variables: Iterable[Symbol]
    ) -> CriticalPoints:
        made = super().__new__(cls, points)
        made.variables = tuple(variables)
        return made

    def __getnewargs__(self) -> tuple[tuple[CriticalPoint, ...], tuple[Symbol, ...]]:
        return tuple(self), self.variables

    def __str__(self) -> str:
        if not self:
            return "no real critical points"
        heads = ["kind", *map(str, self.variables), "f"]
        rows = [[p.kind, *map(_shown, p.point), _shown(p.value)] for p in self]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [heads, *rows]
        ]
        return "\n".join(lines)


def critical_points(objective: Objective) -> CriticalPoints:
    """All real critical points of an objective that is polynomial or rational in its variables.

    Raises :class:`~symopt.errors.InexactError` where the gradient has no exact algebraic zeros
    (the message names the part that is not algebraic), where the critical points are not isolated
    (it names the curve), and where the system is too large.

    >>> from symopt import Objective
    >>> print(critical_points(Objective("x**2 + y**2 + y**3 + x*y", variables="x y")))
    kind     x    y     f
    minimum  0    0     0
    saddle   1/4  -1/2  1/16
    """
    variables, title = objective.variables, objective.title
    where = f"the critical points of {title if len(title) <= 60 else title[:57] + '...'}"
    _refuse_what_is_not_algebraic(objective, where)
    constant, parts = independent_parts(objective.expression, variables)
    for own, part in parts:
        if part == 0:
            raise InexactError(
                f"{where} are not isolated: it does not depend on {own[0]}; state it without"
            )
    if constant.is_Rational:  # so that a value is one number, not a sum of two
        parts[0], constant = (parts[0][0], parts[0][1] + constant), S.Zero
    try:
        blocks = [Block.of(part, own, where) for own, part in parts]
        solved = [block.solve() for block in blocks]
    except NotIsolatedError as error:
        curve = ", ".join(f"{equation} = 0" for equation in error.equations) or "the whole space"
        raise InexactError(
            f"{where} are not isolated: they fill {curve}; state the objective in fewer "
            "variables, or follow a trajectory to one of them"
        ) from None
    except InexactError as error:
        raise InexactError(f"{where}: {error}") from error
    if (count := prod(map(len, solved))) > MAX_POINTS:
        raise InexactError(
            f"{where} are {count}, too many to list; take a member of lower dimension"
        )
    order = [symbol for block in blocks for symbol in block.variables]
    points = []
    for combination in product(*solved):
        coordinates = dict(zip(order, (a for part in combination for a in part[0]), strict=True))
        exact = {symbol: coordinates[symbol].expression for symbol in variables}
        values = [value for _, value, _ in combination]
        if None in values:
            value = _tidy(objective.expression.xreplace(exact))
        else:
            value = _tidy(sympy.Add(constant, *values))
        kind = _joint_kind([kind for _, _, kind in combination])
        points.append(CriticalPoint(tuple(exact[v] for v in variables), value, kind))
    return CriticalPoints(sorted(points, key=_sorting_key), variables)


def _joint_kind(kinds: Sequence[Kind]) -> Kind:
    if "degenerate" in kinds:
        return "degenerate"
    return kinds[0] if len(set(kinds)) == 1 else "saddle"


def _tidy(value: Expr) -> Expr:
    """Surds multiplied out; expressions in ``CRootOf`` stay as compact as they are."""
    return value if value.has(sympy.CRootOf) else sympy.expand(value)


def _refuse_what_is_not_algebraic(objective: Objective, where: str) -> None:
    _, moving = objective.expression.as_independent(*objective.variables, as_Add=True)
    for node in sympy.preorder_traversal(moving):
        if node in (sympy.pi, sympy.E) or isinstance(node, _TRANSCENDENTAL):
            why = "is transcendental"
        elif isinstance(node, sympy.Abs | sympy.sign | sympy.Max | sympy.Min | sympy.Piecewise):
            why = "is not smooth, so a minimum need not be a zero of the gradient"
        elif isinstance(node, sympy.Pow) and not node.exp.is_Integer:
            why = "is neither a polynomial nor rational"
        elif isinstance(node, sympy.Pow) and _expanded_size(node) > MAX_TERMS:
            why = f"has more than {MAX_TERMS} terms when expanded"
        else:
            continue
        raise InexactError(
            f"{where} have no exact algebraic solution here: {node} in the objective {why}; "
            "search numerically, for example with a run in ball arithmetic"
        )


def _expanded_size(power: Expr) -> int:
    """The number of terms of an expanded power of a sum, or its degree if that is larger."""
    terms, exponent = len(sympy.Add.make_args(power.base)), abs(int(power.exp))
    return (
        comb(terms + exponent - 1, min(exponent, terms - 1)) if exponent < MAX_TERMS else exponent
    )


def _is_short(value: Expr) -> bool:
    return not value.has(sympy.CRootOf) and len(str(value)) <= SHORT


def _shown(value: Expr) -> str:
    return str(value) if _is_short(value) else to_decimal(value)


def _sorting_key(point: CriticalPoint) -> tuple[Any, ...]:
    """For a stable order only; nothing is concluded from these floats."""
    floats = [float(enclosure(number, 64).mid()) for number in (point.value, *point.point)]
    return (_ORDER[point.kind], *(round(number, 9) for number in floats))
