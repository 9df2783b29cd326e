"""What rounding can explain: rigorous bounds on a program's result in floating-point arithmetic.

Each operation is ``z = (x o y) + e`` with ``|e| <= w * half ulp(sup |x o y|)``, gradual underflow
included; ``w`` is 1 for + - * / and roots (correctly rounded) and 2 for the C library's functions.
The program is evaluated in balls over the whole box of admissible errors, then differentiated in
reverse with ball adjoints; by the mean value theorem

    |computed - exact|  <=  sum over operations of  sup |d result / d e| * max |e|,

with nothing left out at second order. Since e = 0 is admissible, fused multiply-add and excess
precision are covered. Operations that are exact (a result that is representable, products with
powers of two, Sterbenz subtractions) get e = 0. Not modelled: flush-to-zero, approximate
reciprocal roots, TF32, rounding modes other than to nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symopt.program.graph import Label, Node, Program

__all__ = [
    "FORMATS", "Bounded", "Format", "Input", "Profile", "Tape", "bound_outputs",
    "partial_derivatives",
]  # fmt: skip

#: Bits of the balls in which bounds are computed.
PRECISION = 192


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: bits of significand, least and largest exponent."""

    name: str
    precision: int
    least: int
    largest: int


FORMATS = {
    "float64": Format("float64", 53, -1022, 1023),
    "float32": Format("float32", 24, -126, 127),
    "float16": Format("float16", 11, -14, 15),
    "bfloat16": Format("bfloat16", 8, -126, 127),
}


@dataclass(frozen=True)
class Profile:
    """Which formats an implementation computes in: that of arrays, and that of scalars.

    ``kept`` is the format in which scalars that are carried from step to step are computed and
    kept, and ``received`` the one to which scalars that come from outside (hyperparameters) are
    rounded first, where these differ from ``scalar``. With ``products``, powers with a whole
    exponent are made by multiplications (``b*b*...``, squarings, a running product), which round
    once each, and not by the C library.
    """

    tensor: Format
    scalar: Format
    kept: Format | None = None
    received: Format | None = None
    products: bool = False

    @property
    def name(self) -> str:
        parts = [self.tensor.name]
        if self.tensor is not self.scalar:
            parts.append(f"scalars in {self.scalar.name}")
        if self.kept is not None:
            parts.append(f"scalar state in {self.kept.name}")
        if self.received is not None:
            parts.append(f"hyperparameters rounded to {self.received.name}")
        if self.products:
            parts.append("powers by multiplication")
        return ", ".join(parts)


@dataclass(frozen=True)
class Input:
    """A value that enters: an exact centre, and how far the implementation's own may be off.

    ``outside`` marks what the implementation was given (a hyperparameter), which it rounds first
    to its own format of scalars.
    """

    value: Any
    radius: Any = 0
    outside: bool = False


@dataclass(frozen=True)
class Bounded:
    """An output: its exact value, the bound on the computed one's deviation, and sensitivities.

    ``radius`` is infinite where nothing can be bounded (a divisor that may be zero, an undecided
    branch). ``sensitivity`` gives the derivative by each input, at the exact values.
    """

    value: Any
    radius: Any
    sensitivity: Mapping[Label, Any]


class _Entry:
    """One line of the tape: an operation, its exact value, its box, and its own error."""

    __slots__ = ("args", "box", "error", "exact", "label", "op", "scalar")

    def __init__(
        self, op: str, args: tuple[int, ...], exact: Any, box: Any, error: Any, scalar: bool
    ) -> None:
        self.op, self.args, self.exact, self.box = op, args, exact, box
        self.error, self.scalar = error, scalar
        self.label: Label = None


