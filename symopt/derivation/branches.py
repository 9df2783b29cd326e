"""Solutions of a linear recurrence for every t, each a branch with its condition and its proof.

``x_t = rest + e_t`` with ``e_{t+2} = s e_{t+1} - p e_t``. Whether the roots of ``z**2 - s z + p``
are distinct, equal or complex decides the form, and a generic form is wrong where two roots meet:
so each case has its own, and each is proved by induction: it has the first values, and it satisfies
the recurrence for all s, p and first values, by algebra in the normal form. The complex case is
proved from the addition theorems, as a statement on ``C = rho**t cos(t theta)`` and
``S = rho**t sin(t theta)``: one step later they are ``(s C - w S)/2`` and ``(s S + w C)/2`` with
``w = 2 rho sin(theta) = sqrt(4 p - s**2)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from symopt.derivation.surd import Number, Surd, sign
from symopt.errors import UndecidedError
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Program
from symopt.program.normal_form import proved_equal
from symopt.program.ranges import Range
from symopt.statement.symbols import t

__all__ = ["Branch", "Step", "branch_of", "branches", "solved"]

s, p, q, d0, d1, r, r1, r2, w = sympy.symbols("s p q d_0 d_1 r r_1 r_2 w", real=True)
rho, theta, Delta, rest = sympy.symbols("rho theta Delta x_inf", real=True)
C, S = sympy.symbols("C S", real=True)


@dataclass(frozen=True)
class Step:
    """One line of an induction: ``left = right``, proved in the normal form, and its place."""

    left: Expr
    right: Expr
    place: str


@dataclass(frozen=True)
class Branch:
    """One form of the solution.

    ``formula`` gives x_t in terms of t, of ``rest``, of the first distances ``d_0``, ``d_1`` from
    it, and of what ``lets`` define. ``condition`` says when it holds (``None``: always).
    """

    kind: str
    condition: Expr | None
    lets: tuple[tuple[Symbol, Expr], ...]
    formula: Expr
    proof: tuple[Step, ...]


def _proved(left: Expr, right: Expr) -> bool:
    def program(expression: Expr) -> Program:
        graph = Graph()
        symbols = sorted(expression.free_symbols, key=lambda symbol: str(symbol.name))
        inputs: dict[Expr, int] = {symbol: graph.input(symbol.name) for symbol in symbols}
        return graph.program({"value": Reader(graph, inputs).read(expression)})

    return proved_equal(program(left), program(right), ranges={t.name: Range.counter(1)})


def _induction(form: Callable[[Expr], Expr], trace: Expr, product: Expr) -> tuple[Step, ...]:
    """That a form has the first values and satisfies the recurrence from t = 1 on."""
    steps = (
        Step(form(sympy.S.Zero), d0, "t = 0"),
        Step(form(sympy.S.One), d1, "t = 1"),
        Step(form(sympy.Integer(2)), trace * d1 - product * d0, "t = 2"),
        Step(form(t + 2), trace * form(t + 1) - product * form(t), "from t and t + 1 to t + 2"),
    )
    return _checked(steps)


def _checked(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for step in steps:
        if not _proved(step.left, step.right):
            raise UndecidedError(f"the induction fails at {step.place}: {step.left} = {step.right}")
    return steps


def _geometric() -> Branch:
    steps = (
        Step(d0 * q**0, d0, "t = 0"),
        Step(d0 * q, q * d0, "t = 1"),
        Step(d0 * q ** (t + 1), q * (d0 * q**t), "from t to t + 1"),
    )
    return Branch("geometric", None, (), rest + d0 * q**t, _checked(steps))


def _distinct() -> Branch:
    def form(at: Expr) -> Expr:
        one, two = (s + w) / 2, (s - w) / 2
        return (d1 - two * d0) / w * one**at - (d1 - one * d0) / w * two**at

    root = sympy.sqrt(Delta)
    return Branch(
        "distinct",
        sympy.Gt(Delta, 0, evaluate=False),
        ((r1, (s + root) / 2), (r2, (s - root) / 2)),
        rest + ((d1 - r2 * d0) * r1**t - (d1 - r1 * d0) * r2**t) / (r1 - r2),
        _induction(form, s, (s**2 - w**2) / 4),
    )


def _double() -> Branch:
    def form(at: Expr) -> Expr:
        if at == 0:
            return d0
        return d0 * r**at + at * (d1 - r * d0) * r ** (at - 1)

    return Branch(
        "double",
        sympy.Eq(Delta, 0, evaluate=False),
        ((r, s / 2),),
        rest + d0 * r**t + t * (d1 - r * d0) * r ** (t - 1),
        _induction(form, 2 * r, r**2),
    )


def _complex() -> Branch:
    def later(pair: tuple[Expr, Expr]) -> tuple[Expr, Expr]:
        a, b = pair
        return (s * a - w * b) / 2, (s * b + w * a) / 2

    def form(pair: tuple[Expr, Expr]) -> Expr:
        return d0 * pair[0] + (2 * d1 - s * d0) / w * pair[1]

    product = (s**2 + w**2) / 4
    first = (sympy.S.One, sympy.S.Zero)
    here = (C, S)
    steps = (
        Step(form(first), d0, "t = 0"),
        Step(form(later(first)), d1, "t = 1"),
        Step(form(later(later(here))), s * form(later(here)) - product * form(here),
             "from t and t + 1 to t + 2"),
    )  # fmt: skip
    return Branch(
        "complex",
        sympy.Lt(Delta, 0, evaluate=False),
        ((rho, sympy.sqrt(p)), (theta, sympy.acos(s / (2 * rho)))),
        rest
        + rho**t
        * (
            d0 * sympy.cos(t * theta)
            + (2 * d1 - s * d0) / sympy.sqrt(-Delta) * sympy.sin(t * theta)
        ),
        _checked(steps),
    )


def branches(order: int) -> tuple[Branch, ...]:
    """The branches of a recurrence of that order; none from three on (see :func:`solved`)."""
    if order == 1:
        return (_geometric(),)
    return (_distinct(), _double(), _complex()) if order == 2 else ()


def branch_of(coefficients: Sequence[Number]) -> str:
    """Which branch numbers lie in, decided exactly."""
    if len(coefficients) == 1:
        return "geometric"
    if len(coefficients) > 2:
        return "recurrence"
    product, trace = coefficients[0], -coefficients[1]
    return {1: "distinct", 0: "double", -1: "complex"}[sign(trace * trace - 4 * product)]


def solved(coefficients: Sequence[Number], first: Sequence[Number], at: int) -> Number:
    """The value of the branch that the numbers lie in, ``at`` steps after the first value.

    From order three on it is the power of the companion matrix, by repeated squaring of z modulo
    the polynomial: roots of cubics and beyond are not written out.

    >>> from fractions import Fraction
    >>> solved([Fraction(1, 4), Fraction(-1)], [Fraction(0), Fraction(1)], 5)  # 1/2 is double
    Fraction(5, 16)
    """
    kind = branch_of(coefficients)
    if kind == "recurrence":
        return _companion(coefficients, first, at)
    if at < len(first):
        return first[at]
    if kind == "geometric":
        return first[0] * (-coefficients[0]) ** at
    product, trace = coefficients[0], -coefficients[1]
    a, b = first
    if kind == "double":
        root = trace / 2
        return a * root**at + at * (b - root * a) * root ** (at - 1)
    radicand = trace * trace - 4 * product
    half = (trace * 0 + 1) / 2
    one, two = Surd(trace / 2, half, radicand), Surd(trace / 2, -half, radicand)
    if kind == "complex":  # its powers are C + S sqrt(-1), with the root of -Delta in S
        power = one**at
        return a * power.rational + (2 * b - trace * a) * power.surd
    total = (b - two * a) * one**at - (b - one * a) * two**at
    if sign(total.rational) != 0:
        raise ArithmeticError("a closed form of rational numbers is not rational")
    return total.surd


def _companion(coefficients: Sequence[Number], first: Sequence[Number], at: int) -> Number:
    size = len(coefficients)
    zero = coefficients[0] * 0

    def product(a: list[Number], b: list[Number]) -> list[Number]:
        full = [zero] * (2 * size - 1)
        for i, left in enumerate(a):
            for j, right in enumerate(b):
                full[i + j] = full[i + j] + left * right
        for top in range(2 * size - 2, size - 1, -1):
            for k in range(size):
                full[top - size + k] = full[top - size + k] - full[top] * coefficients[k]
        return full[:size]

    result = [zero + 1, *[zero] * (size - 1)]
    base = [zero, zero + 1, *[zero] * (size - 2)]
    exponent = at
    while exponent:
        if exponent & 1:
            result = product(result, base)
        base, exponent = product(base, base), exponent >> 1
    total = zero
    for weight, value in zip(result, first, strict=True):
        total = total + weight * value
    return total
