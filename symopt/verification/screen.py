"""One step of an elementwise rule on whole arrays, screened with NumPy and decided by balls.

Write R for the rigorous bound of :mod:`symopt.verification.rounding`: over each operation, the
supremum of ``|d result / d e|`` times the largest error, over all admissible errors. An element is
consistent where ``|observed - exact| <= R``. The screen computes for whole arrays a number B that
is *at most* R, and accepts an element only where ``|observed - exact| <= B``. Why that is safe:

* B has the same sum at the exact values alone, hence every term is at most the supremum in R.
  What first order leaves out at second order only makes R larger; no estimate of it is needed.
* Every term is a lower bound: midpoints carry radii for all rounding of the screen itself
  (:mod:`symopt.verification.ball_array`), derivatives and magnitudes enter with their least
  absolute value, and the deviation with its largest. No threshold below 1 is needed for that.
* Where R might take an operation for exact (a representable result, a product with a power of
  two, a Sterbenz subtraction), B leaves out its error. Scalars come from the tape of R itself.
* An element is tried with each evaluation form; R over a family of forms is the largest of theirs.

So what the screen accepts, balls accept or leave unbounded. Everything else is decided by the
balls. Midpoints are float64 for shorter formats; for float64 they are ``np.longdouble``, which must
be x87's extended format or binary128: each operation of these errs by at most half a unit. A pair
of float64 (PowerPC) has more bits and no such bound, so it is refused as plain float64 is.

Blocks of elements share nothing but what is only read, so that threads change no bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import product
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symopt.derivation.opaque import OpaqueStep, is_elementwise, opaque_step
from symopt.errors import InputError
from symopt.execution.arithmetic import precision
from symopt.execution.inputs import split_hyperparameters
from symopt.execution.processors import side_by_side
from symopt.program.graph import Graph, Label, Node, Program
from symopt.program.rewrite import Form, evaluation_forms
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.verification.ball_array import TINY, BallArray, from_ball
from symopt.verification.replay import FAMILIES, eta_of, profiles
from symopt.verification.rounding import (
    FORMATS,
    PRECISION,
    Bounded,
    Format,
    Input,
    Profile,
    Tape,
    bound_outputs,
    partial_derivatives,
)

__all__ = ["Screen", "screen_step"]

#: Elements that are worked on together: their arrays stay in the processor's cache.
BLOCK = 1 << 15
#: Bits of significand that ``np.longdouble`` keeps here: 63 in x87's format, 112 in binary128.
EXTENDED_BITS = int(np.finfo(np.longdouble).nmant)
#: Terms of B are lowered by this much for the rounding of their own few operations.
_DOWN = 1 - 2.0**-40
_ARITHMETIC: dict[str, Callable[[BallArray, BallArray], BallArray]] = {
    "add": add, "sub": sub, "mul": mul, "div": truediv,
}  # fmt: skip
_SUPPORTED = frozenset(
    {*_ARITHMETIC, "neg", "abs", "sqrt", "sign", "max", "min", "input", "lt", "le", "select"}
)
Floats = NDArray[Any]


@dataclass(frozen=True)
class Screen:
    """What was decided about one step on arrays; true where it is consistent.

    ``eta`` is the largest deviation over bound (an upper bound of it where the screen decided);
    ``screened`` and ``decided_by_balls`` count elements. ``index`` is the flat position of the
    element that refutes (the one that deviates most by the screen), with what was ``expected``
    (a ball) and ``observed`` there.
    """

    status: str
    rule: str
    elements: int
    eta: float
    screened: int
    decided_by_balls: int
    profile: str
    family: str
    reason: str = ""
    index: int | None = None
    expected: Any = None
    observed: float | None = None
    hyperparameters: Mapping[str, Fraction] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return self.status == "consistent"

    def __str__(self) -> str:
        text = f"{self.status.upper()}: one step of {self.rule} on {self.elements} elements"
        if self.status == "consistent":
            return f"{text}; eta = {self.eta:.3g}; {self.profile}; {self.family}"
        text += f"; {self.reason}"
        if self.expected is None:
            return text
        shown = self.expected.str(17, radius=False)
        return f"{text}: element {self.index}, expected {shown}, observed {self.observed!r}"


@dataclass
class _Value:
    """A node's value: a ball array, or an entry of the tape of scalars."""

    ball: BallArray
    entry: int | None = None
    moved: Any = np.False_  # where the box of R is surely more than a point
    args: tuple[_Value, ...] = ()
    op: str = "input"
    error: Any = None  # what its own error is at least
    power: Any = None  # where its exact value may be a power of two


