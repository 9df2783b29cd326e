"""The arithmetics: what the names in generated code mean, and how numbers enter and leave.

The same generated loop runs in each of them. ``float64`` uses Python floats and the C library's
functions; ``array`` uses NumPy (batches, float32); ``rational`` uses python-flint's ``fmpq``;
``ball`` uses its ``arb``, midpoint-radius enclosures at the precision in force.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from symopt.errors import InexactError, UndecidedError, UndefinedError
from symopt.program.graph import exact_root
from symopt.program.printers.python import ARRAY, EXACT, FLOAT, Dialect

__all__ = ["Arithmetic", "array", "ball", "float64", "guarded", "lanes", "precision", "rational"]


@dataclass(frozen=True)
class Arithmetic:
    """A dialect of generated code, the functions it calls, and the way in for exact numbers."""

    name: str
    dialect: Dialect
    functions: dict[str, Any]
    convert: Callable[[Fraction], Any]


def nearest(value: Fraction) -> float:
    """The binary64 number nearest to a rational; infinite where it is out of range."""
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _maximum(a: Any, b: Any) -> Any:
    return a if a >= b or a != a else b


def _minimum(a: Any, b: Any) -> Any:
    return a if a <= b or a != a else b


def _sign(a: Any) -> Any:
    return a if a != a or a == 0 else math.copysign(1.0, a)


_MATH = ("sqrt", "exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")


def float64() -> Arithmetic:
    """Python floats. Division by zero and roots of negative numbers raise, as Python has it."""
    functions = {name: getattr(math, name) for name in _MATH}
    functions |= {"maximum": _maximum, "minimum": _minimum, "sign": _sign, "power": math.pow}
    return Arithmetic("float64", FLOAT, {**functions, "pi": math.pi, "e": math.e}, nearest)


def _quiet(function: Callable[[float], float]) -> Callable[[Any], np.float64]:
    def quiet(a: Any) -> np.float64:
        try:
            return np.float64(function(float(a)))
        except ValueError:  # the C library's domain error: log(0) is -inf, sqrt(-1) is nan
            return np.float64(-np.inf if function is math.log and a == 0 else np.nan)
        except OverflowError:
            odd = function is math.sinh
            return np.float64(math.copysign(math.inf, a) if odd else math.inf)

    return quiet


def _quiet_power(a: Any, b: Any) -> np.float64:
    try:
        return np.float64(math.pow(a, b))
    except (ValueError, OverflowError):
        return np.float64(a) ** np.float64(b)  # type: ignore[no-any-return]


def _steps_in(dtype: type[np.floating[Any]]) -> Callable[[int, int], Iterator[Any]]:
    """``range`` for generated loops, so that 1/(t - 1) is infinite at t = 1 and does not raise."""
    return lambda first, last: map(dtype, range(first, last))


def guarded() -> Arithmetic:
    """The same numbers as :func:`float64`, bit for bit, with inf and nan instead of exceptions."""
    functions: dict[str, Any] = {name: _quiet(getattr(math, name)) for name in _MATH}
    functions |= {
        "maximum": _maximum, "minimum": _minimum, "sign": lambda a: np.float64(_sign(a)),
        "power": _quiet_power, "range": _steps_in(np.float64), "pi": math.pi, "e": math.e,
    }  # fmt: skip
    return Arithmetic("float64", FLOAT, functions, lambda value: np.float64(nearest(value)))


def array(dtype: type[np.floating[Any]]) -> Arithmetic:
    """NumPy arrays or scalars of one dtype; Python literals take the dtype of what they meet."""
    ufuncs = {
        "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos,
        "tan": np.tan, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
        "maximum": np.maximum, "minimum": np.minimum, "sign": np.sign,
    }  # fmt: skip

    def where(condition: Any, then: Any, otherwise: Any) -> Any:
        return np.where(condition, np.asarray(then, dtype), np.asarray(otherwise, dtype))[()]

    # Of two literals NumPy would make binary64, and everything after them would follow.
    functions: dict[str, Any] = {
        name: partial(function, dtype=dtype) for name, function in ufuncs.items()
    }
    functions |= {
        "where": where, "range": _steps_in(dtype), "logical_and": np.logical_and,
        "logical_or": np.logical_or, "logical_not": np.logical_not, "pi": math.pi, "e": math.e,
    }  # fmt: skip
    return Arithmetic(dtype.__name__, ARRAY, functions, lambda value: round_to(value, dtype))


def lanes(dtype: type[np.floating[Any]]) -> Arithmetic:
    """NumPy blocks of one dtype: the functions of :func:`array`, and those that fill a buffer."""
    base = array(dtype)

    def raised(a: Any, b: Any, out: Any) -> None:
        out[...] = a**b  # the operator has its own ways with some exponents, which power() has not

    known: dict[int, tuple[Any, Any, Any]] = {}

    def distinct(values: Any) -> tuple[Any, Any, Any]:
        """An array, its distinct numbers, and where they stand; looked up once for each array."""
        entry = known.get(id(values))
        if entry is None:
            bits, place = np.unique(values.view(f"u{values.itemsize}"), return_inverse=True)
            if len(known) > 8:
                known.clear()
            entry = known[id(values)] = values, bits.view(dtype), place
        return entry

    def power(a: Any, b: Any) -> Any:
        """Each as a single run has it: NumPy may have other code for arrays than for numbers."""
        if not np.ndim(a) and not np.ndim(b):
            return a**b
        if np.ndim(a) and not np.ndim(b):
            _, bases, place = distinct(a)
            exponent = dtype(b)
            return np.fromiter((base**exponent for base in bases), dtype, len(bases))[place]
        bases, exponents = np.broadcast_arrays(np.asarray(a, dtype), np.asarray(b, dtype))
        return np.fromiter(map(pow, bases, exponents), dtype, len(bases))

    functions: dict[str, Any] = {
        name: getattr(np, name)
        for name in (
            "add", "subtract", "multiply", "divide", "square", "negative", "absolute", "less",
            "less_equal", "equal", "copyto",
        )
    }  # fmt: skip
    functions |= {"number": partial(np.asarray, dtype=dtype), "raised": raised, "power": power}
    return replace(base, functions={**base.functions, **functions})


def round_to(value: Fraction, dtype: type[np.floating[Any]]) -> Any:
    """The nearest number of a NumPy type, rounded once (binary64 in between would round twice)."""
    if dtype is np.float64:
        return np.float64(nearest(value))
    with np.errstate(over="ignore"):
        coarse = dtype(nearest(value))
    if not np.isfinite(coarse):
        return coarse
    candidates = [coarse, np.nextafter(coarse, dtype(-np.inf)), np.nextafter(coarse, dtype(np.inf))]
    return min(
        (candidate for candidate in candidates if np.isfinite(candidate)),
        key=lambda candidate: (
            abs(Fraction(float(candidate)) - value), int(candidate.view(np.uint32)) & 1
        ),
    )  # fmt: skip


@contextmanager
def precision(bits: int | None) -> Iterator[None]:
    """Flint's working precision for the time of a block; ``None`` leaves it as it is."""
    if bits is None:
        yield
        return
    from flint import ctx

    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def _exact_comparisons() -> dict[str, Any]:
    return {
        "less": lambda a, b: a < b,
        "less_equal": lambda a, b: a <= b,
        "equal": lambda a, b: a == b,
        "maximum": max,
        "minimum": min,
        "absolute": abs,
        "sign": lambda a: (a > 0) - (a < 0),
    }


