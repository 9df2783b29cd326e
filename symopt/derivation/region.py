"""The region of stability: inequalities that are exact, and the interval of steps they leave.

The conditions of Jury hold for all real parameters. To be read, each is solved for the learning
rate where it is linear in it, under assumptions that are said: a positive learning rate and
curvature, and every hyperparameter inside its domain (momentum from 0 up to 1). A condition whose
coefficients are all positive then holds by itself. Signs are proved by inspecting coefficients in
the normal form; what has no proved sign stays as an inequality.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Symbol

from symopt.derivation.recurrence import equal, tidy, upright
from symopt.errors import BudgetError
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label
from symopt.program.normal_form import normal_forms
from symopt.program.ranges import Range, range_of
from symopt.statement.rule import Rule

__all__ = ["Region", "Signs", "region", "step_size"]


@dataclass(frozen=True)
class Signs:
    """What is known of the symbols of a region, and which expressions are positive therefore."""

    ranges: Mapping[Symbol, Range]

    @classmethod
    def of(cls, rule: Rule, positive: Sequence[Symbol]) -> Signs:
        """The domains of a rule, momentum from 0 to 1, and some symbols positive."""
        ranges: dict[Symbol, Range] = {}
        for entry in rule.parameters:
            known = range_of(entry.domain)
            if entry.domain.is_subset(sympy.Interval(-1, 1)):  # momentum, dampening, averages
                known = Range(nonnegative=True, unit=True)
            ranges[entry.symbol] = known
        signs = cls(ranges)
        for symbol in positive:
            signs = signs.with_positive(symbol)
        return signs

    def assumptions(self, symbols: Iterable[Symbol]) -> tuple[Expr, ...]:
        """What is assumed of some symbols, as relations."""
        found: list[Expr] = []
        for symbol in sorted(symbols, key=lambda symbol: str(symbol.name)):
            known = self.ranges.get(symbol, Range())
            if known.positive:
                found.append(sympy.Gt(symbol, 0, evaluate=False))
            elif known.nonnegative:
                found.append(sympy.Ge(symbol, 0, evaluate=False))
            if known.unit:
                found.append(sympy.Lt(symbol, 1, evaluate=False))
        return tuple(found)

    def upright(self, expression: Expr) -> Expr:
        """A product whose factors are positive where their sign is proved: 1 - b, not b - 1."""
        factors = list(sympy.Mul.make_args(expression))
        for index, factor in enumerate(factors):
            base, exponent = factor.as_base_exp()
            if base.is_Add and exponent.is_Integer and self.positive(-base):
                factors[index] = (-1) ** exponent * (-base) ** exponent
        if tuple(factors) == expression.args:
            return upright(expression)
        return upright(sympy.Mul(*factors))

    def with_positive(self, symbol: Symbol) -> Signs:
        """The same, and the symbol is positive."""
        known = replace(self.ranges.get(symbol, Range()), nonnegative=True, positive=True)
        return Signs({**self.ranges, symbol: known})

    def positive(self, expression: Expr) -> bool:
        """Whether the expression is proved positive."""
        graph = Graph()
        symbols: dict[Expr, int] = {
            symbol: graph.input(symbol)
            for symbol in sorted(expression.free_symbols, key=lambda symbol: str(symbol.name))
        }
        program = graph.program({"value": Reader(graph, symbols).read(expression)})
        ranges: dict[Label, Range] = {
            symbol: self.ranges.get(symbol, Range(nonnegative=True, positive=True))  # type: ignore[call-overload]
            for symbol in program.inputs
            if symbol in self.ranges or symbol.is_positive  # type: ignore[attr-defined]
        }
        try:
            field, [(values, _)] = normal_forms(program, ranges=ranges)
            return field.is_positive(values["value"])
        except BudgetError:
            return False


@dataclass(frozen=True)
class Region:
    """Where all roots of a characteristic polynomial lie inside the unit circle.

    ``conditions`` must all be positive: exactly then, for all real parameters. Under the
    ``assumptions`` that is the same as ``lower < scale * step < upper`` for every bound, together
    with ``rest`` being positive; ``scale`` is the curvature where the bounds are free of it,
    else 1.
    """

    step: Symbol
    curvature: Symbol
    conditions: tuple[Expr, ...]
    scale: Expr
    lower: tuple[Expr, ...]
    upper: tuple[Expr, ...]
    rest: tuple[Expr, ...]
    signs: Signs

    def replaced(self, values: Mapping[Symbol, Expr]) -> Region:
        """The same region with expressions put in for some symbols."""

        def put(parts: tuple[Expr, ...]) -> tuple[Expr, ...]:
            return tuple(part.xreplace(dict(values)) for part in parts)

        return replace(
            self, conditions=put(self.conditions), lower=put(self.lower), upper=put(self.upper),
            rest=put(self.rest),
        )  # fmt: skip

    def holds(self, values: Mapping[Symbol, Expr]) -> bool:
        """Whether a point with a number for every symbol lies inside, decided exactly.

        Raises :class:`TypeError` where a symbol has no number.
        """
        return all(bool(condition.xreplace(dict(values)) > 0) for condition in self.conditions)

    @property
    def assumptions(self) -> tuple[Expr, ...]:
        """Under which the readable form says the same as the conditions."""
        symbols = {symbol for part in self.conditions for symbol in part.free_symbols}
        return self.signs.assumptions(symbols | {self.step, self.curvature})

    @property
    def empty(self) -> bool:
        """Whether a condition is proved to hold nowhere."""
        return any(part == 0 or self.signs.positive(-part) for part in self.rest)

    @property
    def limit(self) -> Expr | None:
        """The one upper bound of ``scale * step``, where there is one and nothing else."""
        single = len(self.upper) == 1 and not self.rest
        return self.upper[0] if single and all(bound == 0 for bound in self.lower) else None

    @property
    def inequalities(self) -> tuple[Expr, ...]:
        """The readable form: relations between ``scale * step`` and its bounds, and the rest."""
        variable = self.scale * self.step
        return (
            *(sympy.Lt(bound, variable, evaluate=False) for bound in self.lower),
            *(sympy.Lt(variable, bound, evaluate=False) for bound in self.upper),
            *(sympy.Gt(part, 0, evaluate=False) for part in self.rest),
        )

    def __str__(self) -> str:
        parts = []
        if self.empty:
            return "nowhere"
        if self.limit is not None:
            parts.append(f"0 < {self.scale * self.step} < {self.limit}")
        else:
            parts += [str(part) for part in self.inequalities]
        return " and ".join(parts)


def region(
    conditions: Sequence[Expr], rule: Rule, step: Symbol, curvature: Symbol, *more: Symbol
) -> Region:
    """The conditions solved for the step size, as far as they are linear in it.

    ``more`` are further symbols that are positive.
    """
    signs = Signs.of(rule, [step, curvature, *more])
    lower: list[Expr] = [sympy.S.Zero]
    upper: list[Expr] = []
    rest: list[Expr] = []
    for condition in conditions:
        numerator, denominator = sympy.fraction(sympy.cancel(condition))
        if signs.positive(denominator):
            condition = sympy.expand(numerator)
        # What is not negative must not vanish, and then does not matter.
        for factor in sympy.Mul.make_args(sympy.factor(condition)):
            if factor.is_Symbol and signs.ranges.get(factor, Range()).nonnegative:
                if not signs.positive(factor):
                    signs = signs.with_positive(factor)
                condition = sympy.cancel(condition / factor)
            elif signs.positive(factor):
                condition = sympy.cancel(condition / factor)
        condition = sympy.expand(condition)
        if signs.positive(condition):
            continue
        slope = sympy.diff(condition, step)
        constant = sympy.expand(condition - slope * step)
        if step in slope.free_symbols or not equal(constant + slope * step, condition):
            rest.append(tidy(condition))
        elif signs.positive(-slope):
            upper.append(constant / -slope)
        elif signs.positive(slope):
            lower.append(-constant / slope)
        else:
            rest.append(tidy(condition))
    scale: Expr = sympy.S.One if step == curvature else curvature
    bounds = [signs.upright(tidy(bound * scale)) for bound in (*lower, *upper)]
    if any(curvature in bound.free_symbols for bound in bounds):
        scale = sympy.S.One
        bounds = [signs.upright(tidy(bound)) for bound in (*lower, *upper)]
    above = bounds[len(lower) :]
    below = [bound for bound in bounds[: len(lower)] if bound == 0 or not signs.positive(-bound)]
    return Region(
        step,
        curvature,
        tuple(conditions),
        scale,
        tuple(dict.fromkeys(below)),
        tuple(dict.fromkeys(above)),
        tuple(dict.fromkeys(rest)),
        signs,
    )


def step_size(rule: Rule, curvature: Symbol, given: Mapping[Symbol, Expr]) -> Symbol:
    """The symbol for which a region is solved: the learning rate, or the curvature without one."""
    rates = [symbol for symbol in rule.hyperparameters if symbol.name in ("eta", "alpha")]
    return next((symbol for symbol in rates if symbol not in given), curvature)