class _Sweep:
    """B for one block of elements: values forward, then derivatives in reverse."""

    def __init__(self, profile: Profile, scalars: frozenset[Label], reference: Any) -> None:
        self.tape = Tape(profile)
        self.form, self.scalars, self.reference = profile.tensor, scalars, reference
        self.order: list[_Value] = []
        self.entries: dict[int, _Value] = {}

    def visit(self, inputs: Mapping[Label, Any]) -> Callable[[Node, list[_Value]], _Value]:
        def visit(node: Node, args: list[_Value]) -> _Value:
            if node.op == "input" and node.value not in self.scalars:
                given = inputs[node.value]
                units = bool(np.any(np.abs(given) == 1))
                return self._push(_Value(BallArray(given.astype(self.reference), 0.0, units)))
            if node.op == "const":
                return self._scalar(self.tape.constant(node.value))
            if node.op == "input":
                return self._scalar(self.tape.input(node.value, inputs[node.value], True))
            entries = [arg.entry for arg in args if arg.entry is not None]
            if len(entries) == len(args):
                return self._scalar(self.tape.operation(node, entries))
            return self._operation(node.op, args)

        return visit

    def _push(self, value: _Value) -> _Value:
        self.order.append(value)
        return value

    def _scalar(self, entry: int) -> _Value:
        if entry not in self.entries:
            line = self.tape.entries[entry]
            ball = from_ball(line.exact, self.reference)
            self.entries[entry] = _Value(ball, entry, np.bool_(not line.box.is_exact()))
        return self.entries[entry]

    def _operation(self, op: str, args: list[_Value]) -> _Value:
        if op in (*_ARITHMETIC, "max", "min"):
            args = [
                arg if arg.entry is None else self._scalar(self.tape.cast(arg.entry, self.form))
                for arg in args
            ]
        balls = [arg.ball for arg in args]
        if op in _ARITHMETIC:
            ball = _ARITHMETIC[op](*balls)
        elif op in ("max", "min"):
            first = (balls[0].middle >= balls[1].middle) == (op == "max")
            middle = np.where(first, balls[0].middle, balls[1].middle)
            ball = BallArray(middle, np.maximum(balls[0].radius, balls[1].radius))
        elif op == "select":
            then = balls[0].middle == 1
            middle = np.where(then, balls[1].middle, balls[2].middle)
            radius = np.where(then, balls[1].radius, balls[2].radius) + balls[0].radius
            ball = BallArray(middle, radius)
        elif op in ("lt", "le"):
            apart = balls[0] - balls[1]
            sure = (apart.above_zero > 0) | apart.zero
            holds = (apart.middle < 0) | ((apart.middle == 0) & (op == "le"))
            ball = BallArray(holds.astype(np.float64), np.where(sure, 0.0, np.nan), signs=True)
        elif op == "sign":
            sure = (balls[0].above_zero > 0) | balls[0].zero
            ball = BallArray(np.sign(balls[0].middle), np.where(sure, 0.0, np.nan), signs=True)
        else:
            ball = {"neg": balls[0].__neg__, "abs": balls[0].__abs__, "sqrt": balls[0].root}[op]()
        value = _Value(ball, None, _moved(op, args), tuple(args), op)
        if op in (*_ARITHMETIC, "sqrt"):
            value.error = self._error(value)
            value.moved = value.moved | (value.error > 0)
        return self._push(value)

    def _error(self, value: _Value) -> Floats:
        """At most the error that R admits to this operation, and a little less for the terms."""
        low = value.ball.above_zero
        half = np.maximum(_power_below(low), 2.0**self.form.least)
        half = np.where(low > 0, half * (2.0**-self.form.precision * _DOWN), 0.0)
        still = np.flatnonzero(~np.broadcast_to(value.moved, half.shape))
        if len(still):
            half[still] *= ~_may_fit(value.ball.at(still), self.form)
        if value.op in ("add", "sub"):
            half *= ~_may_cancel(value)
        elif value.op in ("mul", "div"):
            for arg in value.args[value.op == "div" :]:
                power = self._may_be_power_of_two(arg)
                if np.any(power):
                    half *= ~power
        return half

    def _may_be_power_of_two(self, value: _Value) -> Any:
        if value.entry is not None:
            box = self.tape.entries[value.entry].box
            return np.bool_(box.is_exact() and box != 0 and abs(int(box.man_exp()[0])) == 1)
        if value.power is None:
            value.power = np.zeros(np.shape(value.ball.middle), bool)
            still = np.flatnonzero(~np.broadcast_to(value.moved, value.power.shape))
            if len(still):
                value.power[still] = _is_near_power_of_two(value.ball.at(still))
        return value.power

    def bound(self, output: _Value) -> Floats:
        """B, element by element."""
        slopes: dict[int, BallArray] = {id(output): BallArray(np.float64(1), 0.0)}
        scalars: dict[int, list[tuple[BallArray, Any]]] = {}
        one = self.tape.arb(1)
        total: Any = 0.0
        for value in reversed(self.order):
            slope = slopes.pop(id(value), None)
            if slope is None or not value.args:
                continue
            if value.error is not None:
                total = total + _part(slope, value.error)
            # Inputs have no error of their own here: what leads to them only is left out.
            wanted = [bool(arg.args) or arg.entry is not None for arg in value.args]
            for arg, by_arg in zip(value.args, _derivatives(value, slope, wanted), strict=True):
                if by_arg is None:
                    continue
                if arg.entry is not None:
                    scalars.setdefault(arg.entry, []).append((by_arg, one))
                else:
                    known = slopes.get(id(arg))
                    slopes[id(arg)] = by_arg if known is None else known + by_arg
        return np.asarray(total + self._scalar_part(scalars))

    def _scalar_part(self, slopes: dict[int, list[tuple[BallArray, Any]]]) -> Any:
        """The errors of scalars: a slope is a sum of products of an array with one number."""
        total: Any = 0.0
        weights: dict[int, float] = {}
        arrays: dict[int, BallArray] = {}
        for index in range(len(self.tape.entries) - 1, -1, -1):
            terms = _merged(slopes.pop(index, []))
            line = self.tape.entries[index]
            error = float(line.error.mid()) * _DOWN
            if error and len(terms) == 1:
                ((array, factor),) = terms
                arrays[id(array)] = array
                low = float(factor.abs_lower()) * _DOWN if factor.is_finite() else 0.0
                weights[id(array)] = weights.get(id(array), 0.0) + low * error * _DOWN
            elif error and terms:
                first, *others = (array * from_ball(factor) for array, factor in terms)
                total = total + _part(sum(others, first), error * _DOWN)
            if not terms:
                continue
            exacts = [self.tape.entries[arg].exact for arg in line.args]
            for arg, by_arg in zip(
                line.args, partial_derivatives(self.tape, line.op, exacts, line.exact), strict=True
            ):
                if by_arg != 0 and self.tape.entries[arg].op != "input":
                    more = [(array, factor * by_arg) for array, factor in terms]
                    slopes.setdefault(arg, []).extend(more)
        for key, weight in weights.items():
            total = total + _part(arrays[key], weight)
        return total