def rational() -> Arithmetic:
    """Exact rationals. What has no rational value raises :class:`InexactError`."""
    from flint import fmpq, fmpz

    def refuse(name: str) -> Callable[..., Any]:
        def refused(*_: Any) -> Any:
            raise InexactError(
                f"{name} has no rational value in general; use arithmetic='ball' for certified "
                "digits"
            )

        return refused

    def sqrt(a: Any) -> Any:
        if a < 0:
            raise UndefinedError("the square root of a negative number")
        value = fmpq(a)
        root = exact_root(Fraction(int(value.p), int(value.q)))
        if root is None:
            raise InexactError(
                "a square root is irrational here; use arithmetic='ball' for certified digits"
            )
        return fmpq(root.numerator, root.denominator)

    def divide(a: Any, b: Any) -> Any:
        if b == 0:
            raise UndefinedError("division by zero")
        return fmpq(a) / fmpq(b)

    def power(a: Any, b: Any) -> Any:
        exponent = fmpq(b)
        if exponent.q != 1:
            raise InexactError(
                f"a power with exponent {exponent} is irrational in general; use "
                "arithmetic='ball' for certified digits"
            )
        if a == 0 and exponent < 0:
            raise UndefinedError("division by zero")
        return fmpq(a) ** int(exponent.p)

    functions = {name: refuse(name) for name in _MATH}
    functions |= _exact_comparisons()
    functions |= {
        "sqrt": sqrt, "divide": divide, "power": power, "ratio": lambda p, q: fmpq(p, q),
        "pi": refuse("pi"), "e": refuse("e"),
    }  # fmt: skip
    return Arithmetic(
        "rational",
        EXACT,
        functions,
        lambda value: fmpq(fmpz(value.numerator), fmpz(value.denominator)),
    )


