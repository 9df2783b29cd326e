"""Steps worked by hand: every line of a rule with its symbols, with numbers put in, and its value.

The lines are the rule's own; the numbers are exact fractions as long as they are rational, and
certified enclosures from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import sympy
from sympy import Expr, Symbol

from symopt.derivation.step import scalar_names
from symopt.execution.value import Number, exact_value
from symopt.presentation.breaking import abbreviated, part_names, pieces
from symopt.presentation.document import TEXT_RELATIONS, EquationLine, Math
from symopt.presentation.figures import figure
from symopt.presentation.indices import all_lines
from symopt.presentation.names import Label, Phrase, Style
from symopt.presentation.notation import Writer
from symopt.presentation.order import Roles
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS, amax, grad, mean, rms, t, x

__all__ = ["Workings", "WorkedStep", "exact_value", "work"]

#: What fits a line of the page, in em.
_LINE = 36.0


@dataclass(frozen=True)
class WorkedStep:
    """One step: its equations, the point it leads to, and every number on the way."""

    number: int
    lines: tuple[EquationLine, ...]
    point: tuple[Number, ...]
    numbers: tuple[Number, ...] = ()


@dataclass
class Workings:
    """The state of a calculation by hand: the present value of every name of the rule."""

    rule: Rule
    objective: Objective
    hyper: Mapping[Symbol, Expr]
    values: dict[Symbol, list[Number]] = field(default_factory=dict)
    names: Iterator[Symbol] = field(default_factory=lambda: part_names())

    @property
    def size(self) -> int:
        return self.objective.dimension


def work(
    rule: Rule,
    objective: Objective,
    start: Sequence[Fraction],
    hyper: Mapping[Symbol, Expr],
    steps: int,
) -> list[WorkedStep]:
    """Work the first steps by hand; ``hyper`` binds every hyperparameter to an exact value.

    Raises what the rule itself raises there, such as a division by zero.
    """
    book = Workings(rule, objective, hyper)
    book.values[x] = list(start)
    constants = {
        symbol: Fraction(int(value.p), int(value.q))
        for symbol, value in hyper.items()
        if isinstance(value, sympy.Rational)
    }
    for symbol, value in rule.state.items():
        book.values[symbol] = [
            exact_value(value, {**constants, x: start[index]}) for index in range(book.size)
        ]
    return [_step(book, number, constants) for number in range(1, steps + 1)]


def _step(book: Workings, number: int, constants: Mapping[Symbol, Number]) -> WorkedStep:
    settings: dict[Symbol, Number] = {**constants, t: Fraction(number)}
    lines: list[EquationLine] = []
    for symbol, value in book.hyper.items():
        if symbol not in constants:
            settings[symbol] = exact_value(value, {t: Fraction(number)})
            at = _Formula(value, {t: Fraction(number)}, {t: Label("t")}, Roles.of_rule(book.rule))
            lines += at.equation(Label(symbol.name, str(number)), settings[symbol])
    scalars = scalar_names(book.rule)
    for indexed, (target, expression) in zip(
        all_lines(book.rule, number), book.rule.update, strict=True
    ):
        line = _Line(
            book,
            number,
            settings,
            indexed.labels if indexed else {},
            indexed.roles if indexed else Roles.of_rule(book.rule),
        )
        found: list[Number] = []
        shown: list[EquationLine] = []
        count = 1 if target in scalars else book.size
        for index in range(count):
            formula = line.formula(expression, index)
            value = formula.value
            found.append(value)
            if indexed is not None:
                label = line.coordinate(indexed.target, target, index)
                shown += formula.equation(label, value)
        lines += line.extra + shown
        book.values[target] = found * (book.size if count == 1 else 1)
    everything = [value for values in book.values.values() for value in values]
    return WorkedStep(number, tuple(lines), tuple(book.values[x]), tuple(everything))


@dataclass(frozen=True)
class _Formula:
    """An expression with the values and the labels of its symbols."""

    expression: Expr
    values: Mapping[Symbol, Number]
    labels: Mapping[Symbol, Label]
    roles: Roles
    #: Names for parts that are too wide for a line and cannot be broken.
    names: Iterator[Symbol] = field(default_factory=lambda: part_names())

    @property
    def value(self) -> Number:
        return exact_value(self.expression, self.values)

    def equation(self, target: Label, value: Number) -> list[EquationLine]:
        """Symbols, numbers put in, value; a step is left out where it says nothing new.

        Parts that are too wide come first, each under a name.
        """
        symbolic = pieces(self.expression, roles=self.roles, labels=self.labels)
        if max(piece.width for piece in symbolic) > _LINE:
            lets, short = abbreviated(self.expression, self.names, roles=self.roles)
            if lets:
                return self._in_parts(lets, short, target, value)
        figures = {
            symbol: figure(self.values[symbol], 6, telling=False)
            for symbol in self.expression.free_symbols
        }
        numbers_in = (
            {symbol: shown.latex for symbol, shown in figures.items()},
            {symbol: shown.text for symbol, shown in figures.items()},
        )
        numeric = pieces(self.expression, roles=self.roles, values=numbers_in)
        result = figure(value, 12)
        left = Math(target.latex, target.unicode, target.width)
        final = result.math
        if not figures or isinstance(self.expression, Symbol):
            if _same(symbolic, (final,)):
                return [EquationLine(left, symbolic)]
            return _chain(left, [("=", symbolic), (result.relation, (final,))])
        sign = "=" if all(shown.exact for shown in figures.values()) else r"\approx"
        # What follows a rounded formula is not equal to it, even where it is exact itself.
        last = result.relation if sign == "=" else sign
        return _chain(left, [("=", symbolic), (sign, numeric), (last, (final,))])

    def _in_parts(
        self, lets: Sequence[tuple[Symbol, Expr]], short: Expr, target: Label, value: Number
    ) -> list[EquationLine]:
        values, labels = dict(self.values), dict(self.labels)
        lines: list[EquationLine] = []
        for symbol, part in lets:
            formula = replace(self, expression=part, values=dict(values), labels=dict(labels))
            values[symbol] = formula.value
            labels[symbol] = Label(symbol.name)
            lines += formula.equation(labels[symbol], values[symbol])
        rest = replace(self, expression=short, values=values, labels=labels)
        return lines + rest.equation(target, value)


@dataclass
class _Line:
    """One line of a step: what its symbols are called and worth at each coordinate."""

    book: Workings
    number: int
    settings: Mapping[Symbol, Number]
    labels: Mapping[Symbol, Label]
    roles: Roles
    extra: list[EquationLine] = field(default_factory=list)
    #: Stand-ins for the oracle's answers and for reductions: per node, one symbol per coordinate.
    known: dict[Expr, list[Symbol]] = field(default_factory=dict)
    made: dict[Symbol, tuple[Number, Label]] = field(default_factory=dict)

    def coordinate(self, label: Label, symbol: Symbol, index: int) -> Label:
        """The label of one coordinate: the parameter is called by the objective's variable."""
        variable = self.book.objective.variables[index].name
        if symbol == t:
            return label
        if label.name == x.name or symbol == x:
            return Label(variable, label.time)
        scalar = symbol in scalar_names(self.book.rule) or symbol in self.book.hyper
        if self.book.size == 1 or scalar:
            return label
        return replace(label, coordinate=variable)

    def values_at(self, index: int) -> dict[Symbol, Number]:
        own = {symbol: values[index] for symbol, values in self.book.values.items()}
        return {**self.settings, **own, **{s: value for s, (value, _) in self.made.items()}}

    def labels_at(self, index: int) -> dict[Symbol, Label]:
        own = {
            symbol: self.coordinate(label, symbol, index) for symbol, label in self.labels.items()
        }
        for symbol in self.book.hyper:
            label = own.get(symbol, Label(symbol.name))
            own[symbol] = label
        return {**own, **{symbol: label for symbol, (_, label) in self.made.items()}}

    def formula(self, expression: Expr, index: int) -> _Formula:
        """A line at one coordinate, with answers and reductions under their names.

        A line that is nothing but the oracle's answer becomes the gradient itself.
        """
        if isinstance(expression, grad):
            point = self._point(expression)
            variables = self.book.objective.variables
            return _Formula(
                self.book.objective.gradient[index],
                {v: self.made[s][0] for v, s in zip(variables, point, strict=True)},
                {v: self.made[s][1] for v, s in zip(variables, point, strict=True)},
                Roles(variables=variables),
                self.book.names,
            )
        replaced = {node: self._answer(node, index) for node in _outermost(expression)}
        return _Formula(
            expression.xreplace(replaced),
            self.values_at(index),
            self.labels_at(index),
            self.roles,
            self.book.names,
        )

    def _point(self, node: Expr) -> list[Symbol]:
        """Symbols for the coordinates of the point at which the oracle is asked."""
        if node in self.known:
            return self.known[node]
        inner = node.args[0]
        symbols = []
        for index, variable in enumerate(self.book.objective.variables):
            formula = self.formula(inner, index)
            value = formula.value
            if isinstance(inner, Symbol):
                label = formula.labels[inner]
            else:
                label = Label(f"{variable.name}_tilde", str(self.number))
                self.extra += formula.equation(label, value)
            symbols.append(self._stand_in(variable.name, value, label))
        self.known[node] = symbols
        return symbols

    def _answer(self, node: Expr, index: int) -> Symbol:
        if isinstance(node, grad):
            key = sympy.Function("answer")(node)
            if key not in self.known:
                found = []
                for i, variable in enumerate(self.book.objective.variables):
                    formula = self.formula(node, i)
                    value = formula.value
                    label = Label("g_tilde", str(self.number), variable.name)
                    self.extra += formula.equation(label, value)
                    found.append(self._stand_in("answer", value, label))
                self.known[key] = found
            return self.known[key][index]
        if node not in self.known:
            self.known[node] = [self._reduction(node)]
        return self.known[node][0]

    def _reduction(self, node: Expr) -> Symbol:
        inner = node.args[0]
        columns = []
        for index in range(self.book.size):
            formula = self.formula(inner, index)
            value = formula.value
            if isinstance(formula.expression, Symbol):
                label = formula.labels[formula.expression]
            else:
                label = Label("a", str(self.number), self.book.objective.variables[index].name)
                self.extra += formula.equation(label, value)
            columns.append(self._stand_in("column", value, label))
        squares = sympy.Add(*(column**2 for column in columns))
        if isinstance(node, amax):
            whole = sympy.Max(*columns)
        elif isinstance(node, mean):
            whole = sympy.Add(*columns) / len(columns)
        else:
            whole = sympy.sqrt(squares / len(columns) if isinstance(node, rms) else squares)
        formula = _Formula(
            whole,
            {column: self.made[column][0] for column in columns},
            {column: self.made[column][1] for column in columns},
            replace(self.roles, variables=tuple(columns)),
            self.book.names,
        )
        value = formula.value
        label = self._phrase(node)
        self.extra += formula.equation(label, value)
        return self._stand_in("reduction", value, label)

    def _phrase(self, node: Expr) -> Label:
        """The reduction of the whole vector, as the rule's line writes it."""
        latex = Writer(Style.LATEX, self.roles, self.labels).write(node)
        text = Writer(Style.UNICODE, self.roles, self.labels).text(node)
        return Phrase(str(node), "", "", latex.text, text, latex.width)

    def _stand_in(self, name: str, value: Number, label: Label) -> Symbol:
        symbol = sympy.Dummy(name, real=True)
        self.made[symbol] = (value, label)
        return symbol