def _merged(terms: list[tuple[BallArray, Any]]) -> list[tuple[BallArray, Any]]:
    """Terms of the same array as one."""
    arrays = {id(array): array for array, _ in terms}
    factors: dict[int, Any] = {}
    for array, factor in terms:
        key = id(array)
        factors[key] = factors[key] + factor if key in factors else factor
    return [(arrays[key], factor) for key, factor in factors.items()]


def _part(slope: BallArray, error: Any) -> Any:
    """At least |slope| * error; ``error`` is lowered already. What is no number is left out."""
    least = np.abs(slope.middle) - slope.radius * (1 + 2.0**-40)
    return np.fmax(least * error, 0.0)


def _power_below(low: Floats) -> Floats:
    """The power of two with the exponent of a positive normal number; 0 below these."""
    bits = np.ascontiguousarray(low).view(np.int64) & 0x7FF0_0000_0000_0000
    return np.asarray(bits.view(np.float64)).reshape(np.shape(low))


def _moved(op: str, args: list[_Value]) -> Any:
    if op in ("add", "sub"):
        return args[0].moved | args[1].moved
    if op == "mul":
        a, b = args
        return (a.moved & (b.ball.above_zero > 0)) | (b.moved & (a.ball.above_zero > 0))
    if op == "div":
        return args[0].moved | (args[1].moved & (args[0].ball.above_zero > 0))
    if op in ("neg", "abs", "sqrt"):
        return args[0].moved
    if op in ("max", "min", "select"):
        return args[-1].moved & args[-2].moved
    return np.False_


