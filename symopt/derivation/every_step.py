"""``symopt.closed_form``: the point after *every* step of a linear rule on a quadratic.

The first k steps on any objective, as formulas, are in :mod:`symopt.derivation.first_steps`.

Along each direction of the quadratic x satisfies a recurrence of one or two terms (more for rules
with more states), which is solved branch by branch. Three things are proved before a result is
returned, all by algebra in the normal form: that the rule's own program, stepped from an arbitrary
state, satisfies the recurrence; that its first steps have the first values; and that each branch
satisfies both (see :mod:`symopt.derivation.branches`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr, Matrix, Symbol

from symopt.derivation.branches import Branch, branch_of, branches, solved
from symopt.derivation.linear_step import (
    SLOPE,
    LinearStep,
    hyperparameter_ranges,
    linear_step,
    step_on,
    symbol_values,
)
from symopt.derivation.quadratic import Direction, Quadratic, read_quadratic
from symopt.derivation.recurrence import equal, fixed_point, seen_by_x, tidy
from symopt.derivation.surd import Number, Surd, plain
from symopt.errors import InputError, UndecidedError, UnknownNameError
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.program.normal_form import proved_equal, settled
from symopt.program.ranges import Range
from symopt.statement.library import rules
from symopt.statement.numbers import exact, rational
from symopt.statement.rule import Rule

if TYPE_CHECKING:
    from symopt.presentation.document import Document

__all__ = ["EveryStep", "Motion", "closed_form"]


@dataclass(frozen=True)
class Motion:
    """What x does along one direction.

    From step ``offset`` on the distance ``e_t`` from ``rest`` satisfies the recurrence with the
    ``coefficients`` a_0, a_1, ...; ``first`` are its first values, ``start`` is where x begins.
    """

    direction: Direction
    coefficients: tuple[Expr, ...]
    rest: Expr
    start: Expr
    offset: int
    first: tuple[Expr, ...]

    @property
    def discriminant(self) -> Expr | None:
        """What tells the branches of a recurrence of order two apart."""
        if len(self.coefficients) != 2:
            return None
        return sympy.expand(self.coefficients[1] ** 2 - 4 * self.coefficients[0])

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The branches that are possible: one where the sign of the discriminant is a number."""
        found = branches(len(self.coefficients))
        gap = self.discriminant
        if gap is None or gap.free_symbols:
            return found
        kind = "distinct" if gap > 0 else "double" if gap == 0 else "complex"
        return tuple(branch for branch in found if branch.kind == kind)

    def coordinate(self, at: int) -> Expr:
        """The coordinate after ``at`` steps as an expression that is right in every branch."""
        if at < self.offset:
            return self.start
        values = list(self.first)
        while len(values) <= at - self.offset:
            last = values[-len(self.coefficients) :]
            following = sum(
                (-a * e for a, e in zip(self.coefficients, last, strict=True)), sympy.S.Zero
            )
            values.append(sympy.expand(following))
        return self.rest + values[at - self.offset]


