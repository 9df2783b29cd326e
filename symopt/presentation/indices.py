"""Time indices, produced from a rule: a name read before its assignment is last step's value.

``m <- beta1*m + (1 - beta1)*g`` becomes m_t = beta_1 m_{t-1} + (1 - beta_1) g_t. Lines that only
hand a value on (``x_previous <- x``, ``x <- x_next``) are absorbed into the indices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sympy import Expr, Symbol

from symopt.presentation.names import Label, Style
from symopt.presentation.notation import Writer
from symopt.presentation.order import Roles
from symopt.statement.rule import Rule
from symopt.statement.symbols import t, x

__all__ = ["IndexedLine", "all_lines", "indexed_lines", "initial_lines", "rule_lines"]


@dataclass(frozen=True)
class IndexedLine:
    """One line of a rule with its time indices: ``target`` on the left, the labels of its right.

    ``symbol`` is what the line assigns; for a line of the start it is the state.
    """

    symbol: Symbol
    target: Label
    expression: Expr
    roles: Roles
    labels: MappingProxyType[Symbol, Label]

    def written(self, style: Style) -> tuple[str, str]:
        """Left and right-hand side."""
        writer = Writer(style, self.roles, self.labels)
        return self.target.written(style), writer.text(self.expression)


@dataclass
class _Clock:
    """Who stands for whom, at which offset to the present step, and who has no time at all."""

    rule: Rule
    step: int | None
    alias: dict[Symbol, tuple[Symbol, int]] = field(default_factory=dict)
    timeless: set[Symbol] = field(default_factory=set)

    def label(self, symbol: Symbol, offset: int) -> Label:
        seen = set()
        while symbol in self.alias and symbol not in seen:
            seen.add(symbol)
            symbol, shift = self.alias[symbol]
            offset += shift
        if symbol in self.timeless:
            return Label(symbol.name)
        name = symbol.name
        if name.endswith("_t") and len(name) > 2:
            name = name[:-2]
        elif name.endswith("_next") and len(name) > 5:
            name, offset = name[:-5], offset + 1
        return Label(name, self.time(offset))

    def time(self, offset: int) -> str:
        if self.step is not None:
            return str(self.step + offset)
        return f"t{offset:+d}" if offset else "t"


def _clock(rule: Rule, step: int | None) -> _Clock:
    clock = _Clock(rule, step)
    targets = [target for target, _ in rule.update]
    assigned: set[Symbol] = set()
    constant = {entry.symbol for entry in rule.parameters if not entry.is_schedule}
    clock.timeless |= constant
    for target, expression in rule.update:
        once = targets.count(target) == 1
        if once and target in rule.temporaries and expression.free_symbols <= clock.timeless:
            clock.timeless.add(target)
        source = expression if isinstance(expression, Symbol) else None
        if source is not None and target != source and targets.count(source) <= 1 and once:
            if target == x:
                if source in rule.temporaries and source not in clock.alias:
                    clock.alias[source] = (x, 0)
            elif source in targets and target not in clock.alias:
                clock.alias[target] = (source, 0 if source in assigned else -1)
        assigned.add(target)
    return clock


def indexed_lines(rule: Rule, *, step: int | None = None) -> list[IndexedLine]:
    """The lines of a rule with their time indices: t, or the number of a given step.

    Lines that the indices absorb are left out.
    """
    return [line for line in all_lines(rule, step) if line is not None]


def all_lines(rule: Rule, step: int | None = None) -> list[IndexedLine | None]:
    """One entry per line of the rule: ``None`` where the indices absorb it."""
    clock = _clock(rule, step)
    roles = Roles.of_rule(rule)
    lines: list[IndexedLine | None] = []
    assigned: set[Symbol] = set()
    for target, expression in rule.update:
        labels = {
            symbol: clock.label(symbol, 0 if _present(symbol, rule, assigned) else -1)
            for symbol in expression.free_symbols
            if symbol != t
        }
        left = clock.label(target, 0)
        assigned.add(target)
        if step is not None:
            labels[t] = Label(str(step))
        if isinstance(expression, Symbol) and labels.get(expression) == left:
            lines.append(None)
            continue
        of_line = replace(roles, target=_history(left, labels, target))
        lines.append(IndexedLine(target, left, expression, of_line, MappingProxyType(labels)))
    return lines


def _present(symbol: Symbol, rule: Rule, assigned: Iterable[Symbol]) -> bool:
    return symbol in rule.hyperparameters or symbol in assigned


def _history(left: Label, labels: dict[Symbol, Label], target: Symbol) -> Symbol:
    """The symbol that stands for what the line renews: ``x`` in the line for ``x_next``."""
    for symbol, label in labels.items():
        if label.name == left.name and symbol != target:
            return symbol
    return target


def initial_lines(rule: Rule) -> list[IndexedLine]:
    """The start: the value of every state before step 1, with the index that step 1 reads."""
    clock = _clock(rule, 1)
    roles = Roles.of_rule(rule)
    return [
        IndexedLine(
            state,
            clock.label(state, -1),
            value,
            roles,
            MappingProxyType({x: Label("x", "0")}),
        )
        for state, value in rule.state.items()
    ]


def rule_lines(rule: Rule, style: Style = Style.LATEX) -> list[tuple[str, str]]:
    """Every line of a rule as ``(left, right)`` with time indices, in the paper's order.

    >>> import symopt
    >>> for left, right in rule_lines(symopt.rules.momentum, Style.UNICODE):
    ...     print(left, "=", right)
    gₜ = ∇f(xₜ₋₁)
    vₜ = μ vₜ₋₁ - η gₜ
    xₜ = xₜ₋₁ + vₜ
    """
    return [line.written(style) for line in indexed_lines(rule)]