def ball() -> Arithmetic:
    """Enclosures at flint's current precision. What a ball cannot decide raises, never guesses."""
    from flint import arb, fmpq, fmpz

    def function(name: str) -> Callable[[Any], Any]:
        return lambda a: getattr(arb(a), name)()

    def sqrt(a: Any) -> Any:
        value = arb(a)
        if value < 0:
            raise UndefinedError("the square root of a negative number")
        if value.is_zero():
            return value
        if not value >= 0:
            raise UndecidedError("whether the argument of a square root is negative")
        return value.sqrt()

    def log(a: Any) -> Any:
        value = arb(a)
        if value <= 0:
            raise UndefinedError("the logarithm of a number that is not positive")
        if not value > 0:
            raise UndecidedError("whether the argument of a logarithm is positive")
        return value.log()

    def divide(a: Any, b: Any) -> Any:
        divisor = arb(b)
        if divisor.is_zero():
            raise UndefinedError("division by zero")
        if divisor.contains(0):
            raise UndecidedError("whether a divisor is zero")
        return arb(a) / divisor

    def power(a: Any, b: Any) -> Any:
        if isinstance(b, int):
            return arb(a) ** b if b >= 0 else divide(1, arb(a) ** -b)
        base, exponent = arb(a), arb(b)
        if base < 0:
            raise UndefinedError("a real power of a negative number")
        if base.is_zero() and exponent > 0:
            return base
        if base.is_zero() and exponent < 0:
            raise UndefinedError("division by zero")
        if not base > 0:
            raise UndecidedError("whether the base of a real power is positive")
        return base**exponent

    def less(a: Any, b: Any) -> bool:
        difference = arb(a) - b
        if difference < 0:
            return True
        if difference >= 0:
            return False
        raise UndecidedError("which of two nearly equal numbers is smaller")

    def equal(a: Any, b: Any) -> bool:
        difference = arb(a) - b
        if difference.is_zero():
            return True
        if not difference.contains(0):
            return False
        raise UndecidedError("whether two numbers are equal")

    def sign(a: Any) -> Any:
        value = arb(a)
        if value.is_zero():
            return arb(0)
        if value.contains(0):
            raise UndecidedError("the sign of a number near zero")
        return arb(1) if value > 0 else arb(-1)

    functions: dict[str, Any] = {name: function(name) for name in _MATH}
    functions |= {
        "sqrt": sqrt, "log": log, "divide": divide, "power": power, "less": less,
        "less_equal": lambda a, b: not less(b, a), "equal": equal, "sign": sign,
        "maximum": lambda a, b: arb(a).max(arb(b)), "minimum": lambda a, b: arb(a).min(arb(b)),
        "absolute": lambda a: abs(arb(a)), "ratio": lambda p, q: arb(fmpq(p, q)),
        "pi": arb.pi, "e": lambda: arb(1).exp(),
    }  # fmt: skip
    return Arithmetic(
        "ball",
        EXACT,
        functions,
        lambda value: arb(fmpq(fmpz(value.numerator), fmpz(value.denominator))),
    )
