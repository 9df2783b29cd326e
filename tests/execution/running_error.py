"""A running error analysis of programs: how far rounding can carry a float result, rigorously.

Every node gets its exact value (a ball) and a bound for the distance of the computed value from
it (Higham, Accuracy and Stability of Numerical Algorithms, section 3.3, in the model
``fl(a op b) = (a op b)(1 + d) + e`` with ``|d| <= u`` and ``|e|`` at most half the smallest
subnormal number). Written for the tests alone: it shares nothing with the printers.
"""

import math
from fractions import Fraction

from flint import arb, ctx, fmpq

#: Unit roundoff and smallest subnormal number.
FORMATS = {"float64": (2.0**-53, 2.0**-1074), "float32": (2.0**-24, 2.0**-149)}
#: Errors in units of u: one rounding for + - * / sqrt; the C library and NumPy promise less than
#: 4 ulp for the functions that occur (NumPy's float32 vector functions are the coarsest).
FUNCTION = 8
BITS = 300

_EXACT = {
    "neg": lambda a: -a,
    "abs": abs,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "sqrt": lambda a: a.sqrt(),
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "sin": lambda a: a.sin(),
    "cos": lambda a: a.cos(),
    "max": lambda a, b: a.max(b),
    "min": lambda a, b: a.min(b),
    "sign": lambda a: arb((a > 0) - (a < 0)),
    "lt": lambda a, b: arb(int(a < b)),
    "le": lambda a, b: arb(int(a <= b)),
    "eq": lambda a, b: arb(int(bool((a - b).is_zero()))),
    "and": lambda a, b: a * b,
    "or": lambda a, b: a.max(b),
    "not": lambda a: 1 - a,
    "select": lambda c, a, b: a if c == 1 else b,
}


def exact_fraction(value):
    return arb(fmpq(value.numerator, value.denominator))


def analyze(program, inputs, arithmetic="float64"):
    """For each output its exact value, as a ball, and a bound for a computed value's distance.

    ``inputs`` maps labels to fractions that the format holds exactly. A bound is infinite where
    rounding may decide a comparison or swallow a divisor.
    """
    u, tiny = FORMATS[arithmetic]

    def visit(node, args):
        if node.op == "const":
            near = _rounded(node.value, u)
            return exact_fraction(node.value), float(abs(near - node.value)) * 1.01
        if node.op == "input":
            return exact_fraction(Fraction(inputs[node.value])), 0.0
        if node.op in ("pi", "e"):
            value = arb.pi() if node.op == "pi" else arb(1).exp()
            return value, 4 * u
        values = [value for value, _ in args]
        errors = [error for _, error in args]
        value = _power(*values) if node.op == "pow" else _EXACT[node.op](*values)
        zeros = [value.is_zero() and not error for value, error in args]
        if (node.op == "mul" and any(zeros)) or (node.op == "div" and zeros[0]):
            return value, 0.0  # zero times anything is zero without rounding
        with_error = _propagated(node.op, [_size(v) for v in values], errors, _size(value))
        size = _size(value)
        if math.isnan(with_error) or math.isnan(size):
            return value, math.inf
        if node.op in ("neg", "abs", "max", "min", "sign", "lt", "le", "eq", "and", "or", "not"):
            return value, _decided(node.op, values, errors, with_error)
        if node.op == "select":
            return value, math.inf if errors[0] else errors[1 if values[0] == 1 else 2]
        units = 1 if node.op in ("add", "sub", "mul", "div", "sqrt") else FUNCTION
        underflow = 0.0 if node.op in ("add", "sub") else tiny  # sums are exact down there
        return value, (with_error + units * u * (size + with_error) + underflow) * (1 + 2**-40)

    before = ctx.prec
    ctx.prec = BITS
    try:
        return program.fold(visit)
    finally:
        ctx.prec = before


def _rounded(value, u):
    """Within one unit of the last place of the nearest number of the format."""
    if value == 0:
        return value
    return value * (1 + Fraction(u)) if _needs_rounding(value, u) else value


def _needs_rounding(value, u):
    bits = round(-math.log2(u))
    top = value.numerator
    odd = abs(top) // (abs(top) & -abs(top))
    return value.denominator & (value.denominator - 1) != 0 or odd.bit_length() > bits


def _size(value):
    return float(abs(value).upper()) if value.is_finite() else math.nan


def _power(base, exponent):
    whole = exponent.unique_fmpz()
    return base ** int(whole) if whole is not None else base**exponent


def _propagated(op, sizes, errors, result):
    """What errors of the arguments can do to the exact result."""
    if op in ("add", "sub"):
        return errors[0] + errors[1]
    if op == "mul":
        return sizes[0] * errors[1] + sizes[1] * errors[0] + errors[0] * errors[1]
    if op == "div":
        least = sizes[1] - errors[1]
        return (errors[0] + result * errors[1]) / least if least > 0 else math.inf
    if op == "sqrt":
        least = max(sizes[0] - errors[0], 0.0)
        if errors[0] == 0:
            return 0.0
        return errors[0] / (math.sqrt(sizes[0]) + math.sqrt(least))
    if op == "pow":
        least = sizes[0] - errors[0]
        if errors[0] == errors[1] == 0:
            return 0.0
        if least <= 0:
            return math.inf
        slope = sizes[1] * errors[0] / least + abs(math.log(least)) * errors[1]
        return result * math.expm1(min(slope * 1.01, 700.0))
    if op == "exp":
        return result * math.expm1(min(errors[0], 700.0))
    if op == "log":
        least = sizes[0] - errors[0]
        return errors[0] / least if least > 0 else math.inf
    return max(errors)


def _decided(op, values, errors, error):
    if op in ("neg", "abs"):
        return error
    if op in ("max", "min"):
        return error
    if op == "sign":
        return 0.0 if errors[0] == 0 or _size(values[0]) > errors[0] else math.inf
    if op in ("lt", "le", "eq"):
        gap = abs(values[0] - values[1])
        return 0.0 if sum(errors) == 0 or float(gap.lower()) > sum(errors) else math.inf
    return math.inf if any(errors) else 0.0
