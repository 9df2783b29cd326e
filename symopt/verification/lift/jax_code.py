"""Rules read out of optax's transformations, by interpreting what JAX traces of them."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import LiftError, SymoptError
from symopt.program.graph import Label
from symopt.statement.numbers import exact
from symopt.statement.rule import Rule
from symopt.verification.adapters import required
from symopt.verification.adapters.optax import state_name, wide
from symopt.verification.audited.optax import NAMES
from symopt.verification.lift.arrays import Array
from symopt.verification.lift.assemble import assembled, programs
from symopt.verification.lift.finish import finished, source_of
from symopt.verification.lift.hidden import refuse_hidden_state, refuse_impure
from symopt.verification.lift.jax_ops import Interpreter, UnknownPeriodError, drawn
from symopt.verification.lift.remembered import fingerprint
from symopt.verification.lift.second_point import SecondPoint, Slots, checked, compared
from symopt.verification.lift.to_rule import TracedStep
from symopt.verification.lift.traced_float import Session

__all__ = ["JaxStep", "lift_jax", "lift_optax", "lift_optax_program", "trace_jax", "trace_optax"]

_RATE = 0.1
#: Of eight steps each: JAX without compilation is slow.
ROUNDS = 2
#: The label of the value of the objective, which no rule can state.
VALUE: Label = ("opaque", "value", "the value of the objective")


class JaxStep:
    """An optimizer as JAX sees it: pure functions of arrays and hyperparameters.

    Subclasses say what the functions are; ``hyper`` are the values by symbol, ``keys`` what the
    code calls them.
    """

    hyper: dict[str, float]
    #: Whether a step also asks for the value of the objective.
    wants_value = False

    def init(self, point: Any, hyper: Mapping[str, Any]) -> Any:
        """The state before the first step, a pytree."""
        raise NotImplementedError

    def update(
        self, point: Any, gradient: Any, state: Any, hyper: Mapping[str, Any], value: Any = None
    ) -> Any:
        """The point and the state after a step; ``value`` is that of the objective."""
        raise NotImplementedError

    def state_name(self, path: Any) -> str:
        """What the rule calls a leaf of the state."""
        raise NotImplementedError

    def made(self, hyper: Mapping[str, Any]) -> tuple[JaxStep, Any]:
        """The step as it is used, made once for many steps, and the object that could remember."""
        return self, None


class Optax(JaxStep):
    """A factory of gradient transformations, with its settings."""

    def __init__(self, make: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        self._optax = required("optax", "optax", "jax")
        self._make = make
        self._settings = dict(settings)
        self.keys: dict[str, str] = {}
        self.hyper = {}
        for key, value in settings.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and value != 0:
                symbol = NAMES.get(key, key)
                symbol = symbol if symbol not in self.keys else key
                self.keys[symbol] = key
                self.hyper[symbol] = float(value)

    def made(self, hyper: Mapping[str, Any]) -> tuple[JaxStep, Any]:
        transformation = self._transformation(hyper)
        return Optax(lambda: transformation, {}), transformation

    def _transformation(self, hyper: Mapping[str, Any]) -> Any:
        given = {self.keys[symbol]: value for symbol, value in hyper.items()}
        return self._make(**{**self._settings, **given})

    def init(self, point: Any, hyper: Mapping[str, Any]) -> Any:
        return self._transformation(hyper).init(point)

    def update(
        self, point: Any, gradient: Any, state: Any, hyper: Mapping[str, Any], value: Any = None
    ) -> Any:
        extra = {} if value is None else {"value": value}
        updates, state = self._transformation(hyper).update(gradient, state, point, **extra)
        return self._optax.apply_updates(point, updates), state

    def state_name(self, path: Any) -> str:
        names = [str(getattr(entry, "name", "")) for entry in path]
        last = next((name for name in reversed(names) if name), "s")
        return state_name(last) or last


def lift_jax(target: Any, *, name: str = "") -> Rule:
    """The rule of code that runs on JAX: a transformation of optax or an optimizer of Keras."""
    maker = target.func if isinstance(target, functools.partial) else target
    kind = maker if isinstance(maker, type) else type(maker)
    if any(base.__module__.partition(".")[0] == "keras" for base in kind.__mro__):
        from symopt.verification.lift.keras_code import lift_keras

        return lift_keras(target, name=name)
    return lift_optax(target, name=name)


def lift_optax(target: Any, *, name: str = "") -> Rule:
    """The rule that an optax transformation follows on a vector of parameters.

    Parameters
    ----------
    target
        A factory such as ``optax.adam`` (a learning rate of 1/10 where it has no default), a
        ``functools.partial`` of one, or a finished transformation, whose hyperparameters are then
        the numbers that it was made with.
    name
        What to call the rule; by default the factory.

    Update and ``apply_updates`` are traced by JAX with all hyperparameters as arguments, in
    binary64; the trace is read operation by operation, and then compared with the transformation
    at other states, gradients and hyperparameters.

    Raises :class:`~symopt.errors.LiftError`, naming operation and line, where that cannot be done.
    """
    step, title, thing = _described(target, name)
    session = Session()
    trace = trace_jax(step, session)
    rule = finished(trace.step, session, title=title, source=source_of(thing))
    checked(rule, trace.hyper, JaxPoint(trace), title, tolerance=trace.tolerance, rounds=ROUNDS)
    return rule


def lift_optax_program(target: Any, shape: tuple[int, ...] = (2, 3)) -> TracedStep:
    """The checked step of a transformation on a matrix, as a program.

    For transformations that treat a matrix as more than a list of coordinates, which no rule can
    state. Raises :class:`~symopt.errors.LiftError` as :func:`lift_optax` does.
    """
    step, title, _ = _described(target, "")
    trace = trace_jax(step, Session(), shape)
    program, start = programs(trace.step)
    code = JaxPoint(trace)
    compared(program, start, trace.hyper, code, title, shape, trace.tolerance, rounds=ROUNDS)
    return trace.step


def trace_optax(target: Any, session: Session | None = None, shape: tuple[int, ...] = (3,)) -> Any:
    """The traced step of a transformation on parameters of a shape, not yet checked."""
    return trace_jax(_described(target, "")[0], session or Session(), shape)


def _described(target: Any, name: str) -> tuple[JaxStep, str, Any]:
    """The step, its title, and the code that it comes from."""
    if hasattr(target, "init") and hasattr(target, "update"):
        refuse_impure(target.init)
        refuse_impure(target.update)
        return Optax(lambda: target, {}), name or "Transformation of optax", target.update
    thing = target.func if isinstance(target, functools.partial) else target
    given = dict(target.keywords) if isinstance(target, functools.partial) else {}
    args = target.args if isinstance(target, functools.partial) else ()
    if not callable(thing):
        raise LiftError(f"{type(target).__name__} is no transformation of optax and makes none")
    settings: dict[str, Any] = {}
    for index, parameter in enumerate(inspect.signature(thing).parameters.values()):
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if index < len(args):
            settings[parameter.name] = args[index]
        elif parameter.name == "learning_rate" and parameter.default in (parameter.empty, None):
            settings[parameter.name] = _RATE
        elif parameter.default is not parameter.empty:
            settings[parameter.name] = parameter.default
    settings.update(given)
    refuse_impure(thing)
    title = name or f"{getattr(thing, '__name__', 'Transformation')} of optax"
    return Optax(thing, settings), title, thing


def _by(name: str) -> Any:
    def arithmetic(self: Steering, other: Any) -> Any:
        other = other.value if isinstance(other, Steering) else other
        return getattr(self.value, name)(other)

    return arithmetic


def _compared(name: str) -> Any:
    def comparison(self: Steering, other: Any) -> Any:
        if not isinstance(other, int | float):
            return getattr(self.value, name)(other)
        outcome = getattr(self.number, name)(float(other))
        sign = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">=", "__eq__": "==",
                "__ne__": "!="}[name]  # fmt: skip
        if outcome == (name == "__eq__") and name in ("__eq__", "__ne__"):
            self.pinned.add(self.symbol)  # the branch holds for this number alone
        no = "" if outcome else "not "
        self.session.note(f"lifted where {no}{self.symbol} {sign} {other}")
        return outcome

    return comparison


class Steering:
    """A traced hyperparameter that code compares in Python: its number decides the branch."""

    def __init__(
        self, session: Session, symbol: str, value: Any, number: float, pinned: set[str]
    ) -> None:
        self.session = session
        self.pinned = pinned
        self.symbol = symbol
        self.value = value
        self.number = number

    def __jax_array__(self) -> Any:
        return self.value

    __add__, __radd__ = _by("__add__"), _by("__radd__")
    __sub__, __rsub__ = _by("__sub__"), _by("__rsub__")
    __mul__, __rmul__ = _by("__mul__"), _by("__rmul__")
    __truediv__, __rtruediv__ = _by("__truediv__"), _by("__rtruediv__")
    __pow__, __rpow__ = _by("__pow__"), _by("__rpow__")
    __lt__, __le__ = _compared("__lt__"), _compared("__le__")
    __gt__, __ge__ = _compared("__gt__"), _compared("__ge__")
    __eq__, __ne__ = _compared("__eq__"), _compared("__ne__")
    __hash__ = object.__hash__

    def __neg__(self) -> Any:
        return -self.value

    def __bool__(self) -> bool:
        return bool(self != 0)


class JaxTrace:
    """A traced step with what is needed to run the code beside it."""

    def __init__(self, code: JaxStep, session: Session, shape: tuple[int, ...]) -> None:
        self.code = code
        self.session = session
        self.shape = shape
        self.size = int(np.prod(shape))
        self.jax = required("jax", "JAX", "jax")
        self.labels: dict[str, str] = {}
        with wide(self.jax, "float64"):
            self.traced: list[str] = []
            self.steering: set[str] = set()
            self.pinned: set[str] = set()
            self._choose()
            self.hyper: dict[str, Fraction] = {
                symbol: exact(code.hyper[symbol]) for symbol in self.traced
            }
            self.step: TracedStep = self._trace()

    @property
    def tolerance(self) -> float:
        """Looser where the code rounds to binary32, which the rule does not."""
        narrow = any("float32" in text or "float16" in text for text in self.session.notes)
        return 3e-5 if narrow else 1e-8

    def _values(self, symbols: Any) -> dict[str, Any]:
        return {symbol: self.jax.numpy.asarray(self.code.hyper[symbol]) for symbol in symbols}

    def _choose(self) -> None:
        """Find the hyperparameters that can be traced, and those of them that steer Python code.

        What cannot be traced even as a :class:`Steering` number stays the number that it is.
        """
        point = self.jax.numpy.ones(self.shape)

        def traceable(symbols: list[str], steering: set[str]) -> Exception | None:
            self.traced, self.steering = symbols, steering
            try:
                traced(symbols)
            except SymoptError:
                raise
            except Exception as error:
                if _missing(error) != {"value"} or self.code.wants_value:
                    return error
                self.code.wants_value = True
                return traceable(symbols, steering)
            return None

        def traced(symbols: list[str]) -> None:
            self.jax.make_jaxpr(
                lambda hyper: self._update(
                    point, point, self._init(point, hyper), hyper, self._value()
                )
            )(self._values(symbols))

        every = list(self.code.hyper)
        error = traceable(every, set())
        if error is None:
            return
        if _missing(error):
            raise _refusal(error) from error
        alone = {symbol for symbol in every if traceable([symbol], set()) is None}
        steering = {
            symbol
            for symbol in every
            if symbol not in alone and traceable([symbol], {symbol}) is None
        }
        for symbol in self.pinned:
            self.session.notes.clear()
            steering.discard(symbol)
        chosen = [symbol for symbol in every if symbol in alone | steering]
        error = traceable(chosen, steering)
        if error is not None:
            raise _refusal(error) from error
        fixed = [symbol for symbol in every if symbol not in chosen]
        if fixed:
            self.session.note(f"what steers the code stays a number: {', '.join(fixed)}")

    def _given(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        return {
            symbol: Steering(self.session, symbol, value, self.code.hyper[symbol], self.pinned)
            if symbol in self.steering
            else value
            for symbol, value in hyper.items()
        }

    def _init(self, point: Any, hyper: Mapping[str, Any]) -> Any:
        return self.code.init(point, self._given(hyper))

    def _update(
        self, point: Any, gradient: Any, state: Any, hyper: Mapping[str, Any], value: Any = None
    ) -> Any:
        return self.code.update(point, gradient, state, self._given(hyper), value)

    def _value(self) -> Any:
        return self.jax.numpy.asarray(1.5) if self.code.wants_value else None

    def _trace(self) -> TracedStep:
        jax, graph = self.jax, self.session.graph
        interpreter = Interpreter(self.session)
        point = jax.numpy.ones(self.shape)
        hyper = self._values(self.traced)
        state = self._init(point, hyper)
        leaves, _ = jax.tree_util.tree_flatten_with_path(state)
        names = [self._label(path) for path, _ in leaves]
        given = [np.array(graph.input(("hyper", symbol))) for symbol in sorted(hyper)]
        x = self._inputs(("x",))
        begun = self._run(interpreter, self._init, (point, hyper), [x, *given])
        made = jax.make_jaxpr(self._update, return_shape=True)(
            point, point, state, hyper, self._value()
        )
        self.made = made[0]
        self._same_state(made[1][1], state)
        keys = [_is_key(jax, leaf) for _, leaf in leaves]
        inputs = [
            start if key else self._bound(name, leaf)
            for name, (_, leaf), start, key in zip(names, leaves, begun, keys, strict=True)
        ]
        outputs = []
        for states in (begun, inputs):
            arguments = [x, self._inputs(("g", 1)), *states, *given]
            if self.code.wants_value:
                arguments.append(np.array(graph.input(VALUE)))
            interpreter.phase = "step"
            interpreter.draws.clear()
            after = interpreter.run(made[0].jaxpr, made[0].consts, arguments)
            slots: dict[Label, int] = {
                ("x", index): int(node) for index, node in enumerate(after[0].ravel())
            }
            for name, array, key in zip(names, after[1:], keys, strict=True):
                slots.update({} if key else self._slots(name, array))
            outputs.append(slots)
        starts: dict[Label, int] = {}
        for name, array, key in zip(names, begun, keys, strict=True):
            starts.update({} if key else self._slots(name, array))
        self.draws = interpreter.draws
        return assembled(graph, self.size, outputs[1], outputs[0], starts, self.hyper)

    def _run(self, interpreter: Interpreter, function: Any, example: Any, inputs: Any) -> Any:
        made = self.jax.make_jaxpr(function)(*example)
        return interpreter.run(made.jaxpr, made.consts, inputs)

    def _same_state(self, after: Any, before: Any) -> None:
        structure = self.jax.tree_util.tree_structure
        if structure(after) != structure(before):
            raise LiftError(
                "a step keeps other things in its state than there were before the first one; what "
                "it keeps later must be there from the start"
            )

    def _inputs(self, label: tuple[Any, ...]) -> Array:
        nodes = [self.session.graph.input((*label, index)) for index in range(self.size)]
        return np.array(nodes, dtype=np.int64).reshape(self.shape)

    def _label(self, path: Any) -> str:
        text = self.jax.tree_util.keystr(path)
        if text not in self.labels:
            taken = {"x", "t", "g", *self.labels.values(), *self.traced}
            base = self.code.state_name(path)
            candidates = [base, *[f"{base}_{number}" for number in range(2, 1000)]]
            self.labels[text] = next(name for name in candidates if name not in taken)
        return self.labels[text]

    def _slots(self, name: str, array: Any) -> dict[Label, int]:
        if array.size == 1 and self.size > 1:
            return {(name, None): int(array.ravel()[0])}
        if array.shape != self.shape:
            self.session.note(f"the state {name} has the shape {array.shape}")
        return {(name, index): int(node) for index, node in enumerate(array.ravel())}

    def _bound(self, name: str, leaf: Any) -> Array:
        shape = np.shape(leaf)
        labels = self._slots(name, np.zeros(shape, dtype=np.int64))
        nodes = [self.session.graph.input(label) for label in labels]
        return np.array(nodes, dtype=np.int64).reshape(shape)


def trace_jax(code: JaxStep, session: Session, shape: tuple[int, ...] = (3,)) -> JaxTrace:
    """Trace a step; what JAX or the code refuses becomes a :class:`LiftError`."""
    try:
        return JaxTrace(code, session, shape)
    except UnknownPeriodError as error:
        periods = error.settings & set(code.hyper)
        if not periods:
            raise
        for symbol in periods:
            del code.hyper[symbol]  # stays the whole number that it is
        session.note(f"the period {', '.join(sorted(periods))} stays the number that it is")
        return trace_jax(code, session, shape)
    except SymoptError:
        raise
    except Exception as error:
        raise _refusal(error) from error


def _missing(error: Exception) -> set[str]:
    """The arguments that a step needs beside gradient, state and point."""
    if not isinstance(error, TypeError) or "required keyword-only argument" not in str(error):
        return set()
    return set(re.findall(r"'(\w+)'", str(error).partition("argument")[2]))


def _refusal(error: Exception) -> LiftError:
    message = str(error).strip().partition("\n")[0]
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "/optax/" in file or "/keras/" in file:
            place = f"{file.rpartition('/')[2]}:{trace.tb_lineno}: "
        trace = trace.tb_next
    missing = _missing(error)
    if missing:
        return LiftError(
            f"{place}the step needs {', '.join(sorted(missing))}: it evaluates the objective "
            "itself (a line search, as often as it wants), and a rule is one step from one gradient"
        )
    if isinstance(error, AttributeError) and "ArrayImpl" in message:
        name = message.rpartition(" ")[2]
        return LiftError(
            f"{place}the code asks the parameters for {name}: it wants more than one array of "
            "them, and a rule has one point"
        )
    return LiftError(f"cannot be lifted: {place}{type(error).__name__}: {message}")


def _is_key(jax: Any, leaf: Any) -> bool:
    """Whether a leaf is the key of a random generator: of those nothing is known."""
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        return False
    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key) or dtype == np.uint32)


class JaxPoint(SecondPoint):
    """The real code at points of its own."""

    def __init__(self, trace: JaxTrace) -> None:
        self._trace = trace
        self._jax = trace.jax

    def begin(self, start: Any, hyper: Mapping[str, float]) -> None:
        with wide(self._jax, "float64"):
            self._hyper = {symbol: float(value) for symbol, value in hyper.items()}
            self._point = self._jax.numpy.asarray(start)
            self._code, self._held = self._trace.code.made(self._hyper)
            self._state = self._code.init(self._point, self._given)
            self._remembered = fingerprint({"the transformation": self._held})

    def step(self, gradient: Any) -> None:
        # Without compilation: every operation runs as the code has it, one by one.
        with wide(self._jax, "float64"), self._jax.disable_jit():
            given = self._jax.numpy.asarray(gradient)
            value = self._trace._value()
            if value is not None:
                value = self._jax.numpy.asarray(float(np.sum(np.square(gradient))) + 0.25)
            self._beside = self._drawn(given, value)
            self._point, self._state = self._code.update(
                self._point, given, self._state, self._given, value
            )
            refuse_hidden_state(self._remembered, fingerprint({"the transformation": self._held}))

    @property
    def _given(self) -> Mapping[str, float]:
        """The settings, where they are not those that the code was made with."""
        return self._hyper if self._held is None else {}

    def _drawn(self, gradient: Any, value: Any) -> Slots:
        """The random numbers of the step: those that the trace gives for the same keys."""
        beside: Slots = {} if value is None else {VALUE: float(value)}
        if not self._trace.draws:
            return beside
        numbers = {symbol: self._hyper[symbol] for symbol in self._trace.traced}
        arguments = (self._point, gradient, self._state, numbers, value)
        leaves = self._jax.tree_util.tree_leaves(arguments)
        made = self._trace.made
        _, draws = drawn(made.jaxpr, made.consts, leaves)
        for labels, results in zip(self._trace.draws, draws, strict=True):
            for own, result in zip(labels, results, strict=True):
                if self._jax.numpy.issubdtype(result.dtype, self._jax.numpy.floating):
                    beside.update(zip(own, map(float, np.ravel(result)), strict=True))
        return beside

    def beside(self) -> Slots:
        return self._beside

    def read(self) -> Slots:
        slots: Slots = {
            ("x", index): float(value) for index, value in enumerate(np.ravel(self._point))
        }
        size = len(slots)
        leaves, _ = self._jax.tree_util.tree_flatten_with_path(self._state)
        for path, leaf in leaves:
            if _is_key(self._jax, leaf):
                continue
            name = self._trace.labels[self._jax.tree_util.keystr(path)]
            numbers = np.ravel(leaf)
            scalar = len(numbers) == 1 and size > 1
            for index, number in enumerate(numbers):
                slots[name, None if scalar else index] = float(number)
        return slots
