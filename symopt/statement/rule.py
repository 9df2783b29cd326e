"""A rule is frozen data: hyperparameters, state, and an ordered list of assignments.

The list is written like the paper's pseudo-code. Reading a name before its assignment means the
previous step's value; after it, the new one. ``t`` counts steps from 1. ``grad(point)`` asks the
oracle. Everything is elementwise except the named reductions. A rule holds neither LaTeX nor
NumPy: those follow from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

import sympy
from sympy import Expr, Symbol
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import BooleanAtom

from symopt.errors import InputError, StatementError, UnknownNameError, did_you_mean
from symopt.statement.numbers import exact, rational
from symopt.statement.source import Source
from symopt.statement.symbols import REDUCTIONS, domain_of, grad, meaning_of, t, x

__all__ = ["Assignment", "Hyperparameter", "Rule"]

#: Functions that a rule may use, beyond the oracle, the reductions and arithmetic.
FUNCTIONS: tuple[type, ...] = (
    sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.exp, sympy.log, sympy.Piecewise,
    sympy.functions.elementary.piecewise.ExprCondPair,
)  # fmt: skip


class Assignment(NamedTuple):
    """One line of a rule: ``target`` becomes ``expression``."""

    target: Symbol
    expression: Expr


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter with its exact default (a number, or an expression of ``t``) and domain.

    >>> import symopt
    >>> symopt.rules.adam.parameter("beta1").domain
    Interval.Ropen(0, 1)
    """

    symbol: Symbol
    default: Expr
    domain: sympy.Set

    @property
    def name(self) -> str:
        return str(self.symbol.name)

    @property
    def meaning(self) -> str:
        """What it is called in words, such as "learning rate"; empty if it has no standard name."""
        return meaning_of(self.symbol)

    @property
    def is_schedule(self) -> bool:
        """Whether it changes from step to step."""
        return t in self.default.free_symbols