def _may_fit(ball: BallArray, form: Format) -> Floats:
    """Where a number of the format lies within the ball.

    Veltkamp's splitting rounds a midpoint to so many bits, whatever its exponent is: no number of
    the format is nearer. Where it overflows nothing is sure.
    """
    middle = np.asarray(ball.middle)
    if form.name == "float64":
        near = middle.astype(np.float64)
        gap = np.abs(middle - near).astype(np.float64, copy=False)
        return np.asarray(~(gap > 2 * ball.radius) | ~np.isfinite(near))
    bits = np.finfo(middle.dtype).nmant + 1
    apart = middle * (middle.dtype.type(2) ** (bits - form.precision) + 1)
    gap = np.abs(middle - (apart - (apart - middle))).astype(np.float64, copy=False)
    return np.asarray(~(gap > 2 * ball.radius))


def _is_near_power_of_two(ball: BallArray) -> Floats:
    """Where a power of two may lie within the ball."""
    part, exponent = np.frexp(ball.size)
    gap = np.ldexp(np.minimum(part - 0.5, 1 - part), exponent)
    # Midpoints of more bits are compared in float64, and the difference allowed for.
    return np.asarray(~(gap > ball.radius * 4 + ball.size * 2.0**-50))


def _may_cancel(value: _Value) -> Floats:
    """Where Sterbenz's lemma might apply: a difference within a factor of 2 of each other.

    It is then at most a third of the sum of the sizes.
    """
    a, b = (arg.ball for arg in value.args)
    slack = (a.radius + b.radius) + 3 * value.ball.radius
    return np.asarray(~(value.ball.size * (3 - 2.0**-40) > a.most + b.most + slack))


def _derivatives(value: _Value, slope: BallArray, wanted: list[bool]) -> Iterator[BallArray | None]:
    """The slope of the result by each argument that is wanted, given that by the value."""
    balls = [arg.ball.short for arg in value.args]
    op = value.op
    if op in ("add", "sub"):
        yield slope
        yield slope if op == "add" else -slope
    elif op == "mul":
        yield slope * balls[1] if wanted[0] else None
        yield slope * balls[0] if wanted[1] else None
    elif op == "div":
        by_first = slope / balls[1]
        yield by_first if wanted[0] else None
        yield -(by_first * value.ball.short) if wanted[1] else None
    elif op == "sqrt":
        root, zero = value.ball.short, value.ball.zero
        safe = BallArray(np.where(zero, 1.0, root.middle), root.radius)
        made = slope / (safe + safe)
        yield BallArray(np.where(zero, 0.0, made.middle), np.where(zero, 0.0, made.radius))
    elif op == "neg":
        yield -slope
    elif op == "abs":
        sure = (balls[0].above_zero > 0) | value.args[0].ball.zero
        unit = np.where(balls[0].middle >= 0, 1.0, -1.0)
        yield slope * BallArray(np.where(sure, unit, 0.0), np.where(sure, 0.0, 1.0), signs=True)
    elif op in ("max", "min"):
        apart = value.args[0].ball - value.args[1].ball
        sure = (apart.above_zero > 0) | apart.zero
        first = (apart.middle >= 0) if op == "max" else (apart.middle <= 0)
        for chosen in (first, ~first):
            weight = np.where(sure, chosen.astype(np.float64), 0.5)
            yield slope * BallArray(weight, np.where(sure, 0.0, 0.5), signs=True)
    elif op == "select":
        then = (balls[0].middle == 1).astype(np.float64)
        yield None
        yield slope * BallArray(then, balls[0].radius, signs=True)
        yield slope * BallArray(1 - then, balls[0].radius, signs=True)
    else:
        yield from [None] * len(balls)


