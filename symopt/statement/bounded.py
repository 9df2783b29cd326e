"""Arithmetic on SymPy expressions that stays small and real, whatever it is asked.

SymPy evaluates as it builds: ``9**9**9`` would be computed, ``2**(x + 10**9)*2**(-x)`` too. Every
operation here bounds what SymPy could compute *before* it is asked, and looks at the result after.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Rational, S

from symopt.errors import ParseError

__all__ = ["ARITIES", "BoundedArithmetic"]

MAX_BITS = 100_000  # of what an operation might compute on its way
MAX_NUMBER_BITS = 14_000  # of a number that stays: Python writes at most 4300 digits
MAX_RADICAL_BITS = 256  # of a number under a root: SymPy looks for its factors
MAX_EXPONENT = 1000
# Inside a function or a root SymPy asks for signs, and may expand powers of sums to know them.
MAX_INNER_EXPONENT = 100
MAX_INNER_TERMS = 500
MAX_HEIGHT = 60  # SymPy is recursive, and differentiation is quadratic in the height
MAX_FOLDS = 12  # nested abs, sign, max, min: SymPy compares their arguments at every level
MAX_CHOICES = 12  # arguments of one max or min
MAX_COMPARED = 1000  # nodes in the arguments of one max or min

#: The functions of the language: least and greatest number of arguments.
ARITIES: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("sqrt", "exp", "log", "ln", "sin", "cos", "tan", "atan"), (1, 1)),
    **dict.fromkeys(("sinh", "cosh", "tanh", "abs", "Abs", "sign"), (1, 1)),
    **dict.fromkeys(("max", "min", "Max", "Min"), (2, MAX_CHOICES)),
}
_SYMPY: dict[str, Any] = {
    "log": sympy.log, "ln": sympy.log, "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan,
    "atan": sympy.atan, "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh,
    "abs": sympy.Abs, "Abs": sympy.Abs, "sign": sympy.sign, "max": sympy.Max, "Max": sympy.Max,
    "min": sympy.Min, "Min": sympy.Min,
}  # fmt: skip
_FLOAT: dict[Any, Callable[..., float]] = {
    Add: lambda *args: math.fsum(args), Mul: lambda *args: math.prod(args), Pow: math.pow,
    sympy.exp: math.exp, sympy.log: math.log, sympy.sin: math.sin, sympy.cos: math.cos,
    sympy.tan: math.tan, sympy.atan: math.atan, sympy.sinh: math.sinh, sympy.cosh: math.cosh,
    sympy.tanh: math.tanh, sympy.Abs: abs, sympy.sign: lambda a: math.copysign(1.0, a),
    sympy.Max: max, sympy.Min: min,
}  # fmt: skip
_FOLDS = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min)


class _Shape(NamedTuple):
    height: int
    folds: int  # how many abs, sign, max and min are nested
    nodes: int
    terms: float  # about how many terms it has when multiplied out
    spread: float  # the most terms that one product or power in it has when multiplied out
    exponent: float  # the largest exponent in it


class BoundedArithmetic:
    """Sums, products, powers and functions of the expressions of one text.

    Every method returns a SymPy expression that is real as far as SymPy can tell, or raises
    :class:`~symopt.errors.ParseError` saying what would be too large or has no real value.

    >>> bounded = BoundedArithmetic()
    >>> bounded.power(Integer(2), Integer(10))
    1024
    >>> bounded.power(Integer(9), Integer(387420489))
    Traceback (most recent call last):
      ...
    symopt.errors.ParseError: the power 9**387420489 would have about 1549681956 bits...
    """

    def __init__(self) -> None:
        self._shapes: dict[Expr, _Shape] = {}
        self._values: dict[Expr, float | None] = {}

    def add(self, terms: Sequence[Expr]) -> Expr:
        """The sum."""
        if len(terms) == 1:
            return terms[0]
        _refuse_bits(sum(_bits(term.as_coeff_Mul()[0]) for term in terms), "the sum")
        return self._checked(Add(*terms))

    def multiply(self, factors: Sequence[Expr]) -> Expr:
        """The product."""
        if len(factors) == 1:
            return factors[0]
        _refuse_bits(sum(map(self._growth, factors)), "the product")
        _refuse_radical(sum(map(_radical, factors)))
        return self._checked(Mul(*factors))

    def inverse(self, divisor: Expr) -> Expr:
        """``1/divisor``; refuses a divisor that is zero."""
        if divisor.is_zero or self._vanishes(divisor):
            which = "" if divisor is S.Zero else f": {_short(divisor)} is 0"
            raise ParseError(f"division by zero{which}; change the divisor")
        return self.power(divisor, S.NegativeOne)

    def power(self, base: Expr, exponent: Expr) -> Expr:
        """``base**exponent``."""
        if base is S.Exp1:
            return self.apply("exp", [exponent])
        if base.is_zero or self._vanishes(base):
            if not (exponent.is_positive and base is S.Zero):
                raise ParseError(
                    f"0 to the power {_short(exponent)} has no value unless the exponent is "
                    "positive; change the base"
                )
            return S.Zero
        if exponent.is_integer is not True and base.is_negative:
            raise ParseError(
                f"{_short(base)} is negative, so its power {_short(exponent)} is not real; "
                "take abs(...) of the base or an integer exponent"
            )
        if not isinstance(base, Rational):
            self._refuse_exponent(exponent)
        if not isinstance(exponent, Integer):
            self._refuse_inner(base)
            self._refuse_inner(exponent)
        if isinstance(exponent, Rational) and exponent.q != 1:
            _refuse_radical(_bits(base.as_coeff_Mul()[0]) + _radical(base))
        _refuse_bits(
            self._growth(base) * self._magnitude(exponent),
            f"the power {_factor(base)}**{_factor(exponent)}",
        )
        return self._checked(Pow(base, exponent))

    def apply(self, name: str, args: Sequence[Expr]) -> Expr:
        """A function of the language, by its name in :data:`ARITIES`."""
        if name == "sqrt":
            return self.power(args[0], S.Half)
        for arg in args:
            self._refuse_inner(arg)
        if name == "exp":
            value = self.value(args[0])
            if value is not None and value > 700:
                raise ParseError(f"exp({_short(args[0])}) is too large; take a smaller argument")
            _refuse_bits(self._log_growth(args[0]), f"exp({_short(args[0])})")
            return self._checked(sympy.exp(args[0]))
        if name in ("log", "ln") and (args[0].is_nonpositive or self._vanishes(args[0])):
            raise ParseError(
                f"{name}({_short(args[0])}) has no real value: the argument is not positive; "
                "take the logarithm of a positive expression"
            )
        if len(args) > 1:
            nodes = sum(self._shapes[arg].nodes for arg in args if arg in self._shapes)
            if nodes > MAX_COMPARED:
                raise ParseError(
                    f"the arguments of {name} have {nodes} terms and factors, too many to compare "
                    f"(at most {MAX_COMPARED}); use shorter ones"
                )
        try:
            result = _SYMPY[name](*args)
        except ValueError:  # so SymPy says that it cannot tell a constant's sign
            raise ParseError(
                f"the arguments of {name} cannot be compared; use numbers that differ clearly"
            ) from None
        if name == "tan":  # SymPy turns tan(x + pi/2) into a cotangent
            result = result.replace(sympy.cot, lambda a: sympy.cos(a) / sympy.sin(a))
        return self._checked(result)

    def value(self, expression: Expr) -> float | None:
        """About the value of a constant (infinite past the range of floats), else ``None``.

        Only bounds rest on this, never a number of the result.
        """
        if expression in self._values:
            return self._values[expression]
        found: float | None
        if isinstance(expression, Rational):
            try:
                found = int(expression.p) / int(expression.q)
            except OverflowError:
                found = math.inf if expression.p > 0 else -math.inf
        elif expression in (S.Pi, S.Exp1):
            found = float(expression)
        else:
            args = [self.value(arg) for arg in expression.args]
            known = [arg for arg in args if arg is not None]
            found = None
            if known and len(known) == len(args):
                try:
                    found = float(_FLOAT[expression.func](*known))
                except (ArithmeticError, ValueError):
                    found = math.inf
        self._values[expression] = found
        return found

    def _vanishes(self, expression: Expr) -> bool:
        """Whether a constant sum cannot be told from zero; SymPy would try for long."""
        if not isinstance(expression, Add) or self.value(expression) is None:
            return False
        sizes = [abs(self.value(term) or 0.0) for term in expression.args]
        return abs(self.value(expression) or 0.0) <= 1e-12 * math.fsum(sizes)

    def _growth(self, factor: Expr) -> float:
        """A bound on the bits of the numbers that meet when this is multiplied by others."""
        if isinstance(factor, Rational):
            return _bits(factor)
        if isinstance(factor, Mul):
            return sum(map(self._growth, factor.args))
        if isinstance(factor, sympy.exp):
            return self._log_growth(factor.args[0])
        if isinstance(factor, Pow):
            return self._growth(factor.base) * self._magnitude(factor.exp)
        return 0.0

    def _log_growth(self, exponent: Expr) -> float:
        """The same for ``exp(exponent)``: SymPy turns ``exp(n*log(3))`` into ``3**n``."""
        found = 0.0
        for term in Add.make_args(exponent):
            factors = Mul.make_args(term)
            for factor in factors:
                if isinstance(factor, sympy.log):
                    rest = math.prod(self._magnitude(f) for f in factors if f is not factor)
                    found += self._growth(factor.args[0]) * rest
        return found

    def _magnitude(self, exponent: Expr) -> float:
        """A bound (at least 1) on the numbers that an exponent can leave when symbols cancel."""
        value = self.value(exponent)
        if value is not None:
            return max(1.0, abs(value))
        if isinstance(exponent, Add):
            return sum(map(self._magnitude, exponent.args))
        if isinstance(exponent, Mul):
            return math.prod(map(self._magnitude, exponent.args))
        if isinstance(exponent, Pow) and exponent.exp.is_positive:
            base, power = self._magnitude(exponent.base), self._magnitude(exponent.exp)
            return math.inf if power * math.log2(base) > 1000 else base**power
        return 1.0

    def _refuse_exponent(self, exponent: Expr) -> None:
        if self._magnitude(exponent) > MAX_EXPONENT:
            raise ParseError(
                f"the exponent {_short(exponent)} is too large; use one between -{MAX_EXPONENT} "
                f"and {MAX_EXPONENT}"
            )

    def _refuse_inner(self, arg: Expr) -> None:
        shape = self._shapes.get(arg)
        if shape is None:  # a symbol, a number or a negation
            self._checked(arg)
            shape = self._shapes[arg]
        if shape.exponent > MAX_INNER_EXPONENT or shape.spread > MAX_INNER_TERMS:
            raise ParseError(
                f"the powers in {_short(arg)} are too large inside a function or a root (exponents "
                f"up to {MAX_INNER_EXPONENT}, {MAX_INNER_TERMS} terms when multiplied out); use "
                "smaller ones"
            )

    def _checked(self, result: Any) -> Expr:
        """The result, if every part of it that is new is real, finite and small."""
        stack = [result]
        while stack:
            node = stack[-1]
            new = [arg for arg in node.args if arg not in self._shapes]
            if new:
                stack.extend(new)
                continue
            stack.pop()
            if node not in self._shapes:
                self._shapes[node] = self._inspected(node)
        return result  # type: ignore[no-any-return]

    def _inspected(self, node: Any) -> _Shape:
        """The shape of a node whose parts are known, if it is real, finite and small."""
        if isinstance(node, (sympy.core.numbers.ComplexInfinity, sympy.core.numbers.NaN)):
            raise ParseError("this has no value: it divides by zero or is undefined; change it")
        if node in (S.Infinity, S.NegativeInfinity):
            raise ParseError("this is infinite; change it")
        if node is S.ImaginaryUnit or (
            isinstance(node, Pow) and node.base.is_negative and node.exp.is_integer is not True
        ):
            raise ParseError("this is not a real number; take the root or log of abs(...)")
        if isinstance(node, Rational):
            _refuse_bits(_bits(node), "this number", MAX_NUMBER_BITS)
        elif not isinstance(node, sympy.Symbol) and node not in (S.Pi, S.Exp1):
            if node.func not in _FLOAT:
                raise ParseError(
                    f"this becomes {node.func.__name__}(...), which the language does not have; "
                    "rewrite it"
                )
            if isinstance(node, Pow) and not isinstance(node.base, Rational):
                self._refuse_exponent(node.exp)
            value = self.value(node)
            if value is not None and not math.isfinite(value):
                raise ParseError("this constant is past the range of floats; write a smaller one")
        below = [self._shapes[arg] for arg in node.args]
        terms, exponent = max((part.terms for part in below), default=1.0), 1.0
        spread = 1.0
        if isinstance(node, Add):
            terms = sum(part.terms for part in below)
        elif isinstance(node, Mul):
            terms = spread = math.prod(part.terms for part in below)
        elif isinstance(node, Pow):
            exponent = self._magnitude(node.exp)
            terms = spread = _terms_of_power(below[0].terms, exponent)
            exponent = 1.0 if isinstance(node.base, Rational) else exponent
        shape = _Shape(
            height=1 + max((part.height for part in below), default=0),
            folds=isinstance(node, _FOLDS) + max((part.folds for part in below), default=0),
            nodes=1 + sum(part.nodes for part in below),
            terms=min(terms, 1e9),
            spread=max(spread, *(part.spread for part in below), 1.0),
            exponent=max(exponent, *(part.exponent for part in below), 1.0),
        )
        if shape.height > MAX_HEIGHT or shape.folds > MAX_FOLDS:
            raise ParseError("this is nested too deeply; write it with fewer levels")
        return shape


def _bits(number: Expr) -> int:
    """The bits of the larger of numerator and denominator; 0 for 0, 1 and -1."""
    if not isinstance(number, Rational):
        return 0
    size = max(abs(int(number.p)), int(number.q))
    return size.bit_length() if size > 1 else 0


def _terms_of_power(terms: float, exponent: float) -> float:
    """How many terms a sum of so many has when raised to a power and multiplied out."""
    if terms <= 1:
        return 1.0
    if terms + exponent > 1e4:
        return math.inf
    few, many = sorted((math.ceil(exponent), math.ceil(terms) - 1))
    return float(math.comb(few + many, few)) if few < 20 else math.inf


def _radical(factor: Expr) -> int:
    """The bits under the roots of a factor: roots of numbers meet under one root."""
    return sum(
        _bits(power.base)
        for power in Mul.make_args(factor)
        if isinstance(power, Pow) and isinstance(power.exp, Rational)
    )


def _refuse_bits(bits: float, what: str, limit: int = MAX_BITS) -> None:
    if bits > limit:
        raise ParseError(
            f"{what} would have about {bits:.10g} bits, more than {limit}; use smaller numbers"
        )


def _refuse_radical(bits: int) -> None:
    if bits > MAX_RADICAL_BITS:
        raise ParseError(
            f"a number of {bits} bits under a root is too long (at most {MAX_RADICAL_BITS}); "
            "use a shorter number"
        )


def _short(expression: Expr) -> str:
    """An expression for a message; long numbers are not written out."""
    if any(_bits(number) > 200 for number in expression.atoms(Rational)):
        return "(a long number)"
    text = str(expression)
    return text if len(text) <= 40 else text[:37] + "..."


def _factor(expression: Expr) -> str:
    text = _short(expression)
    return text if expression.is_Atom and not text.startswith("-") else f"({text})"