@dataclass(frozen=True)
class Rule:
    """An update rule, stated once.

    Parameters
    ----------
    title
        What the rule is called in print.
    source
        Paper with equation or algorithm number, or framework with version and line.
    hyperparameters
        Symbol to exact default: ``"1/1000"``, ``"1e-8"``, a number, or an expression of ``t``
        (a schedule). A :class:`Hyperparameter` sets a domain of its own.
    state
        Symbol to initial value: a number, or an expression of hyperparameters and of ``x``
        (the starting point).
    update
        ``(target, expression)`` in order.
    defect
        For rules that are stated because they are wrong: in what they depart from their source.
    note
        Anything a reader must know.
    name
        The name in the library; set by discovery from the variable's name.

    Raises :class:`~symopt.errors.StatementError` for an unknown symbol, a use before definition,
    state that is never updated, an unused hyperparameter, or a missing source.

    >>> from symopt.statement.symbols import eta, g, grad, x
    >>> rule = Rule("Gradient descent", Source("cauchy1847methode", "p. 537"),
    ...             {eta: "1/10"}, {}, [(g, grad(x)), (x, x - eta * g)])
    >>> print(rule)
    Gradient descent (Cauchy (1847), p. 537)
      eta = 1/10  learning rate
      g <- grad(x)
      x <- -eta*g + x
    """

    title: str
    source: Source
    hyperparameters: Mapping[Symbol, Any]
    state: Mapping[Symbol, Any]
    update: Sequence[Any]
    defect: str = ""
    note: str = ""
    name: str = ""
    family: str = ""
    # Compared too: a proof for one domain of a hyperparameter is none for a larger one.
    parameters: tuple[Hyperparameter, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not self.title.strip():
            raise StatementError("a rule needs a title")
        if not isinstance(self.source, Source):
            raise StatementError(
                f"rule {self.title!r} has no source; give source=Source(key, locator)"
            )
        put(self, "name", self.name or _slug(self.title))
        where = f"rule {self.title!r}"
        parameters = tuple(
            _hyperparameter(symbol, value, where) for symbol, value in self.hyperparameters.items()
        )
        put(self, "parameters", parameters)
        put(
            self,
            "hyperparameters",
            MappingProxyType({entry.symbol: entry.default for entry in parameters}),
        )
        put(
            self,
            "state",
            MappingProxyType(
                {
                    symbol: _expression(value, f"{where}: initial value of {symbol}")
                    for symbol, value in self.state.items()
                }
            ),
        )
        put(self, "update", tuple(_assignment(line, where) for line in self.update))
        _validate(self, where)

    # A MappingProxyType neither hashes nor pickles, so both say what the value is made of.
    def __hash__(self) -> int:
        return hash((self.title, self.source, self.update))

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            Rule,
            (
                self.title,
                self.source,
                {entry.symbol: entry for entry in self.parameters},
                dict(self.state),
                self.update,
                self.defect,
                self.note,
                self.name,
                self.family,
            ),
        )

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.source.text})"]
        lines += [
            f"  {entry.name} = {entry.default}  {entry.meaning}".rstrip()
            for entry in self.parameters
        ]
        lines += [f"  {symbol} starts at {value}" for symbol, value in self.state.items()]
        lines += [f"  {target} <- {expression}" for target, expression in self.update]
        if self.defect:
            lines.append(f"  defect: {self.defect}")
        if self.note:
            lines.append(f"  note: {self.note}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from symopt.presentation.rich import bundle

        return bundle(self)

    def parameter(self, name: str) -> Hyperparameter:
        """The hyperparameter of that name.

        Raises :class:`~symopt.errors.UnknownNameError` with the names that the rule has.
        """
        for entry in self.parameters:
            if entry.name == name:
                return entry
        described = ", ".join(
            f"{entry.name} ({entry.meaning})" if entry.meaning else entry.name
            for entry in self.parameters
        )
        known = [entry.name for entry in self.parameters]
        hint = did_you_mean(_ALIASES.get(name.lower(), name), known)
        raise UnknownNameError(
            f"{self.name} has no hyperparameter {name!r}; it has {described or 'none'}.{hint}"
        )

    def bind(self, values: Mapping[str, Any], number: Any = exact) -> dict[Symbol, Expr]:
        """Every hyperparameter as an exact expression: the given values, else the defaults.

        ``number`` turns a given number into a fraction: :func:`~symopt.statement.numbers.exact`
        or :func:`~symopt.statement.numbers.received`. SymPy expressions of ``t`` are schedules.
        Values outside the domain are refused.
        """
        bound = {entry.symbol: entry.default for entry in self.parameters}
        for name, value in values.items():
            entry = self.parameter(name)
            if isinstance(value, Expr) and not value.is_Number:
                what = f"{self.name}: {name}"
                here = {symbol: t for symbol in value.free_symbols if symbol.name == t.name}
                floats = {atom: rational(exact(atom, what)) for atom in value.atoms(sympy.Float)}
                value = value.xreplace({**here, **floats})
                strange = value.free_symbols - {t}
                if strange:
                    raise InputError(
                        f"{self.name}: {name} = {value} uses {_names(strange)}; a schedule is an "
                        "expression of t alone"
                    )
                bound[entry.symbol] = value
                continue
            quotient = rational(number(value, f"{self.name}: {name}"))
            if not _inside(quotient, entry.domain):
                raise InputError(
                    f"{self.name}: {name} = {value} is outside its domain {entry.domain}"
                )
            bound[entry.symbol] = quotient
        return bound

    def variant(
        self,
        title: str,
        changes: Mapping[Symbol, Any] | None = None,
        *,
        source: Source,
        hyperparameters: Mapping[Symbol, Any] | None = None,
        state: Mapping[Symbol, Any] | None = None,
        update: Sequence[Any] | None = None,
        defect: str = "",
        note: str = "",
    ) -> Rule:
        """A rule that differs from this one in what is named, and in nothing else.

        ``changes`` gives new right-hand sides. A target that this rule does not assign is
        inserted before the next one that it does; ``None`` drops a line. ``hyperparameters`` and
        ``state`` add or replace entries (``None`` drops one). ``update`` replaces all lines.

        >>> import symopt
        >>> from symopt.statement.symbols import epsilon, eta, m_hat, sqrt, v_hat, x
        >>> inside = symopt.rules.adam.variant(
        ...     "Adam, epsilon inside the root", {x: x - eta*m_hat/sqrt(v_hat + epsilon)},
        ...     source=Source("kingma2015adam", "Algorithm 1, with epsilon moved"))
        >>> inside.update[-1].expression
        -eta*m_hat/sqrt(epsilon + v_hat) + x
        """
        lines = list(update) if update is not None else _changed(self, changes or {})
        return Rule(
            title=title,
            source=source,
            hyperparameters=_merged(
                {entry.symbol: entry for entry in self.parameters}, hyperparameters
            ),
            state=_merged(self.state, state),
            update=lines,
            defect=defect,
            note=note,
            family=self.family or self.name,
        )

    def named(self, name: str, family: str = "") -> Rule:
        """The same rule under another library name."""
        return replace(
            self,
            hyperparameters={entry.symbol: entry for entry in self.parameters},
            state=dict(self.state),
            name=name,
            family=family or self.family,
        )

    @property
    def temporaries(self) -> tuple[Symbol, ...]:
        """Names that are assigned but are neither state nor the parameter, in order."""
        seen: dict[Symbol, None] = {}
        for target, _ in self.update:
            if target != x and target not in self.state:
                seen[target] = None
        return tuple(seen)


def _inside(value: sympy.Rational, domain: sympy.Set) -> bool:
    """Whether a number lies in a domain; in an interval by two comparisons, not by SymPy's sets."""
    if domain is sympy.S.Reals:
        return True
    ends = (domain.start, domain.end) if isinstance(domain, sympy.Interval) else ()
    if not ends or not all(end.is_Rational or end.is_infinite for end in ends):
        return value in domain
    low, high = ends
    above = low == -sympy.oo or bool(value > low or (value == low and not domain.left_open))
    return above and (
        high == sympy.oo or bool(value < high or (value == high and not domain.right_open))
    )


_ALIASES = {
    "lr": "eta", "learning_rate": "eta", "alpha": "eta", "step_size": "eta", "momentum": "mu",
    "gamma": "mu", "nu": "mu", "eps": "epsilon", "weight_decay": "lamda", "wd": "lamda",
    "lambda": "lamda", "lambda_": "lamda", "decay": "rho", "dampening": "tau", "b1": "beta1",
    "b2": "beta2",
}  # fmt: skip


def _slug(title: str) -> str:
    return re.sub(r"\W+", "_", title.lower()).strip("_") or "rule"


def _names(symbols: Iterable[Any]) -> str:
    return ", ".join(repr(str(symbol)) for symbol in sorted(symbols, key=str))


def _expression(value: Any, what: str) -> Expr:
    if isinstance(value, Expr):
        floats = value.atoms(sympy.Float)
        return value.xreplace({atom: rational(exact(atom, what)) for atom in floats})
    if isinstance(value, str):
        return rational(exact(value, what))
    if isinstance(value, (int, float, Fraction)) or not isinstance(value, sympy.Basic):
        return rational(exact(value, what))
    raise StatementError(f"{what}: {value!r} is not an expression")


def _hyperparameter(symbol: Any, value: Any, where: str) -> Hyperparameter:
    if not isinstance(symbol, Symbol):
        raise StatementError(f"{where}: hyperparameter {symbol!r} is not a symbol")
    if symbol in (x, t):
        raise StatementError(f"{where}: {symbol} cannot be a hyperparameter")
    if isinstance(value, Hyperparameter):
        return value
    default = _expression(value, f"{where}: default of {symbol}")
    strange = default.free_symbols - {t}
    if strange:
        raise StatementError(
            f"{where}: the default of {symbol} uses {_names(strange)}; a schedule is an "
            "expression of t alone"
        )
    domain = domain_of(symbol)
    if default.is_Rational and default not in domain:
        raise StatementError(
            f"{where}: the default {symbol} = {default} is outside the domain {domain}"
        )
    return Hyperparameter(symbol, default, domain)


def _assignment(line: Any, where: str) -> Assignment:
    try:
        target, value = line
    except (TypeError, ValueError):
        raise StatementError(f"{where}: {line!r} is not a pair (target, expression)") from None
    if not isinstance(target, Symbol):
        raise StatementError(f"{where}: {target!r} cannot be assigned; targets are symbols")
    return Assignment(target, _expression(value, f"{where}: line for {target}"))


def _validate(rule: Rule, where: str) -> None:
    given = set(rule.hyperparameters)
    overlap = given & set(rule.state)
    if overlap:
        raise StatementError(f"{where}: {_names(overlap)} is both hyperparameter and state")
    for symbol, value in rule.state.items():
        if symbol in (x, t):
            raise StatementError(f"{where}: {symbol} is not declared as state")
        strange = value.free_symbols - given - {x}
        if strange:
            raise StatementError(
                f"{where}: the initial value of {symbol} uses {_names(strange)}; it may use "
                "hyperparameters and x, the starting point"
            )
    targets = {target for target, _ in rule.update}
    for target in targets:
        if target in given or target == t:
            raise StatementError(f"{where}: {target} is a constant of the rule, not assignable")
    defined = given | set(rule.state) | {x, t}
    used: set[Any] = set()
    for target, expression in rule.update:
        _check_functions(expression, f"{where}, line for {target}")
        for symbol in expression.free_symbols - defined:
            if symbol in targets:
                raise StatementError(
                    f"{where}: {symbol} is used in the line for {target} before it is assigned"
                )
            raise StatementError(
                f"{where}: unknown symbol {str(symbol)!r} in the line for {target}."
                + did_you_mean(str(symbol), [str(known) for known in defined | targets])
            )
        used |= expression.free_symbols
        defined.add(target)
    used |= {symbol for value in rule.state.values() for symbol in value.free_symbols}
    for symbol in rule.state:
        if symbol not in targets:
            raise StatementError(f"{where}: the state {symbol} is never updated")
    for symbol in given - used:
        raise StatementError(f"{where}: the hyperparameter {symbol} is never used")
    if x not in targets:
        raise StatementError(f"{where}: the parameter x is never updated")
    if not any(expression.has(grad) for _, expression in rule.update):
        raise StatementError(f"{where}: no line asks for a gradient; write (g, grad(x))")
    for symbol in rule.temporaries:
        if symbol not in used:
            raise StatementError(f"{where}: {symbol} is assigned but never used")


def _check_functions(expression: Expr, where: str) -> None:
    for node in sympy.preorder_traversal(expression):
        if isinstance(node, (Symbol, sympy.Rational, sympy.Add, sympy.Mul, sympy.Pow)):
            continue
        if isinstance(node, (grad, *REDUCTIONS, *FUNCTIONS, sympy.core.relational.Relational)):
            continue
        if isinstance(node, BooleanAtom | sympy.logic.boolalg.BooleanFunction):
            continue
        if node in (sympy.pi, sympy.E):
            continue
        kind = node.func.__name__ if isinstance(node, AppliedUndef) else type(node).__name__
        raise StatementError(
            f"{where}: {kind} in {node} is not a function that rules can use; they have "
            "sqrt, exp, log, Abs, sign, Max, Min, where, norm, rms, mean and amax"
        )


def _changed(rule: Rule, changes: Mapping[Symbol, Any]) -> list[tuple[Symbol, Any]]:
    targets = [target for target, _ in rule.update]
    new_lines: dict[Symbol | None, list[tuple[Symbol, Any]]] = {}
    waiting: list[tuple[Symbol, Any]] = []
    for target, value in changes.items():
        if target not in targets:
            waiting.append((target, value))
            continue
        if targets.count(target) > 1:
            raise StatementError(
                f"rule {rule.title!r} assigns {target} {targets.count(target)} times; "
                "give the whole update= instead"
            )
        new_lines[target], waiting = waiting, []
    new_lines[None] = waiting
    lines: list[tuple[Symbol, Any]] = []
    for target, expression in rule.update:
        lines += new_lines.get(target, [])
        if changes.get(target, expression) is not None:
            lines.append((target, changes.get(target, expression)))
    return lines + new_lines[None]


def _merged(base: Mapping[Symbol, Any], edits: Mapping[Symbol, Any] | None) -> dict[Symbol, Any]:
    merged = {**base, **(edits or {})}
    return {symbol: value for symbol, value in merged.items() if value is not None}
