"""Rules read out of tinygrad's optimizers: from the graph of a step before it is computed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import LiftError, SymoptError
from symopt.program.graph import Label
from symopt.statement.numbers import exact
from symopt.statement.rule import Rule
from symopt.verification.adapters import required
from symopt.verification.lift.arrays import Array
from symopt.verification.lift.assemble import assembled, programs
from symopt.verification.lift.finish import finished, source_of
from symopt.verification.lift.hidden import (
    refuse_hidden_reads,
    refuse_hidden_state,
    visible_values,
)
from symopt.verification.lift.second_point import SecondPoint, Slots, checked, compared
from symopt.verification.lift.tinygrad_graph import Reader
from symopt.verification.lift.to_rule import TracedStep
from symopt.verification.lift.traced_float import Session

__all__ = ["lift_tinygrad", "lift_tinygrad_program"]

_NAMES = {
    "lr": "eta", "momentum": "mu", "b1": "beta1", "b2": "beta2", "eps": "epsilon", "wd": "lamda",
    "tcoef": "theta", "b": "v",
}  # fmt: skip
_RESERVED = ("x", "t", "g")
#: What computes a tensor's numbers: a step that asks for them decides by what is not in its graph.
_COMPUTING = ("realize", "item", "tolist", "numpy", "data", "__bool__", "__int__", "__float__")
#: tinygrad's device that needs no compiler is slow: fewer steps, rounds as elsewhere.
_STEPS = 4

Make = Callable[[list[Any]], Any]


def lift_tinygrad(target: Any, *, name: str = "") -> Rule:
    """The rule that a tinygrad optimizer follows on a vector of parameters.

    ``target`` is a class or function of ``tinygrad.nn.optim``, a ``functools.partial`` of one, or
    any function that takes a list of parameters and gives an optimizer. A step builds its graph
    before anything is computed; that graph is read, with the settings as tensors of unknown
    value. Then the real optimizer computes, with numbers, on tinygrad's own device in Python.

    Raises :class:`~symopt.errors.LiftError`, naming the operation, where that cannot be done.
    """
    trace = _trace(target, (3,))
    title = name or f"{trace.title} of tinygrad"
    rule = finished(trace.step, trace.session, title=title, source=source_of(trace.cls, "_step"))
    checked(rule, trace.hyper, TinyPoint(trace), title, steps=_STEPS)
    return rule


def lift_tinygrad_program(target: Any, shape: tuple[int, ...] = (2, 3)) -> TracedStep:
    """The checked step of an optimizer on a matrix, as a program.

    Raises :class:`~symopt.errors.LiftError` as :func:`lift_tinygrad` does.
    """
    trace = _trace(target, shape)
    program, start = programs(trace.step)
    compared(program, start, trace.hyper, TinyPoint(trace), trace.title, shape, steps=_STEPS)
    return trace.step


@contextlib.contextmanager
def _exactly(tiny: Any) -> Iterator[None]:
    """tinygrad in training, in binary64, on the device that needs no compiler."""
    with tiny.helpers.Context(TRAINING=1, DEV="PYTHON", DEFAULT_FLOAT="FLOAT64"):
        yield


@contextlib.contextmanager
def _uncomputed(tensor: Any) -> Iterator[None]:
    """For a while, nothing that computes a tensor's numbers is allowed."""

    def refusal(name: str) -> Callable[..., Any]:
        def refuse(*args: Any, **options: Any) -> Any:
            raise LiftError(f"{name}() of a tensor while a step is made: its value escapes")

        return refuse

    kept = {name: getattr(tensor, name) for name in _COMPUTING if name in vars(tensor)}
    try:
        for name in kept:
            setattr(tensor, name, refusal(name))
        yield
    finally:
        for name, method in kept.items():
            setattr(tensor, name, method)