def _deviation(output: _Value, observed: Floats) -> Floats:
    """At least |observed - exact|; of a sum, the difference of its terms is taken first.

    The result is near its larger term, so that the first difference is small, and with it the
    rounding of the second.
    """
    seen = BallArray(observed, np.zeros(observed.shape))
    if output.op in ("add", "sub"):
        a, b = (arg.ball for arg in output.args)
        b = b if output.op == "add" else -b
        large = np.abs(a.middle) >= np.abs(b.middle)
        first = BallArray(np.where(large, a.middle, b.middle), np.where(large, a.radius, b.radius))
        other = BallArray(np.where(large, b.middle, a.middle), np.where(large, b.radius, a.radius))
        apart = (seen - first) - other
    else:
        apart = seen - output.ball
    away = apart.size + apart.radius + np.where(apart.middle == 0, 0.0, TINY)
    return np.asarray(away * (1 + 2.0**-48))


def screen_step(
    rule: Rule | str,
    before: Any,
    gradient: Any,
    after: Any,
    state: Mapping[str, Any] | None = None,
    dtype: str | None = None,
    t: int = 1,
    budget: int = 500,
    **hyper: Any,
) -> Screen:
    """Check one step of an elementwise rule on arrays of any size: a tensor of a model.

    Parameters
    ----------
    rule
        A name or a statement. It must be elementwise and ask for one gradient in a step.
    before, gradient, after
        Parameters before the step, the gradient that the code was given (where the rule asks for
        it), and parameters after the step: arrays, or PyTorch tensors.
    state
        Hidden state before the step, by the symbol's name: arrays, or numbers for scalar state.
        At ``t = 1`` what is not given has its start value.
    dtype
        The arrays' format, by default that of ``after``.
    t
        The number of the step.
    budget
        At most so many elements are left to the balls; more make the result undecided.
    hyper
        The hyperparameters that the code was given.

    Raises :class:`~symopt.errors.InputError` for a rule or arrays that it cannot take.

    >>> x = np.linspace(-1, 1, 1000)
    >>> screen_step("gradient_descent", x, x**2, x - 0.1 * x**2, eta=0.1).status
    'consistent'
    >>> wrong = x - 0.1 * x**2
    >>> wrong[7] *= 1 + 1e-15
    >>> screen_step("gradient_descent", x, x**2, wrong, eta=0.1).index
    7
    """
    the_rule = rules.resolve(rule)
    form = dtype or str(getattr(after, "dtype", "float64")).rpartition(".")[2]
    if form not in FORMATS:
        raise InputError(f"no dtype {form!r}; there are {', '.join(FORMATS)}")
    defaults = {
        entry.name: float(entry.default)
        for entry in the_rule.parameters
        if entry.name not in hyper and not entry.is_schedule
    }
    fixed, schedules = split_hyperparameters(the_rule, {**defaults, **hyper})
    if not is_elementwise(the_rule):
        raise InputError(f"{the_rule.name} mixes coordinates; use verify() on a small case")
    step = opaque_step(the_rule, 1, tuple(sorted(schedules.items(), key=str)))
    if step.asks != 1:
        raise InputError(f"{the_rule.name} asks for {step.asks} gradients in a step; use verify()")
    if form == "float64" and EXTENDED_BITS not in (63, 112):
        raise InputError(
            "np.longdouble is neither x87's format nor binary128 here, so float64 arrays cannot be "
            "screened; use verify() on a small case"
        )
    job = _Job(the_rule, step, form, fixed, t, budget)
    job.take("x", before)
    job.take("g", gradient)
    job.take("after", after)
    job.take_state(state or {})
    with np.errstate(all="ignore"), precision(PRECISION):
        return job.decide()


