"""Gradient and Hessian as a person would write them, and the steps that lead there.

SymPy's own ``diff`` multiplies numbers into sums and so hides the chain rule: the gradient of
``(x + y)**2`` comes out as ``2*x + 2*y``. Here the derivative is taken term by term, factors stay
factors, and every rule that was applied is kept as a :class:`Step`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import sympy
from sympy import Add, Expr, Mul, Pow, S, Symbol

from symopt.errors import StatementError

if TYPE_CHECKING:
    from symopt.statement.objective import Objective

__all__ = ["Gradient", "Hessian", "Step", "differentiate", "gradient", "gradient_steps", "hessian"]

#: The matrix of second derivatives: an immutable SymPy matrix.
Hessian: TypeAlias = sympy.ImmutableMatrix


@dataclass(frozen=True)
class Step:
    """One application of a rule of differentiation: ``after`` is d ``before`` / d ``variable``.

    ``rule`` is ``"constant"``, ``"variable"``, ``"sum"``, ``"constant factor"``, ``"product"``,
    ``"power"``, ``"exponential"``, ``"maximum"``, ``"minimum"``, ``"cases"``, ``"chain"`` or the
    name of an elementary function. The children are what the rule needs: the derivatives of the
    terms, of the factors, and for ``"chain"`` first that of the outer function (with respect to a
    letter that stands for the inner one), then that of the inner function.
    """

    rule: str
    before: Expr
    after: Expr
    children: tuple[Step, ...]
    variable: Symbol

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    def _lines(self, depth: int) -> list[str]:
        line = f"{'  ' * depth}d/d{self.variable} [{self.before}] = {self.after}  ({self.rule})"
        return [line, *(text for child in self.children for text in child._lines(depth + 1))]


class Gradient(tuple[Expr, ...]):
    """The gradient: one SymPy expression per variable, in the order of the variables.

    >>> from symopt import Objective
    >>> print(gradient(Objective("(x + y)**2 + y**3", variables="x y")))
    df/dx = 2*(x + y)
    df/dy = 3*y**2 + 2*(x + y)
    """

    variables: tuple[Symbol, ...]

    def __new__(cls, components: Iterable[Expr], variables: Iterable[Symbol]) -> Gradient:
        made = super().__new__(cls, components)
        made.variables = tuple(variables)
        return made

    def __getnewargs__(self) -> tuple[tuple[Expr, ...], tuple[Symbol, ...]]:  # for copy, pickle
        return tuple(self), self.variables

    def __repr__(self) -> str:
        return f"Gradient({', '.join(map(str, self))})"

    def __str__(self) -> str:
        lines = [f"df/d{v} = {part}" for v, part in zip(self.variables, self, strict=True)]
        return "\n".join(lines)


def gradient(objective: Objective) -> Gradient:
    """The exact gradient, differentiated term by term with the chain rule left visible.

    Where a maximum, a minimum or an absolute value has a kink the derivative is that of one side
    (the first argument that attains the maximum; 0 for ``Abs``).

    >>> from symopt import Objective
    >>> gradient(Objective("(x*y - x + 3/2)**2", variables="x y"))
    Gradient(2*(y - 1)*(x*y - x + 3/2), 2*x*(x*y - x + 3/2))
    """
    containing: dict[Symbol, list[Expr]] = {variable: [] for variable in objective.variables}
    for term in Add.make_args(objective.expression):
        for symbol in term.free_symbols:
            containing[symbol].append(term)
    # A long sum is not asked once more for each variable: most terms hold few of them.
    components = (
        Add(*(differentiate(term, variable).after for term in terms))
        for variable, terms in containing.items()
    )
    return Gradient(components, objective.variables)


def gradient_steps(objective: Objective) -> tuple[Step, ...]:
    """How each component of the gradient is found: one tree of steps per variable.

    >>> from symopt import Objective
    >>> print(gradient_steps(Objective("3*sin(x**2)", variables="x"))[0])
    d/dx [3*sin(x**2)] = 6*x*cos(x**2)  (constant factor)
      d/dx [sin(x**2)] = 2*x*cos(x**2)  (chain)
        d/du [sin(u)] = cos(u)  (sine)
        d/dx [x**2] = 2*x  (power)
    """
    return tuple(differentiate(objective.expression, variable) for variable in objective.variables)


def hessian(objective: Objective) -> Hessian:
    """The exact symmetric matrix of second derivatives, each entry as a person would write it.

    >>> from symopt import Objective
    >>> hessian(Objective("x**2*y + (x + y)**4", variables="x y"))
    Matrix([
    [2*y + 12*(x + y)**2, 2*x + 12*(x + y)**2],
    [2*x + 12*(x + y)**2,     12*(x + y)**2]])
    """
    first, variables = gradient(objective), objective.variables
    rows: list[list[Expr]] = [[S.Zero] * len(variables) for _ in variables]
    for i, component in enumerate(first):
        for j in range(i, len(variables)):
            rows[i][j] = rows[j][i] = differentiate(component, variables[j]).after
    return Hessian(rows)


#: For each elementary function: what its rule is called, and its derivative.
_ELEMENTARY: dict[type, tuple[str, Callable[[Expr], Expr]]] = {
    sympy.exp: ("exponential", sympy.exp),
    sympy.log: ("logarithm", lambda u: 1 / u),
    sympy.sin: ("sine", sympy.cos),
    sympy.cos: ("cosine", lambda u: -sympy.sin(u)),
    sympy.tan: ("tangent", lambda u: 1 + sympy.tan(u) ** 2),
    sympy.atan: ("arctangent", lambda u: 1 / (1 + u**2)),
    sympy.sinh: ("hyperbolic sine", sympy.cosh),
    sympy.cosh: ("hyperbolic cosine", sympy.sinh),
    sympy.tanh: ("hyperbolic tangent", lambda u: 1 - sympy.tanh(u) ** 2),
    sympy.Abs: ("absolute value", sympy.sign),
    sympy.sign: ("sign", lambda u: S.Zero),  # almost everywhere
}


def differentiate(expression: Expr, variable: Symbol) -> Step:
    """The derivative of an expression, with the steps that lead to it.

    Raises :class:`~symopt.errors.StatementError` for a function without a known derivative.

    >>> from sympy.abc import x, y
    >>> differentiate((x*y - 1)**2, x).after
    2*y*(x*y - 1)
    """

    def step(rule: str, after: Expr, *children: Step) -> Step:
        return Step(rule, expression, after, children, variable)

    if expression == variable:
        return step("variable", S.One)
    if variable not in expression.free_symbols:
        return step("constant", S.Zero)
    if isinstance(expression, Add):
        terms = [differentiate(term, variable) for term in expression.args]
        return step("sum", Add(*(term.after for term in terms)), *terms)
    if isinstance(expression, Mul):
        return _product(expression, variable)
    if isinstance(expression, sympy.Max | sympy.Min):
        return _extremum(expression, variable)
    if isinstance(expression, sympy.Piecewise):
        cases = [differentiate(value, variable) for value, _ in expression.args]
        conditions = [condition for _, condition in expression.args]
        branches = [(case.after, c) for case, c in zip(cases, conditions, strict=True)]
        return step("cases", sympy.Piecewise(*branches), *cases)
    if isinstance(expression, Pow):
        base, exponent = expression.as_base_exp()
        if variable not in exponent.free_symbols:
            return _outer(
                "power", expression, base, variable, lambda u: _times(exponent, u ** (exponent - 1))
            )
        if variable not in base.free_symbols:
            return _outer(
                "exponential", expression, exponent, variable,
                lambda u: _times(sympy.log(base), base**u), make=lambda u: base**u,
            )  # fmt: skip
        return _general_power(expression, variable)
    if type(expression) in _ELEMENTARY:
        rule, derivative = _ELEMENTARY[type(expression)]
        return _outer(rule, expression, expression.args[0], variable, derivative)
    raise StatementError(
        f"no rule of differentiation for {type(expression).__name__} in {expression}; write it "
        "with powers, exp, log, sin, cos, tan, atan, sinh, cosh, tanh, Abs, Max, Min or Piecewise"
    )


def _times(*factors: Expr) -> Expr:
    """The product with its number in front, not multiplied into a sum."""
    product = Mul(*(part for factor in factors for part in _parts(factor) if not part.is_Number))
    number, rest = product.as_coeff_Mul()
    number = Mul(number, *(part for f in factors for part in _parts(f) if part.is_Number))
    if number == 1 or number == 0:
        return rest if number == 1 else S.Zero
    if isinstance(rest, Add):
        return Mul(number, rest, evaluate=False)
    return Mul(number, rest)


def _parts(factor: Expr) -> tuple[Expr, ...]:
    parts: tuple[Expr, ...] = Mul.make_args(factor)
    return parts


def _outer(
    rule: str,
    expression: Expr,
    inner: Expr,
    variable: Symbol,
    derivative: Callable[[Expr], Expr],
    make: Callable[[Expr], Expr] | None = None,
) -> Step:
    """A function of one argument; by the chain rule unless the argument is the variable."""
    slope = derivative(inner)
    if inner == variable:
        return Step(rule, expression, slope, (), variable)
    u = _letter(expression)
    rest = expression.args[1:]
    whole = make(u) if make else expression.func(u, *rest)
    outer = Step(rule, whole, derivative(u), (), u)
    inside = differentiate(inner, variable)
    # Constants of the inner derivative and of the outer one meet in front.
    return Step("chain", expression, _times(slope, inside.after), (outer, inside), variable)


def _letter(expression: Expr) -> Symbol:
    """A letter for the inner function that does not occur yet."""
    taken = {symbol.name for symbol in expression.free_symbols}
    names = ["u", "w", "z", *(f"u_{i}" for i in range(len(taken) + 1))]
    return Symbol(next(name for name in names if name not in taken), real=True)


def _product(expression: Expr, variable: Symbol) -> Step:
    moving = [part for part in expression.args if variable in part.free_symbols]
    constants = [part for part in expression.args if variable not in part.free_symbols]
    if len(moving) == 1:
        inside = differentiate(moving[0], variable)
        after = _times(*constants, inside.after)
        return Step("constant factor", expression, after, (inside,), variable)
    factors = [differentiate(part, variable) for part in moving]
    terms = [(factor.after, *moving[:i], *moving[i + 1 :]) for i, factor in enumerate(factors)]
    bare = _times(*moving)
    product = Step("product", bare, Add(*(_times(*t) for t in terms)), tuple(factors), variable)
    if not constants:
        return product
    after = Add(*(_times(*constants, *term) for term in terms))
    return Step("constant factor", expression, after, (product,), variable)


def _general_power(expression: Expr, variable: Symbol) -> Step:
    """u**v = exp(v*log(u)), so its derivative is u**v * d(v*log(u))."""
    base, exponent = expression.as_base_exp()
    inside = differentiate(Mul(exponent, sympy.log(base)), variable)
    after = _times(expression, inside.after)
    return Step("logarithmic derivative", expression, after, (inside,), variable)


def _extremum(expression: Expr, variable: Symbol) -> Step:
    """The slope of the first argument that attains the maximum (or minimum)."""
    largest = isinstance(expression, sympy.Max)
    arguments = [differentiate(argument, variable) for argument in expression.args]
    branches: list[tuple[Expr, object]] = []
    for i, argument in enumerate(arguments[:-1]):
        rest = expression.func(*expression.args[i + 1 :])
        branches.append((argument.after, argument.before >= rest if largest else
                         argument.before <= rest))  # fmt: skip
    branches.append((arguments[-1].after, sympy.true))
    rule = "maximum" if largest else "minimum"
    return Step(rule, expression, sympy.Piecewise(*branches), tuple(arguments), variable)