class Tape:
    """A program run once in balls: every operation with its exact value, its box and its error."""

    def __init__(self, profile: Profile) -> None:
        from flint import arb

        self.arb = arb
        self.profile = profile
        self.entries: list[_Entry] = []
        self.zero = arb(0)
        self.infinite = arb("inf")

    # -- formats -----------------------------------------------------------------------------
    def _sup(self, ball: Any) -> Any:
        """A number as large as any in the ball; of an exact one itself, whatever its length."""
        return ball.mid() if ball.is_exact() else abs(ball).upper()

    def _exponent(self, positive: Any) -> int:
        mantissa, exponent = positive.man_exp()
        return abs(int(mantissa)).bit_length() - 1 + int(exponent)

    def _half_ulp(self, box: Any, form: Format, weight: int) -> Any:
        if not box.is_finite():
            return self.infinite
        size = self._sup(box)
        if size == 0:
            return self.zero
        exponent = max(self._exponent(size), form.least)
        if exponent > form.largest:
            return self.infinite
        return self.arb((weight, exponent - form.precision))

    def _multiplied(self, exponent: Any, box: Any, form: Format) -> Any:
        """The error of a power made by multiplications, ``None`` where the exponent is not whole.

        Each factor counts one relative rounding at most once, in whatever order they are
        multiplied: the n-th power has n - 1. Intermediate powers of a base below 1 are larger than
        the result, so underflow adds at most n - 1 halves of the least subnormal number; those of
        a larger base do not underflow.
        """
        count = exponent.unique_fmpz() if exponent.is_exact() else None
        if count is None or count < 1 or not box.is_finite():
            return None
        if self._sup(box) != 0 and self._exponent(self._sup(box)) > form.largest:
            return self.infinite
        once = int(count) - 1
        unit = self.arb((1, -form.precision))
        tiny = self.arb((once, form.least - form.precision))
        return (self._sup(box) * ((1 + unit) ** once - 1) + tiny).upper()

    def _fits(self, value: Any, form: Format) -> bool:
        """Whether an exact number is representable."""
        if not value.is_exact() or not value.is_finite():
            return False
        mantissa, exponent = (int(part) for part in value.man_exp())
        if mantissa == 0:
            return True
        length = abs(mantissa).bit_length()
        return (
            length <= form.precision
            and exponent >= form.least - form.precision + 1
            and length - 1 + exponent <= form.largest
        )

    def _push(
        self, op: str, args: tuple[int, ...], exact: Any, box: Any, weight: int, scalar: bool,
        form: Format | None = None,
    ) -> int:  # fmt: skip
        form = form or (self.profile.scalar if scalar else self.profile.tensor)
        error = self.zero
        if weight and not self._is_exact(op, args, box, form):
            error = self._half_ulp(box, form, weight)
            if op == "pow" and self.profile.products:
                made = self._multiplied(self.entries[args[1]].box, box, form)
                error = error if made is None else made
            # An infinite error makes everything after it unbounded, which is what is meant.
            box = box + self.arb(0, error) if error.is_finite() else self.arb("nan")
        self.entries.append(_Entry(op, args, exact, box, error, scalar))
        return len(self.entries) - 1

    def _is_exact(self, op: str, args: tuple[int, ...], box: Any, form: Format) -> bool:
        if box.is_exact() and self._fits(box, form):
            return True
        if op in ("add", "sub"):
            return self._sterbenz(op, args, form)
        if op in ("mul", "div"):
            return self._by_power_of_two(op, args, box, form)
        return False

    def _sterbenz(self, op: str, args: tuple[int, ...], form: Format) -> bool:
        a, b = self.entries[args[0]], self.entries[args[1]]
        x, y = a.box, b.box if op == "sub" else -b.box
        close = bool(x * 2 >= y and y * 2 >= x and x > 0) or bool(
            x * 2 <= y and y * 2 <= x and x < 0
        )
        # Both operands must themselves be numbers of the format.
        return close and all(self._form(e) is form or self._fits(e.box, form) for e in (a, b))

    def _form(self, entry: _Entry) -> Format | None:
        if entry.op == "const" and not self._fits(entry.box, self.profile.scalar):
            return self.profile.scalar
        return self.profile.scalar if entry.scalar else self.profile.tensor

    def _by_power_of_two(self, op: str, args: tuple[int, ...], box: Any, form: Format) -> bool:
        if not box.is_finite():
            return False
        candidates = args if op == "mul" else args[1:]
        for index in candidates:
            value = self.entries[index].box
            finite = value.is_exact() and value.is_finite()
            if finite and value != 0 and abs(int(value.man_exp()[0])) == 1:
                low = abs(box).lower()
                return bool(
                    low > 0
                    and self._exponent(low) > form.least
                    and self._exponent(self._sup(box)) < form.largest
                )
        return False

    # -- leaves and casts --------------------------------------------------------------------
    def constant(self, value: Fraction) -> int:
        from flint import fmpq

        exact = self.arb(fmpq(value.numerator, value.denominator))
        return self._push("const", (), exact, exact, 1, True)

    def input(self, label: Label, given: Input, scalar: bool) -> int:
        value = given.value
        if isinstance(value, Fraction):
            from flint import fmpq

            value = self.arb(fmpq(value.numerator, value.denominator))
        exact = value if isinstance(value, self.arb) else self.arb(value)
        radius = self.arb(given.radius)
        box = exact + self.arb(0, radius.upper()) if radius != 0 else exact
        entry = _Entry("input", (), exact, box, radius, scalar)
        entry.label = label
        self.entries.append(entry)
        index = len(self.entries) - 1
        form = self.profile.received or self.profile.scalar
        if not given.outside or self._fits(box, form):
            return index
        return self._push("cast", (index,), exact, box, 1, scalar, form)

    def cast(self, index: int, form: Format) -> int:
        """A scalar that meets numbers of a shorter format is rounded to it."""
        entry = self.entries[index]
        if not entry.scalar or self._fits(entry.box, form):
            return index
        if form.precision >= self.profile.scalar.precision:
            return index
        scalar = form is not self.profile.tensor
        return self._push("cast", (index,), entry.exact, entry.box, 1, scalar, form)

    # -- operations --------------------------------------------------------------------------
    def operation(self, node: Node, args: list[int], form: Format | None = None) -> int:
        """An operation, in ``form`` where that is given."""
        scalar = all(self.entries[arg].scalar for arg in args)
        if node.op in ("add", "sub", "mul", "div", "max", "min") and (form or not scalar):
            args = [self.cast(arg, form or self.profile.tensor) for arg in args]
        exact, box, weight = _FORWARD.get(node.op, _function)(
            self, node, [self.entries[arg].exact for arg in args],
            [self.entries[arg].box for arg in args],
        )  # fmt: skip
        return self._push(node.op, tuple(args), exact, box, weight, scalar, form)

    def decide(self, op: str, a: Any, b: Any) -> bool | None:
        """A comparison of two boxes, ``None`` where they overlap."""
        if op == "eq":
            difference = a - b
            return True if difference == 0 else (None if difference.contains(0) else False)
        if op == "lt":
            return True if a < b else (False if a >= b else None)
        return True if a <= b else (False if a > b else None)

    # -- reverse -----------------------------------------------------------------------------
    def bound(self, output: int) -> Bounded:
        at_exact: dict[int, Any] = {output: self.arb(1)}
        in_box: dict[int, Any] = {output: self.arb(1)}
        total = self.zero
        sensitivity: dict[Label, Any] = {}
        for index in range(output, -1, -1):
            if index not in in_box:
                continue
            entry = self.entries[index]
            here, around = at_exact[index], in_box[index]
            if here == 0 and around == 0 and entry.args:
                continue  # a branch that is not taken anywhere in the box: it may be undefined
            if entry.error != 0:
                part = abs(around).upper() if around.is_finite() else self.infinite
                total = total + part * entry.error
            if entry.op == "input":
                sensitivity[entry.label] = here
            exacts = [self.entries[arg].exact for arg in entry.args]
            boxes = [self.entries[arg].box for arg in entry.args]
            first = partial_derivatives(self, entry.op, exacts, entry.exact)
            second = partial_derivatives(self, entry.op, boxes, entry.box)
            for arg, slope, wide in zip(entry.args, first, second, strict=True):
                at_exact[arg] = at_exact.get(arg, self.zero) + here * slope
                in_box[arg] = in_box.get(arg, self.zero) + around * wide
        radius = total.upper() if total.is_finite() else self.infinite
        if not self.entries[output].exact.is_finite():
            radius = self.infinite
        return Bounded(self.entries[output].exact, radius, sensitivity)


