"""An objective is an expression over its variables, with what is known of it, to be checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr, Symbol

from symopt.errors import InputError, StatementError
from symopt.statement.numbers import exact, rational
from symopt.statement.parse import parse_expression
from symopt.statement.source import Source

if TYPE_CHECKING:
    from symopt.derivation.critical_points import CriticalPoints
    from symopt.derivation.gradient import Gradient, Hessian

__all__ = ["KnownPoint", "Objective"]

FUNCTIONS: tuple[type, ...] = (
    sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.exp, sympy.log, sympy.sin, sympy.cos,
    sympy.tan, sympy.atan, sympy.tanh, sympy.sinh, sympy.cosh, sympy.Piecewise,
    sympy.functions.elementary.piecewise.ExprCondPair,
)  # fmt: skip


@dataclass(frozen=True)
class KnownPoint:
    """A point that the literature gives: a claim to be checked, not a fact to be trusted.

    Coordinates and value are exact where the literature is exact, else decimals; ``digits`` says
    to how many decimals they are given (``None`` means exactly). Numbers may be given as text.

    >>> KnownPoint(("3", "1/2"), 0).point
    (3, 1/2)
    """

    point: Any
    value: Any
    kind: str = "minimum"
    digits: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "point", tuple(map(_known_number, self.point)))
        object.__setattr__(self, "value", _known_number(self.value))


@dataclass(frozen=True)
class Objective:
    """A function to minimize.

    Parameters
    ----------
    expression
        Text of symopt's small language, or a SymPy expression. Decimals become exact rationals.
    variables
        Their order fixes the order of coordinates: ``"x y"``, or a sequence of names or symbols.
    title, source, note
        What it is called and where it stands.
    window
        For each variable the interval worth plotting, as exact pairs.
    known
        Minima and other critical points that the literature gives.
    start
        A customary starting point.
    of_dimension
        For families: a function from the number of variables to the expression and its variables.

    >>> objective = Objective("(1.5 - x)**2 + y**4", variables="x y")
    >>> objective.expression
    y**4 + (3/2 - x)**2
    """

    expression: Any
    variables: Any
    title: str = ""
    source: Source | None = None
    window: Sequence[Any] = ()
    known: Sequence[KnownPoint] = ()
    start: Sequence[Any] = ()
    note: str = ""
    name: str = ""
    family: str = ""
    of_dimension: Callable[[int], tuple[Any, Any]] | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        variables, renaming = _variables(self.variables, self.expression)
        put(self, "variables", variables)
        where = f"objective {self.title or self.name or str(self.expression)[:60]!r}"
        put(self, "expression", _read(self.expression, variables, renaming, where))
        put(self, "title", self.title or str(self.expression))
        put(self, "name", self.name or re.sub(r"\W+", "_", self.title.lower()).strip("_")[:40])
        pairs = tuple(
            (rational(exact(low, f"{where}: window")), rational(exact(high, f"{where}: window")))
            for low, high in self.window
        )
        if pairs and len(pairs) != len(variables):
            raise StatementError(
                f"{where}: {len(pairs)} intervals in window for {len(variables)} variables"
            )
        if any(low >= high for low, high in pairs):
            raise StatementError(f"{where}: a window interval is empty")
        put(self, "window", pairs)
        start = tuple(rational(exact(value, f"{where}: start")) for value in self.start)
        if start and len(start) != len(variables):
            raise StatementError(
                f"{where}: a start of {len(start)} numbers for {len(variables)} variables"
            )
        put(self, "start", start)
        put(self, "known", tuple(self.known))
        for point in self.known:
            if len(point.point) != len(variables):
                raise StatementError(
                    f"{where}: a known point of {len(point.point)} numbers for "
                    f"{len(variables)} variables"
                )

    @property
    def dimension(self) -> int:
        """The number of variables."""
        return len(self.variables)

    @property
    def gradient(self) -> Gradient:
        """The exact gradient, each component as a person would write it."""
        from symopt.derivation.gradient import gradient

        return gradient(self)

    @property
    def hessian(self) -> Hessian:
        """The exact matrix of second derivatives."""
        from symopt.derivation.gradient import hessian

        return hessian(self)

    def critical_points(self) -> CriticalPoints:
        """All real critical points, exactly, each classified by exact signs.

        Raises :class:`~symopt.errors.InexactError` where no exact algebraic solution exists.
        """
        from symopt.derivation.critical_points import critical_points

        return critical_points(self)

    def in_dimension(self, dimension: int) -> Objective:
        """The member of the same family with that many variables.

        >>> import symopt
        >>> symopt.objectives.rosenbrock.in_dimension(3).dimension
        3
        """
        if self.of_dimension is None:
            if dimension == self.dimension:
                return self
            raise InputError(
                f"{self.name} is stated for {self.dimension} variables only, not {dimension}"
            )
        if dimension < 1 or isinstance(dimension, bool):
            raise InputError(f"{self.name}: a dimension is a positive integer, not {dimension!r}")
        if dimension == self.dimension:
            return self
        expression, variables = self.of_dimension(dimension)
        name = f"{self.family or self.name}[{dimension}]"
        return Objective(
            expression,
            variables,
            title=f"{self.title}, {dimension} variables",
            source=self.source,
            window=(self.window[0],) * dimension if self.window else (),
            start=[self.start[i % self.dimension] for i in range(dimension)] if self.start else (),
            note=self.note,
            name=name,
            family=self.family or self.name,
            of_dimension=self.of_dimension,
        )

    def named(self, name: str, family: str = "") -> Objective:
        """The same objective under another library name."""
        return replace(self, name=name, family=family or self.family)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from symopt.presentation.rich import bundle

        return bundle(self)

    def __str__(self) -> str:
        source = f" ({self.source.text})" if self.source else ""
        variables = ", ".join(map(str, self.variables))
        return f"{self.title}{source}\n  f({variables}) = {self.expression}"


def _known_number(given: Any) -> Expr:
    return given if isinstance(given, Expr) else rational(exact(given, "known point"))


def _variables(given: Any, expression: Any) -> tuple[tuple[Symbol, ...], dict[Symbol, Symbol]]:
    """The variables as real symbols, and what to replace in a SymPy expression to get them."""
    names = given.replace(",", " ").split() if isinstance(given, str) else list(given)
    if not names:
        raise StatementError("an objective needs at least one variable, such as variables='x y'")
    symbols: list[Symbol] = []
    renaming: dict[Symbol, Symbol] = {}
    for name in names:
        text = name.name if isinstance(name, Symbol) else name
        if not isinstance(text, str) or not text.isidentifier():
            raise StatementError(f"{text!r} is not a variable name")
        real = Symbol(text, real=True)
        if isinstance(name, Symbol):
            renaming[name] = real
        elif isinstance(expression, Expr):
            renaming.update({s: real for s in expression.free_symbols if s.name == text})
        symbols.append(real)
    if len(set(symbols)) < len(symbols):
        raise StatementError(f"a variable is named twice in {given!r}")
    return tuple(symbols), renaming


def _read(
    given: Any, variables: tuple[Symbol, ...], renaming: Mapping[Symbol, Symbol], where: str
) -> Expr:
    if isinstance(given, str):
        return parse_expression(given, {symbol.name: symbol for symbol in variables})
    expression = sympy.sympify(given) if isinstance(given, (int, Expr)) else None
    if not isinstance(expression, Expr):
        raise StatementError(f"{where}: {given!r} is neither text nor a SymPy expression")
    floats = {atom: rational(exact(atom, where)) for atom in expression.atoms(sympy.Float)}
    expression = expression.xreplace({**floats, **renaming})
    unknown = expression.free_symbols - set(variables)
    if unknown:
        names = ", ".join(sorted(map(str, unknown)))
        raise StatementError(f"{where}: {names} is not among the variables; add it to variables=")
    for node in sympy.preorder_traversal(expression):
        if isinstance(node, (Symbol, sympy.Rational, sympy.Add, sympy.Mul, sympy.Pow, *FUNCTIONS)):
            continue
        if isinstance(
            node, (sympy.core.relational.Relational, sympy.logic.boolalg.Boolean)
        ) or node in (sympy.pi, sympy.E):
            continue
        raise StatementError(
            f"{where}: {type(node).__name__} in {node} is not a function that objectives can use"
        )
    return expression