class _Trace:
    """A traced optimizer: its step, and what is needed to run the real one beside it."""

    def __init__(self, make: Make, shape: tuple[int, ...], fixed: frozenset[str]) -> None:
        self.tiny = required("tinygrad", "tinygrad", "test")
        self.make, self.shape, self.fixed = make, shape, fixed
        self.session = Session()
        self.size = int(np.prod(shape))
        maker: Any = make
        while isinstance(maker, functools.partial):
            maker = maker.func
        self.title = str(getattr(maker, "__name__", type(maker).__name__))
        #: Settings by their symbols, as attributes of the optimizer; those that become true or
        #: false when they are compared are decided by their numbers.
        self.settings: dict[str, str] = {}
        self.hyper: dict[str, Fraction] = {}
        self.states: dict[str, str] = {}
        with _exactly(self.tiny):
            self.step: TracedStep = self._trace()

    def build(self, start: Any) -> tuple[Any, Any]:
        """An optimizer of one parameter, all of whose tensors are in binary64."""
        parameter = self.tensor(start)
        optimizer = self.make([parameter])
        for path, value in self.tensors(optimizer).items():
            wide = value.cast(self.tiny.dtypes.float64).contiguous().realize()
            _put(optimizer, path, wide.is_param_(value.is_param))
        return optimizer, parameter

    def tensor(self, values: Any) -> Any:
        return self.tiny.Tensor(np.array(values, dtype=np.float64), device="PYTHON").realize()

    def tensors(self, optimizer: Any) -> dict[str, Any]:
        """The tensors in the attributes of an optimizer, but the parameters."""
        tensor = self.tiny.Tensor
        found = {}
        for name, value in vars(optimizer).items():
            if isinstance(value, tensor):
                found[name] = value
            elif isinstance(value, list) and name not in ("params", "buffers"):
                if len(value) > 1 and any(isinstance(entry, tensor) for entry in value):
                    raise LiftError(f"{self.title} keeps several tensors in {name}")
                if value and isinstance(value[0], tensor):
                    found[f"{name}[0]"] = value[0]
        return found

    def _trace(self) -> TracedStep:
        optimizer, _ = self._made()
        self.cls = type(optimizer)
        refuse_hidden_reads(self.cls)
        self._name(optimizer)
        starts = self._starts(optimizer)
        graph = self.session.graph
        slots: dict[str, Array] = {}
        for path, name in self.states.items():
            labels = self.slots(name, starts[path].shape)
            nodes = [graph.input(label) for label in labels]
            slots[path] = np.array(nodes, dtype=np.int64).reshape(starts[path].shape)
        general = self._step(slots)
        begun = {path: self.session.nodes.constants(value) for path, value in starts.items()}
        first = self._step(begun)
        begins: dict[Label, int] = {}
        for path, name in self.states.items():
            begins.update(self._labelled(name, begun[path]))
        return assembled(graph, self.size, general, first, begins, self.hyper)

    def _made(self) -> tuple[Any, Any]:
        try:
            return self.build(np.ones(self.shape))
        except Exception as error:
            raise LiftError(
                f"{self.title} could not be made for a parameter of shape {self.shape}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _name(self, optimizer: Any) -> None:
        """Tell settings from states: a setting is the same after a step."""
        found = self.tensors(optimizer)
        before = {path: value.uop for path, value in found.items()}
        after = self._after(optimizer, np.ones(self.shape))
        changed = [path for path, value in after.items() if value.uop is not before.get(path)]
        taken = set(_RESERVED)
        for path, value in {**vars(optimizer), **found}.items():
            plain = isinstance(value, float | int) and not isinstance(value, bool)
            setting = path in found and path not in changed and value.numel() == 1
            if not (setting or (plain and (isinstance(value, float) or path in _NAMES))):
                continue
            number = value.item() if setting else value
            if number == 0:
                continue  # what is switched off stays off
            symbol = _free(_NAMES.get(path, path), taken)
            if symbol not in self.fixed:
                self.settings[symbol] = path
                self.hyper[symbol] = exact(float(number))
        for path in changed:
            base = path.partition("[")[0]
            self.states[path] = _free(_NAMES.get(base, base), taken)
        kept = [p for p in found if p not in changed and p not in self.settings.values()]
        if any(found[path].numel() > 1 for path in kept):
            raise LiftError(f"{self.title} keeps a tensor in {kept[0]} that no step changes")

    def _starts(self, optimizer: Any) -> dict[str, Any]:
        fresh, _ = self.build(np.ones(self.shape))
        found = self.tensors(fresh)
        missing = [path for path in self.states if path not in found]
        if missing:
            raise LiftError(f"{missing[0]} first appears after the first step")
        return {path: found[path].numpy() for path in self.states}

    def _after(self, optimizer: Any, gradient: Any) -> dict[str, Any]:
        """The tensors after a step that is planned, but not computed."""
        optimizer.params[0].grad = self.tensor(gradient)
        before = visible_values(optimizer, ())
        with _uncomputed(self.tiny.Tensor):
            _placed(optimizer.schedule_step, type(optimizer))
        refuse_hidden_state(before, visible_values(optimizer, ()))
        return self.tensors(optimizer)

    def _step(self, states: Mapping[str, Array]) -> dict[Label, int]:
        optimizer, parameter = self.build(np.ones(self.shape))
        setting = _settings(self.tiny.Tensor)
        buffers: dict[Any, Array] = {parameter.uop: self._inputs(("x",))}
        for path, array in states.items():
            buffers[self.tensors(optimizer)[path].uop] = array
        for symbol, path in self.settings.items():
            number = float(self.hyper[symbol])
            made = setting([number], dtype=self.tiny.dtypes.float64, device="PYTHON").realize()
            node = self.session.graph.input(("hyper", symbol))
            buffers[made.uop] = np.array([node], dtype=np.int64)
            made.steer(self.session, symbol, number)
            _put(optimizer, path, made)
        gradient = parameter.grad = self.tensor(np.ones(self.shape))
        buffers[gradient.uop] = self._inputs(("g", 1))
        with _uncomputed(self.tiny.Tensor):
            _placed(optimizer.schedule_step, type(optimizer))
        reader = Reader(self.session, buffers)
        outputs = self._labelled("x", reader.read(parameter.uop))
        after = self.tensors(optimizer)
        for path, name in self.states.items():
            outputs.update(self._labelled(name, reader.read(after[path].uop)))
        return outputs

    def _inputs(self, label: tuple[Any, ...]) -> Array:
        nodes = [self.session.graph.input((*label, index)) for index in range(self.size)]
        return np.array(nodes, dtype=np.int64).reshape(self.shape)

    def slots(self, name: str, shape: tuple[int, ...]) -> list[Label]:
        """The labels of a state's entries; one of a single entry belongs to no coordinate."""
        size = int(np.prod(shape, dtype=int))
        if size == 1 and self.size > 1:
            return [(name, None)]
        return [(name, index) for index in range(size)]

    def _labelled(self, name: str, array: Array) -> dict[Label, int]:
        labels = self.slots(name, array.shape)
        return {label: int(node) for label, node in zip(labels, array.ravel(), strict=True)}


def _trace(target: Any, shape: tuple[int, ...]) -> _Trace:
    make = _maker(target)
    fixed: frozenset[str] = frozenset()
    while True:
        try:
            return _Trace(make, shape, fixed)
        except _PinnedError as error:
            fixed |= {error.symbol}


def _maker(target: Any) -> Make:
    if callable(target):
        made: Make = target
        return made
    raise LiftError(
        f"an optimizer of tinygrad is lifted from its class: give {type(target).__name__}, or a "
        "function that takes a list of parameters"
    )


class _PinnedError(Exception):
    """A branch that holds for one number of a setting alone."""

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.symbol = symbol


@functools.cache
def _settings(tensor: Any) -> Any:
    """The class of tensors that stand for a setting: its number decides where code compares it."""

    def comparison(name: str) -> Callable[..., Any]:
        usual = getattr(tensor, name)
        sign = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">=", "__eq__": "==",
                "__ne__": "!="}[name]  # fmt: skip

        def compare(self: Any, other: Any) -> Any:
            if not isinstance(other, int | float):
                return usual(self, other)
            outcome = getattr(self.number, name)(float(other))
            if outcome == (name == "__eq__") and name in ("__eq__", "__ne__"):
                raise _PinnedError(self.symbol)
            no = "" if outcome else "not "
            self.session.note(f"lifted where {no}{self.symbol} {sign} {other}")
            return outcome

        return compare

    def arithmetic(name: str) -> Callable[..., Any]:
        usual = getattr(tensor, name)
        # A plain tensor of the same numbers: tinygrad asks for operands of the same class.
        return lambda self, *others: usual(tensor(self.uop), *others)

    class Setting(tensor):  # type: ignore[misc]
        number: float

        def steer(self, session: Session, symbol: str, number: float) -> None:
            self.session, self.symbol, self.number = session, symbol, number

        __add__, __radd__ = arithmetic("__add__"), arithmetic("__radd__")
        __sub__, __rsub__ = arithmetic("__sub__"), arithmetic("__rsub__")
        __mul__, __rmul__ = arithmetic("__mul__"), arithmetic("__rmul__")
        __truediv__, __rtruediv__ = arithmetic("__truediv__"), arithmetic("__rtruediv__")
        __pow__, __rpow__ = arithmetic("__pow__"), arithmetic("__rpow__")
        __neg__ = arithmetic("__neg__")
        __lt__, __le__ = comparison("__lt__"), comparison("__le__")
        __gt__, __ge__ = comparison("__gt__"), comparison("__ge__")
        __eq__, __ne__ = comparison("__eq__"), comparison("__ne__")
        __hash__ = tensor.__hash__

        def __bool__(self) -> bool:
            return bool(self != 0)

    return Setting