_Forward = Callable[[Tape, Node, list[Any], list[Any]], tuple[Any, Any, int]]


def _arithmetic(compute: Callable[[Any, Any], Any]) -> _Forward:
    return lambda tape, node, x, v: (compute(*x), compute(*v), 1)


def _root(tape: Tape, node: Node, x: list[Any], v: list[Any]) -> tuple[Any, Any, int]:
    exact = tape.zero if x[0] == 0 else x[0].sqrt()
    box = v[0]
    if box == 0:
        return exact, tape.zero, 1
    if box > 0:
        return exact, box.sqrt(), 1
    if not box.is_finite() or box < 0:
        return exact, tape.arb("nan"), 1
    top = box.upper().sqrt()  # the argument may be zero: the root lies in [0, top]
    return exact, tape.arb(top / 2, top / 2), 1


def _extreme(larger: bool) -> _Forward:
    def forward(tape: Tape, node: Node, x: list[Any], v: list[Any]) -> tuple[Any, Any, int]:
        pick = (lambda a, b: a.max(b)) if larger else (lambda a, b: a.min(b))
        return pick(*x), pick(*v), 0

    return forward


def _sign(tape: Tape, node: Node, x: list[Any], v: list[Any]) -> tuple[Any, Any, int]:
    def of(value: Any) -> Any:
        if value == 0:
            return tape.zero
        return tape.arb("nan") if value.contains(0) else tape.arb(1 if value > 0 else -1)

    return of(x[0]), of(v[0]), 0