class _Job:
    """One step on arrays, with the values that the code received."""

    def __init__(
        self,
        rule: Rule,
        step: OpaqueStep,
        form: str,
        fixed: Mapping[str, Fraction],
        t: int,
        budget: int,
    ) -> None:
        self.rule, self.step, self.form, self.fixed, self.t = rule, step, form, fixed, t
        self.budget = budget
        self.arrays: dict[Label, Floats] = {}
        self.constants: dict[Label, Input] = {("t",): Input(t)}
        for name in step.hyper:
            self.constants["hyper", name] = Input(fixed[name], outside=True)
        # Only x after the step is compared; the rest of the program is left out.
        self.program = _without_other_outputs(step.program)
        self.varies = self.program.depends_on(
            [label for label in self.program.inputs if label not in step.scalars]
        )
        for node, varies in zip(self.program.nodes, self.varies, strict=True):
            if varies and node.op not in _SUPPORTED:
                raise InputError(f"{rule.name}: {node.op} of arrays cannot be screened")

    def take(self, name: str, given: Any) -> None:
        label = {"x": ("x", 0), "g": ("g", 1, 0), "after": "after"}.get(name, (name, 0))
        array = _floats(name, given)
        format_ = FORMATS[self.form]
        finite = array[np.isfinite(array)]
        if not np.all(_is_in_format(finite, format_)):
            raise InputError(f"{name}: not all numbers are {self.form} numbers; give dtype")
        size = self.arrays[("x", 0)].size if self.arrays else array.size
        if array.size != size or not size:
            raise InputError(f"{name} has {array.size} elements, x before the step has {size}")
        self.arrays[label] = array

    def take_state(self, state: Mapping[str, Any]) -> None:
        slots = {name: index for name, index in self.step.slots if name != "x"}
        for name in state:
            if name not in slots:
                known = ", ".join(slots) or "none"
                raise InputError(f"{self.rule.name} has no state {name!r}; it has {known}")
        missing = [name for name in slots if name not in state]
        if missing and self.t != 1:
            raise InputError(f"state: give {', '.join(missing)} as it was before step {self.t}")
        for name, index in slots.items():
            if name in missing:
                self._start(name, index)
            elif index is None:
                self.constants[name, None] = Input(float(state[name]))
            else:
                self.take(name, state[name])

    def _start(self, name: str, index: int | None) -> None:
        program = self.step.start
        node = program.nodes[program.outputs[name, index]]
        if node.op == "input" and node.value == ("x", 0):
            self.arrays[name, 0] = self.arrays["x", 0]
            return
        needed = Program(program.nodes, {(name, index): program.outputs[name, index]})
        profile = Profile(FORMATS[self.form], FORMATS["float64"])
        inputs = {**self.constants, ("x", 0): Input(0)}
        found = bound_outputs(needed, inputs, self.step.scalars, profile)[name, index]
        if index is None:
            self.constants[name, None] = Input(found.value, found.radius)
            return
        value = float(found.value.mid())
        held = np.full(self.arrays["x", 0].shape, value)
        if found.value != value or ("x", 0) in found.sensitivity:
            raise InputError(f"state: the start value of {name} is rounded; give it as an array")
        self.take(name, held)

    def decide(self) -> Screen:
        """Consistent if one profile and family explains all elements."""
        accepts, worst = list(FAMILIES.items()), None
        powers = self.step.program.has("pow")
        for (family, accept), profile in product(accepts, profiles(self.form, powers=powers)):
            forms = evaluation_forms(self.program, self.step.scalars, accept)
            known = worst and self._ball(worst.index, forms, profile)
            if known and known[0] > 1:
                continue  # the element that refuted before is not explained here either
            result = self._screen(family, profile, forms)
            if result.status == "consistent":
                return result
            if worst is None or result.status == "undecided":
                worst = result
            if worst.status == "undecided":
                return worst
        assert worst is not None
        return worst

    def _screen(self, family: str, profile: Profile, forms: tuple[Form, ...]) -> Screen:
        etas = np.full(self.arrays["x", 0].shape, np.inf)
        for _, program in forms:
            left = np.flatnonzero(~(etas <= 1))
            parts = [left[start : start + BLOCK] for start in range(0, len(left), BLOCK)]
            made = side_by_side(partial(self._etas, program, profile=profile), parts)
            for part, own in zip(parts, made, strict=True):
                etas[part] = np.fmin(etas[part], own)
            order = _worst_first(etas)
            whole = len(left) == len(etas)
            if whole and order and self._ball(order[0], forms, profile)[0] > 1:
                break  # refuted already: the other forms need no arrays
        order = _worst_first(etas)
        eta = float(np.max(etas[etas <= 1], initial=0.0))
        count = 0

        def result(status: str, reason: str = "", **more: Any) -> Screen:
            return Screen(
                status, self.rule.name, len(etas), more.pop("eta", eta), len(etas) - len(order),
                count, profile.name, family, reason, hyperparameters=self.fixed, **more,
            )  # fmt: skip

        undecided: dict[str, Any] | None = None
        for index in order:
            if count == self.budget:
                return result("undecided", f"more than {count} elements are left to the balls")
            count += 1
            found, bound = self._ball(index, forms, profile)
            seen = {
                "index": index, "expected": bound.value,
                "observed": float(self.arrays["after"][index]),
            }  # fmt: skip
            if found > 1:
                reason = f"{found:.3g} times what rounding can explain"
                return result("refuted", reason, eta=found, **seen)
            if not bound.radius.is_finite():
                undecided = undecided or seen
            eta = max(eta, found)
        if undecided:
            return result("undecided", "rounding cannot be bounded there", **undecided)
        return result("consistent")

    def _etas(self, program: Program, part: NDArray[np.intp], profile: Profile) -> Floats:
        """Deviation over B: at least the true ratio to R; where B is not finite, nan."""
        reference = np.longdouble if self.form == "float64" else np.float64
        sweep = _Sweep(profile, self.step.scalars, reference)
        inputs: dict[Label, Any] = dict(self.constants)
        inputs |= {label: array[part] for label, array in self.arrays.items()}
        output = program.fold(sweep.visit(inputs))["x", 0]
        if output.entry is not None:
            raise InputError(f"{self.rule.name} does not change with its arrays")
        bound = sweep.bound(output)
        deviation = _deviation(output, inputs["after"].astype(reference))
        ratio = np.where(deviation == 0, 0.0, deviation / bound * (1 + 2.0**-40))
        return np.asarray(np.where(np.isfinite(bound), ratio, np.nan))

    def _ball(
        self, index: int | None, forms: tuple[Form, ...], profile: Profile
    ) -> tuple[float, Bounded]:
        """Eta under the form that bounds an element most widely, or the first that explains it."""
        assert index is not None
        inputs: dict[Label, Input] = dict(self.constants)
        values = {label: float(array[index]) for label, array in self.arrays.items()}
        inputs |= {label: Input(value) for label, value in values.items()}
        widest: Bounded | None = None
        for _, program in forms:
            bound = bound_outputs(program, inputs, self.step.scalars, profile)["x", 0]
            if widest is None or bound.radius > widest.radius:
                widest = bound
            if bound.radius.is_finite() and eta_of(values["after"], bound) <= 1:
                widest = bound
                break
        assert widest is not None
        return eta_of(values["after"], widest), widest


def _worst_first(etas: Floats) -> list[int]:
    """The elements that the screen did not accept; last those of which it can say nothing."""
    left = np.flatnonzero(~(etas <= 1))
    known = np.where(np.isfinite(etas[left]), etas[left], 0.0)
    return [int(index) for index in left[np.argsort(-known, kind="stable")]]


def _without_other_outputs(program: Program) -> Program:
    graph = Graph()
    copies = graph.inline(program, {})
    return graph.program({("x", 0): copies["x", 0]})


def _floats(name: str, given: Any) -> Floats:
    """A flat array of binary64 numbers, from an array or a tensor."""
    for method in ("detach", "cpu", "double"):
        given = getattr(given, method, lambda same=given: same)()
    try:
        return np.asarray(given, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is no array of numbers ({error})") from None


def _is_in_format(array: Floats, form: Format) -> Floats:
    """Which of finite numbers are numbers of the format."""
    if form.name == "float64":
        return np.ones(array.shape, bool)
    with np.errstate(over="ignore"):
        short = array.astype(np.float16 if form.name == "float16" else np.float32)
    same = short == array
    if form.name == "bfloat16":  # the upper half of a float32
        same &= short.view(np.uint32) & 0xFFFF == 0
    return np.asarray(same)