@dataclass(frozen=True)
class EveryStep:
    """x_t for every t: a :class:`Motion` along each direction of the quadratic.

    >>> import symopt
    >>> form = symopt.closed_form("momentum", "half_square", x0=1, eta="1/4", mu="1/4")
    >>> [branch.kind for branch in form.motions[0].branches], form.at(5)
    (['double'], (Fraction(7, 64),))
    """

    rule: Rule
    quadratic: Quadratic
    x0: tuple[Expr, ...]
    motions: tuple[Motion, ...]
    given: Mapping[Symbol, Expr] = field(default_factory=dict)
    step: LinearStep | None = None

    def __hash__(self) -> int:
        return hash((self.rule, self.x0))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols that still have no number: hyperparameters, constants, the start."""
        free: set[Symbol] = set()
        for motion in self.motions:
            for part in (*motion.coefficients, motion.rest, motion.start, *motion.first):
                free |= part.free_symbols
        return tuple(sorted(free, key=lambda symbol: str(symbol.name)))

    def expressions(self, at: int) -> tuple[Expr, ...]:
        """x after ``at`` steps in terms of the free symbols, right in every branch."""
        at = _count(at)
        point = [sympy.S.Zero] * len(self.quadratic.variables)
        for motion in self.motions:
            value = motion.coordinate(at)
            point = [
                total + value * part
                for total, part in zip(point, motion.direction.vector, strict=True)
            ]
        return tuple(sympy.expand(part) for part in point)

    def at(self, at: int) -> tuple[Any, ...]:
        """x after ``at`` steps: fractions if everything has a number, else expressions."""
        return self.expressions(at) if self.symbols else self.value(at)

    def value(self, at: int, **numbers: Any) -> tuple[Fraction, ...]:
        """x after ``at`` steps as fractions, from the branch that the numbers lie in.

        ``numbers`` are given by name: hyperparameters (otherwise their defaults), constants of the
        quadratic, and the start, such as ``x_0=1``.

        >>> import symopt
        >>> symopt.closed_form("gradient_descent").value(3, eta="1/2", lamda=1, x_0=8)
        (Fraction(1, 1),)
        """
        at = _count(at)
        found = self._numbers(numbers)
        # Conjugate directions share their root, and their irrational parts cancel.
        fields: dict[Any, list[Number]] = {}
        for motion in self.motions:
            value = self._along(motion, at, found)
            parts = _all(motion.direction.vector, found)
            terms = [value * part for part in parts]
            root = next((term.radicand for term in terms if isinstance(term, Surd)), None)
            before = fields.get(root, [Fraction(0)] * len(terms))
            fields[root] = [term + other for term, other in zip(terms, before, strict=True)]
        return tuple(
            sum((plain(part) for part in column), Fraction(0))
            for column in zip(*fields.values(), strict=True)
        )

    def kinds(self, **numbers: Any) -> tuple[str, ...]:
        """The branch of each direction at numbers: ``"distinct"``, ``"double"``, ``"complex"``."""
        found = self._numbers(numbers)
        return tuple(branch_of(_all([*motion.coefficients], found)) for motion in self.motions)

    def _along(self, motion: Motion, at: int, numbers: Mapping[Symbol, Fraction]) -> Number:
        parts = [*motion.coefficients, *motion.first, motion.rest, motion.start]
        values = _all(parts, numbers)
        size = len(motion.coefficients)
        if at < motion.offset:
            return values[-1]
        return solved(values[:size], values[size:-2], at - motion.offset) + values[-2]

    def _numbers(self, given: Mapping[str, Any]) -> dict[Symbol, Fraction]:
        free = {symbol.name: symbol for symbol in self.symbols}
        numbers: dict[Symbol, Fraction] = {}
        for entry in self.rule.parameters:
            if entry.name in free:
                numbers[free[entry.name]] = Fraction(int(entry.default.p), int(entry.default.q))
        hyper = {name: value for name, value in given.items()
                 if name in map(str, self.rule.hyperparameters)}  # fmt: skip
        again = [name for name in hyper if self.rule.parameter(name).symbol in self.given]
        if again:
            raise InputError(f"{', '.join(again)} is fixed already")
        for symbol, value in symbol_values(self.rule, hyper).items():
            numbers[symbol] = Fraction(int(value.p), int(value.q))
        for name, value in given.items():
            if name in hyper:
                continue
            if name not in free:
                raise UnknownNameError(
                    f"{name!r} is no symbol of this closed form; there are "
                    f"{', '.join(free) or 'none'}"
                )
            numbers[free[name]] = exact(value, name)
        missing = [name for name, symbol in free.items() if symbol not in numbers]
        if missing:
            raise InputError(f"a number is missing for {', '.join(missing)}")
        return numbers

    def document(self) -> Document:
        """The closed form with its proof as a document."""
        from symopt.presentation.every_step import every_step_document

        return every_step_document(self)

    def __str__(self) -> str:
        from symopt.presentation.every_step import every_step_text

        return every_step_text(self)

    def _repr_latex_(self) -> str:
        from symopt.presentation.every_step import every_step_latex

        return every_step_latex(self)


def _count(at: int) -> int:
    if isinstance(at, bool) or not isinstance(at, int) or at < 0:
        raise InputError(f"t = {at!r}: steps are counted by whole numbers from 0")
    return at


def _all(parts: Sequence[Expr], numbers: Mapping[Symbol, Fraction]) -> list[Number]:
    """Numbers of one field: if one of them is irrational, all are written with its root."""
    values = [_number(part, numbers) for part in parts]
    root = next((value for value in values if isinstance(value, Surd)), None)
    return values if root is None else [value + root * 0 for value in values]


def _number(expression: Expr, numbers: Mapping[Symbol, Fraction]) -> Number:
    """An expression of fractions and one square root, exactly."""
    if isinstance(expression, Symbol):
        return numbers[expression]
    if isinstance(expression, sympy.Rational):
        return Fraction(int(expression.p), int(expression.q))
    if isinstance(expression, sympy.Add):
        parts = [_number(part, numbers) for part in expression.args]
        total = parts[0]
        for part in parts[1:]:
            total = part + total if isinstance(part, Surd) else total + part
        return total
    if isinstance(expression, sympy.Mul):
        product: Number = Fraction(1)
        for part in expression.args:
            value = _number(part, numbers)
            product = value * product if isinstance(value, Surd) else product * value
        return product
    if isinstance(expression, sympy.Pow):
        base, exponent = _number(expression.base, numbers), expression.exp
        if exponent.is_Integer:
            power = base ** abs(int(exponent))
            if exponent < 0 and power == 0:
                raise InputError(
                    f"{expression.base} is 0 there, where the rule has no one point of rest; give "
                    "the numbers to closed_form itself"
                )
            return power if exponent > 0 else 1 / power
        if exponent.is_Rational and exponent.q == 2 and not isinstance(base, Surd):
            root = sympy.sqrt(rational(base))
            if root.is_Rational:
                value = Fraction(int(root.p), int(root.q))
            else:
                value = Surd(Fraction(0), Fraction(1), base)  # type: ignore[assignment]
            power = value ** abs(int(exponent.p))
            return power if exponent > 0 else 1 / power
    raise InputError(f"{expression} is no number made of fractions and a square root")


def closed_form(rule: Rule | str, quadratic: Any = None, x0: Any = None, **hyper: Any) -> EveryStep:
    """The point after every step of a linear rule on a quadratic, in closed form and proved.

    Parameters
    ----------
    rule
        A name or a rule that is linear in its state and gradient.
    quadratic
        An objective, its name, a bound array objective such as least squares on data, or an
        expression or a text in x, y and z, whose other letters are constants. Without one it is
        half the curvature times x squared.
    x0
        The start; symbols ``x_0``, ... without one.
    hyper
        Hyperparameters to put numbers in for; the others stay symbols.

    Raises :class:`~symopt.errors.InputError` that names the line of a rule which is not linear,
    or what is not quadratic.

    >>> import symopt
    >>> form = symopt.closed_form("gradient_descent")
    >>> form.at(2)
    (eta**2*lamda**2*x_0 - 2*eta*lamda*x_0 + x_0,)
    """
    the_rule = rules.resolve(rule)
    given = symbol_values(the_rule, hyper)
    step = linear_step(the_rule).bound(given)
    the_quadratic = read_quadratic(quadratic, step.curvature)
    start = _start(the_quadratic, x0)
    _checked_names(the_rule, the_quadratic, start)
    coefficients = seen_by_x(step.matrix)
    _prove_recurrence(step, coefficients, given)
    motions = tuple(
        _motion(step, coefficients, direction, direction.coordinate(start))
        for direction in the_quadratic.directions
    )
    return EveryStep(the_rule, the_quadratic, start, motions, given, step)


def _start(quadratic: Quadratic, x0: Any) -> tuple[Expr, ...]:
    names = [variable.name for variable in quadratic.variables]
    if x0 is None:
        return tuple(Symbol(f"{name}_0", real=True) for name in names)
    if isinstance(x0, str):
        x0 = x0.replace(",", " ").split()
    values = list(x0) if isinstance(x0, (list, tuple)) or hasattr(x0, "__len__") else [x0]
    if len(values) != len(names):
        raise InputError(f"x0 has {len(values)} numbers for the variables {', '.join(names)}")
    return tuple(
        value if isinstance(value, Expr) and not value.is_Number else rational(exact(value, "x0"))
        for value in values
    )


def _checked_names(rule: Rule, quadratic: Quadratic, start: Sequence[Expr]) -> None:
    """The letters of the quadratic must not be those of the rule."""
    own = {symbol.name for symbol in rule.hyperparameters}
    letters = {*quadratic.constants, *(s for part in start for s in part.free_symbols)}
    for symbol in letters:
        if symbol.name in own:
            raise InputError(
                f"{symbol.name} is a hyperparameter of {rule.name}; write the quadratic with "
                "another letter"
            )


def _motion(step: LinearStep, generic: Sequence[Expr], direction: Direction, start: Expr) -> Motion:
    values = {step.curvature: direction.curvature}
    here = step if direction.curvature == step.curvature else step.bound(values)
    coefficients = [sympy.cancel(part.xreplace(values)) for part in generic]
    shift = here.slope_part * direction.slope + here.unit_part * direction.unit
    first_shift = here.first_slope_part * direction.slope + here.first_unit_part * direction.unit
    state = here.start * start + here.start_shift * direction.unit
    begun = here.first * state + first_shift
    late = any(not equal(a, b) for a, b in zip(begun, here.matrix * state + shift, strict=True))
    rest = fixed_point(here, direction.slope, direction.unit)
    if rest is None:
        # Nothing rests: one more root 1 makes the recurrence one of x itself.
        coefficients = _times(coefficients)
        rest = sympy.S.Zero
    if late:
        state = begun
    first = []
    for _ in coefficients:
        first.append(sympy.expand(sympy.cancel(state[0] - rest)))
        state = (here.matrix * state + shift).applyfunc(sympy.cancel)
    return Motion(direction, tuple(coefficients), tidy(rest), start, int(late), tuple(first))


def _times(coefficients: Sequence[Expr]) -> list[Expr]:
    """The coefficients of the monic polynomial times z - 1."""
    full = [*coefficients, sympy.S.One]
    shifted = [sympy.S.Zero, *full]
    return [sympy.expand(b - a) for a, b in zip([*full, sympy.S.Zero], shifted, strict=True)][:-1]


def _prove_recurrence(
    step: LinearStep, coefficients: Sequence[Expr], given: Mapping[Symbol, Expr]
) -> None:
    """That the rule's own program satisfies the recurrence from every state, at every later step.

    Raises :class:`~symopt.errors.UndecidedError` where the proof fails.
    """
    rule = step.rule
    one = step_on(rule, step.curvature)
    graph = Graph()
    numbers: dict[Label, int] = {
        ("hyper", s.name): graph.const(Fraction(int(v.p), int(v.q))) for s, v in given.items()
    }
    time = graph.input(("t",))
    state: dict[Label, int] = {slot: graph.input(slot) for slot in one.slots}
    x: Label = ("x", 0)
    points = [state[x]]
    for number in range(len(coefficients)):
        inputs = {**numbers, **state, ("t",): graph.add(time, graph.const(number))}
        after = graph.inline(one.program, inputs)
        state = {slot: after[slot] for slot in one.slots}
        points.append(state[x])
    symbols: dict[Expr, int] = {
        step.curvature: graph.input(("curvature",)),
        SLOPE: graph.input(("slope",)),
        **{
            symbol: graph.input(("hyper", symbol.name))
            for symbol in rule.hyperparameters
            if symbol not in given
        },
    }
    read = Reader(graph, symbols).read
    total = read(_constant(step, coefficients))
    for coefficient, point in zip(coefficients, points, strict=False):
        total = graph.sub(total, graph.mul(read(coefficient), point))
    ranges: dict[Label, Range] = {**hyperparameter_ranges(rule), ("t",): Range.counter(2)}
    left: Program = settled(graph.program({"x": points[-1]}), ranges)
    if not proved_equal(left, graph.program({"x": total}), ranges=ranges):
        raise UndecidedError(f"{rule.name}: the recurrence of x is not proved from its program")


def _constant(step: LinearStep, coefficients: Sequence[Expr]) -> Expr:
    """What ``x_{t+n} + a_{n-1} x_{t+n-1} + ... + a_0 x_t`` is, on slope c and unit 1."""
    shift = step.slope_part * SLOPE + step.unit_part
    collected: Matrix = sympy.zeros(step.matrix.rows, 1)
    total: Expr = sympy.S.Zero
    for coefficient in (*coefficients[1:], sympy.S.One):
        collected = step.matrix * collected + shift
        total += coefficient * collected[0]
    return sympy.cancel(total)