def _power(tape: Tape, node: Node, x: list[Any], v: list[Any]) -> tuple[Any, Any, int]:
    def of(base: Any, exponent: Any) -> Any:
        whole = exponent.unique_fmpz() if exponent.is_exact() else None
        return base ** int(whole) if whole is not None else base**exponent

    return of(*x), of(*v), 2


def _comparison(tape: Tape, node: Node, x: list[Any], v: list[Any]) -> tuple[Any, Any, int]:
    def of(values: list[Any]) -> Any:
        if node.op == "not":
            return 1 - values[0]
        if node.op == "and":
            return values[0] * values[1]
        if node.op == "or":
            return values[0].max(values[1])
        decided = tape.decide(node.op, *values)
        return tape.arb("nan") if decided is None else tape.arb(int(decided))

    return of(x), of(v), 0


def _select(tape: Tape, node: Node, x: list[Any], v: list[Any]) -> tuple[Any, Any, int]:
    def of(values: list[Any]) -> Any:
        if not values[0].is_finite():
            return tape.arb("nan")
        return values[1] if values[0] == 1 else values[2]

    return of(x), of(v), 0


def _function(tape: Tape, node: Node, x: list[Any], v: list[Any]) -> tuple[Any, Any, int]:
    if node.op in ("pi", "e"):
        value = tape.arb.pi() if node.op == "pi" else tape.arb(1).exp()
        return value, value, 1
    return getattr(x[0], node.op)(), getattr(v[0], node.op)(), 2


_FORWARD: dict[str, _Forward] = {
    "add": _arithmetic(lambda a, b: a + b), "sub": _arithmetic(lambda a, b: a - b),
    "mul": _arithmetic(lambda a, b: a * b), "div": _arithmetic(lambda a, b: a / b),
    "neg": lambda tape, node, x, v: (-x[0], -v[0], 0),
    "abs": lambda tape, node, x, v: (abs(x[0]), abs(v[0]), 0),
    "sqrt": _root, "max": _extreme(True), "min": _extreme(False), "sign": _sign, "pow": _power,
    "select": _select, **dict.fromkeys(["lt", "le", "eq", "and", "or", "not"], _comparison),
}  # fmt: skip