def _put(optimizer: Any, path: str, value: Any) -> None:
    name, bracket, _ = path.partition("[")
    if bracket:
        getattr(optimizer, name)[0] = value
    else:
        setattr(optimizer, name, value)


def _free(name: str, taken: set[str]) -> str:
    candidates = [name, *[f"{name}_{number}" for number in range(2, 1000)]]
    found = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(found)
    return found


def _placed(step: Callable[[], Any], cls: type) -> None:
    """Plan a step; what it raises becomes a :class:`LiftError` with the line."""
    try:
        step()
    except (_PinnedError, SymoptError):
        raise
    except Exception as error:
        place, trace = "", error.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if "optim" in file:
                place = f"{file.rpartition('/')[2]}:{trace.tb_lineno}: "
            trace = trace.tb_next
        message = str(error).strip().partition("\n")[0]
        raise LiftError(
            f"{cls.__name__} cannot be lifted: {place}{type(error).__name__}: {message}"
        ) from error


class TinyPoint(SecondPoint):
    """The real optimizer, with numbers, at points of its own."""

    def __init__(self, trace: _Trace) -> None:
        self._trace = trace
        self._tiny = trace.tiny

    def begin(self, start: Any, hyper: Mapping[str, float]) -> None:
        trace = self._trace
        with _exactly(self._tiny):
            self._optimizer, self._parameter = trace.build(start)
            tensors = trace.tensors(self._optimizer)
            for symbol, path in trace.settings.items():
                number = float(hyper[symbol])
                value = trace.tensor([number]) if path in tensors else number
                _put(self._optimizer, path, value)

    def step(self, gradient: Any) -> None:
        with _exactly(self._tiny):
            self._parameter.grad = self._trace.tensor(gradient)
            self._optimizer.step()

    def read(self) -> Slots:
        with _exactly(self._tiny):
            slots: Slots = {
                ("x", index): float(value)
                for index, value in enumerate(np.ravel(self._parameter.numpy()))
            }
            size = len(slots)
            tensors = self._trace.tensors(self._optimizer)
            for path, name in self._trace.states.items():
                numbers = np.ravel(tensors[path].numpy())
                scalar = len(numbers) == 1 and size > 1
                for index, number in enumerate(numbers):
                    slots[name, None if scalar else index] = float(number)
        return slots
