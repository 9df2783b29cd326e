"""Conditions on hyperparameters alone under which two rules may be one rule.

Code clamps a first step size between its bounds and treats a decay of exactly 1 in a way of its
own; a paper says nothing of either. What two rules compare among hyperparameters says where to
look. A condition is taken from there, never guessed, and only if the defaults of both rules meet
it strictly. It is put in by writing one hyperparameter as another one plus a gap: b = a + gap with
gap >= 0 goes through all b >= a, so a proof for all gaps is one for all values that meet the
condition, on its boundary too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import sympy
from sympy import Expr, Interval, Symbol, oo

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import BudgetError, UndefinedError
from symopt.program.graph import Program
from symopt.program.normal_form import Field, Quotient, normal_forms
from symopt.statement.rule import Hyperparameter, Rule
from symopt.verification.comparison import Point, inside_domain, sample_points
from symopt.verification.siblings import opaque_program, specialized

__all__ = [
    "Bounded",
    "Condition",
    "bounded",
    "conditions",
    "in_words",
    "points_inside",
    "points_outside",
]

#: Gaps at which a proof is checked: on the boundary, next to it, and away from it.
_GAPS = tuple(Fraction(text) for text in ("0", "1/1000000000", "1/2", "0", "1/7", "3"))
#: Gaps beyond the boundary.
_BEYOND = tuple(Fraction(text) for text in ("1/2", "1/1000000000", "1/7", "3"))
_MOST = 6


@dataclass(frozen=True)
class Condition:
    """``low <= high``, or ``low < high``, between two hyperparameters or one and a number."""

    low: Expr
    high: Expr
    strict: bool = False

    @property
    def sign(self) -> str:
        return "<" if self.strict else "<="

    def holds(self, values: dict[str, Fraction]) -> bool:
        """Whether it is met at these values of the hyperparameters."""
        low, high = (_value(side, values) for side in (self.low, self.high))
        return low < high if self.strict else low <= high

    def __str__(self) -> str:
        return f"{self.low} {self.sign} {self.high}"


@dataclass(frozen=True)
class Bounded:
    """Two rules written in gaps, of which every value meets the conditions.

    ``gaps`` gives each gap in terms of the hyperparameters.
    """

    first: Rule
    second: Rule
    conditions: tuple[Condition, ...]
    gaps: dict[Symbol, Expr]


def _value(side: Expr, values: dict[str, Fraction]) -> Fraction:
    if isinstance(side, Symbol):
        return values[side.name]
    return Fraction(int(side.p), int(side.q))


def conditions(first: Rule, second: Rule) -> tuple[Condition, ...]:
    """What the rules compare among hyperparameters, as both rules' defaults have it.

    >>> from symopt.statement.library import rules
    >>> print(*conditions(rules.rprop, rules.rprop_pytorch), sep=", ")
    Delta_min <= eta, eta <= Delta_max
    """
    symbols = {entry.name: entry.symbol for entry in (*second.parameters, *first.parameters)}
    defaults = [{entry.name: entry.default for entry in r.parameters} for r in (first, second)]
    if any(not value.is_Rational for values in defaults for value in values.values()):
        return ()
    exact = [{n: Fraction(int(v.p), int(v.q)) for n, v in values.items()} for values in defaults]
    merged = {**exact[1], **exact[0]}
    found: dict[Condition, None] = {}
    for rule in (first, second):
        if not is_elementwise(rule):
            return ()
        for program in (opaque_program(rule, 1, 1, cut=False), opaque_step(rule, 1).program):
            try:
                compared = list(_compared(program, symbols, merged))
            except (BudgetError, UndefinedError):
                return ()
            for op, left, right in compared:
                condition = _condition(op, left, right, merged, (first, second))
                if condition is not None and all(
                    replace(condition, strict=True).holds({**merged, **own}) for own in exact
                ):
                    found[condition] = None
    return _nearest(_not_implied(list(found), (first, second)), merged)[:_MOST]


def _not_implied(found: list[Condition], pair: tuple[Rule, Rule]) -> list[Condition]:
    """Without what the domains say as soon as another condition takes one end from them."""
    cut = {
        (c.low, c.high) for c in found if c.strict and not (c.low.is_Symbol and c.high.is_Symbol)
    }

    def follows(condition: Condition) -> bool:
        low, high = condition.low, condition.high
        if not (condition.strict and low.is_Symbol and high.is_Symbol):
            return False
        top, bottom = _domain(low, pair).sup, _domain(high, pair).inf
        return bool(top <= bottom) and bool({(low, top), (bottom, high)} & cut)

    return [condition for condition in found if not follows(condition)]


def _compared(
    program: Program, symbols: dict[str, Symbol], values: dict[str, Fraction]
) -> Iterator[tuple[str, Expr, Expr]]:
    """Pairs of hyperparameters and numbers whose order the program looks at."""
    field, [(_, forms)] = normal_forms(program)
    atoms: list[Expr | None] = []
    for node, form in zip(program.nodes, forms, strict=True):
        args = [atoms[arg] for arg in node.args]
        atom = _atom(field, form, symbols)
        if node.op in ("max", "min", "le", "lt", "eq"):
            left, right = args
            if left is not None and right is not None and (left.is_Symbol or right.is_Symbol):
                yield node.op, left, right
                if node.op in ("max", "min"):
                    first_is_larger = _value(left, values) >= _value(right, values)
                    atom = left if first_is_larger == (node.op == "max") else right
        atoms.append(atom)


def _atom(field: Field, form: Quotient, symbols: dict[str, Symbol]) -> Expr | None:
    """A value that is one hyperparameter or a number, however it is written."""
    if not form.bottom.is_one():
        return None
    if form.top.is_constant():
        if form.top.is_zero():
            return sympy.S.Zero
        number = form.top.leading_coefficient()
        return sympy.Rational(int(number.p), int(number.q))
    for name in field.names:
        if isinstance(name, tuple) and name[0] == "hyper" and form.top == field.input(name).top:
            return symbols[name[1]]
    return None


def _condition(
    op: str, left: Expr, right: Expr, values: dict[str, Fraction], pair: tuple[Rule, Rule]
) -> Condition | None:
    if left == right:
        return None
    ends = (left, right) if _value(left, values) < _value(right, values) else (right, left)
    if op != "eq" or all(side.is_Symbol for side in ends):
        strict = op == "eq"
        return None if _always(*ends, strict, pair) else Condition(*ends, strict)
    # A single value is left out only at an end of the domain: in its middle two parts remain.
    symbol, number = (left, right) if left.is_Symbol else (right, left)
    domain = _domain(symbol, pair)
    if number not in (domain.inf, domain.sup) or number not in domain:
        return None
    return Condition(*ends, True)


def _domain(symbol: Expr, pair: Iterable[Rule]) -> sympy.Set:
    """The values that every rule admits which has the hyperparameter."""
    found: sympy.Set = sympy.Reals
    for rule in pair:
        for entry in rule.parameters:
            if entry.symbol.name == symbol.name:
                found = found.intersect(entry.domain)
    return found


def _always(low: Expr, high: Expr, strict: bool, pair: tuple[Rule, Rule]) -> bool:
    """Whether the domains say it already."""
    below, above = (
        _domain(side, pair) if side.is_Symbol else sympy.FiniteSet(side) for side in (low, high)
    )
    meet = below.sup == above.inf
    apart = below.sup not in below or above.inf not in above
    return bool(below.sup < above.inf or (meet and (apart or not strict)))


def _nearest(found: list[Condition], values: dict[str, Fraction]) -> tuple[Condition, ...]:
    """Of the conditions that bound one hyperparameter from below, the tightest by default."""
    lower: dict[Expr, Condition] = {}
    rest = []
    for condition in found:
        if not condition.high.is_Symbol:
            rest.append(condition)
            continue
        known = lower.get(condition.high)
        if known is None or _value(known.low, values) < _value(condition.low, values):
            lower[condition.high] = condition
    return (*lower.values(), *rest)


def bounded(first: Rule, second: Rule, under: Sequence[Condition]) -> Bounded | None:
    """Both rules where the conditions hold; ``None`` where that cannot be written."""
    values: dict[Symbol, Expr] = {}
    gaps: dict[Symbol, Expr] = {}
    ends: list[Condition] = []
    for condition in under:
        target = condition.high if condition.high.is_Symbol else condition.low
        domain = _domain(target, (first, second))
        number = condition.low if condition.high.is_Symbol else condition.high
        if condition.strict and number in (domain.inf, domain.sup):
            ends.append(condition)
            continue
        if target in values:
            return None
        gap = Symbol(f"gap_{target}", real=True)
        from_below = target == condition.high
        values[target] = number + gap if from_below else number - gap
        gaps[gap] = target - number if from_below else number - target
    resolved = _resolved(values)
    if resolved is None:
        return None
    pair = []
    for rule in (first, second):
        made = specialized(
            _without_ends(rule, ends), resolved, (*_gap_parameters(under, rule, gaps, (first,
            second)), *first.parameters, *second.parameters),
        )  # fmt: skip
        if made is None:
            return None
        pair.append(made)
    return Bounded(pair[0], pair[1], tuple(under), gaps)


def _resolved(values: dict[Symbol, Expr]) -> dict[Symbol, Expr] | None:
    """Each hyperparameter in gaps and in hyperparameters that no condition bounds."""
    for _ in values:
        if not any(expr.free_symbols & set(values) for expr in values.values()):
            return values
        values = {
            s: expr.xreplace({k: v for k, v in values.items() if k != s})
            for s, expr in values.items()
        }
    return None if any(expr.free_symbols & set(values) for expr in values.values()) else values


def _gap_parameters(
    under: Sequence[Condition], rule: Rule, gaps: dict[Symbol, Expr], pair: tuple[Rule, Rule]
) -> list[Hyperparameter]:
    defaults = {e.symbol: e.default for r in (*reversed(pair), rule) for e in r.parameters}
    strict = {gap for gap, value in gaps.items() for c in under
              if c.strict and c.high - c.low == value}  # fmt: skip
    return [
        Hyperparameter(
            gap, value.xreplace(defaults), Interval(0, oo, left_open=gap in strict, right_open=True)
        )
        for gap, value in gaps.items()
    ]


def _without_ends(rule: Rule, ends: Iterable[Condition]) -> Rule:
    """The rule with a hyperparameter's domain cut by a number at its end."""
    cut: dict[str, sympy.Set] = {}
    for condition in ends:
        symbol = condition.high if condition.high.is_Symbol else condition.low
        number = condition.low if condition.high.is_Symbol else condition.high
        assert isinstance(symbol, Symbol)
        cut[symbol.name] = cut.get(symbol.name, sympy.Reals) - sympy.FiniteSet(number)
    if not any(entry.name in cut for entry in rule.parameters):
        return rule
    changed = {
        entry.symbol: replace(entry, domain=entry.domain.intersect(cut[entry.name]))
        if entry.name in cut else entry
        for entry in rule.parameters
    }  # fmt: skip
    return Rule(
        rule.title, rule.source, changed, rule.state, list(rule.update),
        name=rule.name, family=rule.family,
    )  # fmt: skip