def partial_derivatives(tape: Tape, op: str, args: Sequence[Any], value: Any) -> Sequence[Any]:
    """The derivatives of one operation by its arguments, at these values."""
    one = tape.arb(1)
    if not args:
        return ()
    if op in ("add", "cast"):
        return (one,) * len(args)
    if op == "sub":
        return one, -one
    if op == "neg":
        return (-one,)
    if op == "mul":
        return args[1], args[0]
    if op == "div":
        return 1 / args[1], -(args[0] / args[1]) / args[1]
    if op == "sqrt":
        if args[0] == 0:  # an exact zero stays one: no error enters above it
            return (tape.zero,)
        return (1 / (2 * args[0].sqrt()) if args[0] > 0 else tape.infinite,)
    if op == "abs":
        unit = tape.arb(0, 1)
        return (one if args[0] >= 0 else (-one if args[0] <= 0 else unit),)
    if op in ("max", "min"):
        first = args[0] >= args[1] if op == "max" else args[0] <= args[1]
        second = args[1] >= args[0] if op == "max" else args[1] <= args[0]
        if first or second:
            return (one, tape.zero) if first else (tape.zero, one)
        return (tape.arb(0.5, 0.5),) * 2
    if op == "select":
        if not args[0].is_finite():
            return tape.zero, tape.arb("nan"), tape.arb("nan")
        return (tape.zero, one, tape.zero) if args[0] == 1 else (tape.zero, tape.zero, one)
    if op == "pow":
        base, exponent = args
        whole = exponent.unique_fmpz() if exponent.is_exact() else None
        by_base = exponent * (base ** (int(whole) - 1) if whole is not None else value / base)
        return by_base, (tape.zero if whole is not None else value * base.log())
    if op in ("sign", "lt", "le", "eq", "and", "or", "not"):
        return (tape.zero,) * len(args)
    return (_DERIVATIVES[op](tape, args[0], value),)


_DERIVATIVES: dict[str, Callable[[Tape, Any, Any], Any]] = {
    "exp": lambda tape, a, value: value,
    "log": lambda tape, a, value: 1 / a,
    "sin": lambda tape, a, value: a.cos(),
    "cos": lambda tape, a, value: -a.sin(),
    "tan": lambda tape, a, value: 1 + value * value,
    "atan": lambda tape, a, value: 1 / (1 + a * a),
    "sinh": lambda tape, a, value: a.cosh(),
    "cosh": lambda tape, a, value: a.sinh(),
    "tanh": lambda tape, a, value: 1 - value * value,
}


def bound_outputs(
    program: Program, inputs: Mapping[Label, Input], scalars: frozenset[Label], profile: Profile
) -> dict[Label, Bounded]:
    """Each output's exact value and the bound on what rounding can change in it.

    ``scalars`` are the inputs that are no arrays: operations among them are made in the scalar
    format.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> tenth = graph.div(graph.input("x"), graph.const(10))
    >>> double = Profile(FORMATS["float64"], FORMATS["float64"])
    >>> result = bound_outputs(graph.program({"y": tenth}), {"x": Input(1)}, frozenset(), double)
    >>> float(result["y"].radius) == 2.0**-57  # half an ulp of 0.1
    True
    """
    from symopt.execution.arithmetic import precision

    carried = set()  # scalars that are outputs as well: state
    if profile.kept is not None:
        carried = {index for label, index in program.outputs.items() if label in scalars}
    with precision(PRECISION):
        tape = Tape(profile)
        count = -1

        def visit(node: Node, args: list[int]) -> int:
            nonlocal count
            count += 1
            if node.op == "const":
                return tape.constant(node.value)
            if node.op == "input":
                return tape.input(node.value, inputs[node.value], node.value in scalars)
            return tape.operation(node, args, profile.kept if count in carried else None)

        places = program.fold(visit)
        bounds = {index: tape.bound(index) for index in dict.fromkeys(places.values())}
        return {label: bounds[index] for label, index in places.items()}