def _chain(left: Math, links: Sequence[tuple[str, tuple[Math, ...]]]) -> list[EquationLine]:
    """``left = a = b = c`` in one line where it fits; else the symbols stand alone."""
    (first, symbols), *rest = links
    tail: list[Math] = []
    for relation, parts in rest:
        sign = TEXT_RELATIONS.get(relation, relation)
        head = parts[0]
        tail.append(Math(f"{relation} {head.latex}", f"{sign} {head.text}", head.width + 1.4))
        tail += parts[1:]
    total = left.width + sum(part.width for part in (*symbols, *tail))
    if total <= _LINE or not rest:
        return [EquationLine(left, (*symbols, *tail), relation=first)]
    relation, parts = rest[0]
    remaining = (*parts, *tail[len(parts) :])
    return [
        EquationLine(left, symbols, relation=first),
        EquationLine(None, remaining, relation=relation),
    ]


def _same(symbolic: Sequence[Math], final: Sequence[Math]) -> bool:
    return [piece.text for piece in symbolic] == [piece.text for piece in final]


def _outermost(expression: Expr) -> list[Expr]:
    """The oracle's answers and reductions in an expression that are not inside one another."""
    if isinstance(expression, (grad, *REDUCTIONS)):
        return [expression]
    return [node for argument in expression.args for node in _outermost(argument)]