def points_inside(
    first: Rule, second: Rule, under: Sequence[Condition], steps: int, count: int
) -> Iterator[Point]:
    """Points of the rules as they are stated at which the conditions hold, many on the boundary.

    They come from the conditions themselves, and not from gaps.
    """
    made = 0
    named = {entry.name: entry.symbol for rule in (first, second) for entry in rule.parameters}
    domains = {name: _domain(symbol, (first, second)) for name, symbol in named.items()}
    for number, point in enumerate(sample_points(first, second, steps, 1, 77)):
        if number >= 20 * count or made >= count:
            return
        values = dict(point.hyperparameters)
        for place, condition in enumerate(2 * list(under)):
            gap = _GAPS[(number + place) % len(_GAPS)]
            if condition.holds(values) and number % 3:
                continue
            if condition.high.is_Symbol:
                values[str(condition.high)] = _value(condition.low, values) + gap
            else:
                values[str(condition.low)] = _value(condition.high, values) - gap
        inside = all(inside_domain(domains[name], value) for name, value in values.items())
        if inside and all(condition.holds(values) for condition in under):
            made += 1
            yield replace(point, hyperparameters=values)


def points_outside(
    first: Rule, second: Rule, under: Sequence[Condition], broken: Condition, steps: int, count: int
) -> Iterator[Point]:
    """Points at which all of these conditions hold and another one does not."""
    symbol = broken.high if broken.high.is_Symbol else broken.low
    other = broken.low if broken.high.is_Symbol else broken.high
    domain = _domain(symbol, (first, second))
    for number, point in enumerate(points_inside(first, second, under, steps, 4 * count)):
        gap = Fraction(0) if broken.strict else _BEYOND[number % len(_BEYOND)]
        values = dict(point.hyperparameters)
        values[str(symbol)] = _value(other, values) + (-gap if broken.high.is_Symbol else gap)
        if (
            not broken.holds(values)
            and all(condition.holds(values) for condition in under)
            and inside_domain(domain, values[str(symbol)])
        ):
            yield replace(point, hyperparameters=values)


def in_words(under: Sequence[Condition]) -> str:
    """The conditions as chains.

    >>> from sympy.abc import a, b, c
    >>> in_words([Condition(b, c), Condition(a, b), Condition(a, sympy.Integer(1), True)])
    'a <= b <= c, a < 1'
    >>> in_words([Condition(b, c), Condition(c, sympy.Integer(1), True)])
    'b <= c < 1'
    """
    waiting, chains = list(under), []
    while waiting:
        start = next(
            (c for c in waiting if not any(o.high == c.low for o in waiting if o != c)), waiting[0]
        )
        waiting.remove(start)
        text, end = str(start), start.high
        while end.is_Symbol:
            following = next((c for c in waiting if c.low == end), None)
            if following is None:
                break
            waiting.remove(following)
            text, end = f"{text} {following.sign} {following.high}", following.high
        chains.append(text)
    return ", ".join(chains)
