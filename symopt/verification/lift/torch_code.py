"""Rules read out of PyTorch's optimizers, unmodified, by running them."""

from __future__ import annotations

import functools
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import LiftError, SymoptError
from symopt.program.graph import Label
from symopt.statement.numbers import exact
from symopt.statement.rule import Rule
from symopt.verification.adapters import required
from symopt.verification.adapters.torch import state_name
from symopt.verification.audited.torch import NAMES
from symopt.verification.lift.assemble import assembled, programs
from symopt.verification.lift.finish import finished, source_of
from symopt.verification.lift.hidden import (
    refuse_hidden_reads,
    refuse_hidden_state,
    visible_values,
)
from symopt.verification.lift.second_point import SecondPoint, checked, compared
from symopt.verification.lift.to_rule import TracedStep
from symopt.verification.lift.traced_float import Session, TracedFloat, explored, patched_modules

__all__ = ["lift_torch", "lift_torch_program", "trace_torch"]

#: Keys of a parameter group that are settings of the implementation, whatever their type.
_SWITCHES = frozenset({"params", "foreach", "fused", "capturable", "differentiable", "maximize",
                       "initial_accumulator_value"})  # fmt: skip
#: Settings whose symbol differs from what other optimizers of PyTorch mean by the same word.
_OWN_NAMES = {"ASGD": {"alpha": "alpha", "lambd": "lamda"}}
_WARM = 2
#: Attributes of an optimizer that show its state.
_VISIBLE = ("state", "param_groups")

Make = Callable[[list[Any]], Any]


def lift_torch(target: Any, *, name: str = "") -> Rule:
    """The rule that a PyTorch optimizer follows on a vector of parameters.

    Parameters
    ----------
    target
        An optimizer (rebuilt from its settings), a class, a ``functools.partial`` of one, or a
        function that takes a list of parameters and gives an optimizer.
    name
        What to call the rule; by default the class with the settings that matter.

    The optimizer's step runs on real tensors while a mode follows every operation symbolically.
    Hyperparameters that are 0 stay 0: their part of the code does not run. The rule is then
    compared with the unobserved optimizer at other states, gradients and hyperparameters.

    Raises :class:`~symopt.errors.LiftError`, naming operation and line, where that cannot be done.

    Where PyTorch is installed, ``print(lift_torch(torch.optim.SGD))`` ends with the line
    ``x <- -eta*g + x``.
    """
    make = maker(target)
    session = Session()
    trace = trace_torch(make, session)
    cls = trace.cls
    title = name or f"{cls.__name__} of {cls.__module__.partition('.')[0]}"
    rule = finished(trace.step, session, title=title, source=source_of(cls, "step"))
    checked(rule, trace.hyper, trace.second_points(), title)
    return rule


def lift_torch_program(target: Any, shape: tuple[int, ...] = (2, 3)) -> TracedStep:
    """The checked step of an optimizer on a matrix, as a program.

    For optimizers that treat a matrix as more than a list of coordinates, which no rule can state.
    Raises :class:`~symopt.errors.LiftError` as :func:`lift_torch` does.
    """
    trace = trace_torch(target, Session(), shape)
    program, start = programs(trace.step)
    compared(program, start, trace.hyper, trace.second_points(), trace.cls.__name__, shape)
    return trace.step


def maker(target: Any) -> Make:
    """The function that makes the optimizer, from any of the forms that are taken."""
    if hasattr(target, "param_groups"):
        cls: Any = type(target)
        accepted = inspect.signature(cls).parameters
        group = target.param_groups[0]
        settings = {key: value for key, value in group.items() if key in accepted}
        settings.pop("params", None)
        return functools.partial(cls, **settings)
    if not callable(target):
        raise LiftError(f"{type(target).__name__} is no optimizer of PyTorch and makes none")
    make: Make = target
    return make


class TorchTrace:
    """A traced optimizer: its step, and what is needed to run the real one beside it."""

    def __init__(self, make: Make, session: Session, shape: tuple[int, ...]) -> None:
        torch = required("torch", "PyTorch", "torch")
        self.torch = torch
        self.make: Any = make
        self.session = session
        self.shape = shape
        self.size = int(np.prod(shape))
        with _double(torch):
            self.cls = type(self._made()[0])
            _refuse_closure(self.cls)
            refuse_hidden_reads(self.cls)
            self.names: dict[str, str] = {}
            self.hyper: dict[str, Fraction] = {}
            self.labels: dict[str, str] = {}
            self.starts: dict[Label, int] = {}
            first = explored(session, lambda: self._run(0))
            general = explored(session, lambda: self._run(_WARM))
        self.step: TracedStep = assembled(
            session.graph, self.size, general, first, self.starts, self.hyper
        )

    def second_points(self) -> SecondPoint:
        """The real optimizer, without symbols, at other points."""
        from symopt.verification.lift.torch_check import TorchPoint

        return TorchPoint(self.torch, self.make, self.names, self.labels)

    def _made(self) -> Any:
        try:
            return self._build(np.random.default_rng(0))
        except Exception as error:
            called = getattr(self.make, "__name__", "") or getattr(self.make, "func", self.make)
            raise LiftError(
                f"{getattr(called, '__name__', called)} could not be made for a parameter of shape "
                f"{self.shape}: {type(error).__name__}: {error}"
            ) from error

    def _build(self, random: np.random.Generator) -> tuple[Any, Any]:
        torch = self.torch
        parameter = torch.tensor(random.uniform(0.5, 1.5, self.shape), requires_grad=True)
        optimizer = self.make([parameter])
        if optimizer.param_groups[0].get("differentiable"):
            # In place changes of a leaf that requires a gradient are not allowed.
            parameter = parameter.detach().clone()
            optimizer = self.make([parameter])
        return optimizer, parameter

    def _run(self, warm: int) -> dict[Any, int]:
        """The nodes of the point and of the state after a step that follows ``warm`` others."""
        from symopt.verification.lift.torch_mode import Watching

        torch, session = self.torch, self.session
        random = np.random.default_rng(17)
        optimizer, parameter = self._build(random)
        with allowed(self.cls):
            for _ in range(warm):
                parameter.grad = torch.tensor(random.normal(size=self.shape))
                before = self._remembered(optimizer, parameter)
                _guarded(self.cls, optimizer.step)
                after = self._remembered(optimizer, parameter)
                new = {k for k in after if k not in before and k.startswith("state ")}
                refuse_hidden_state(before, {k: v for k, v in after.items() if k not in new})
        parameter.grad = torch.tensor(random.normal(size=self.shape))
        mode = Watching(session)
        for tensor, label in ((parameter, ("x",)), (parameter.grad, ("g", 1))):
            mode.bind(tensor, self._inputs(label))
        record = _Record(session, lambda key, value: self._begin(mode, key, value))
        if warm:
            state = optimizer.state[parameter]
            for key, value in list(state.items()):
                state[key] = self._bound(mode, key, value)
        else:
            given = dict(optimizer.state.get(parameter, {}))
            optimizer.state = defaultdict(lambda: record)
            record.update(given)
            for key, value in given.items():
                self._begin(mode, key, value)
            optimizer.state[parameter] = record
        self._make_symbolic(optimizer)
        with mode, allowed(self.cls, tracing=True):
            _guarded(self.cls, optimizer.step)
        outputs: dict[tuple[Any, ...], int] = {
            ("x", index): int(node) for index, node in enumerate(mode.read(parameter).ravel())
        }
        for key, value in optimizer.state[parameter].items():
            if _is_numeric(torch, value):
                outputs.update(self._slots(key, mode.read(value)))
            elif _holds_tensors(torch, value):
                raise LiftError(f"the state {key!r} is a {type(value).__name__} of tensors")
        if not warm:
            # What is set only after the step had no value before it.
            for label, node in outputs.items():
                if label[0] != "x":
                    self.starts.setdefault(label, node)
        return outputs

    def _remembered(self, optimizer: Any, parameter: Any) -> dict[str, str]:
        """What user code could remember in beside numbers in its state."""
        state = dict(optimizer.state.get(parameter, {}))
        other = {
            f"state {key!r}": value
            for key, value in state.items()
            if value is not None and not _is_numeric(self.torch, value)
        }
        attributes = {f"attribute {k} of a parameter": v for k, v in vars(parameter).items()}
        return visible_values(optimizer, _VISIBLE, {**other, **attributes})

    def _inputs(self, label: tuple[Any, ...]) -> Any:
        nodes = [self.session.graph.input((*label, index)) for index in range(self.size)]
        return np.array(nodes, dtype=np.int64).reshape(self.shape)

    def _label(self, key: str) -> str:
        """What the rule calls a state."""
        if key not in self.labels:
            known = state_name(self.cls.__name__, key) or key
            taken = {"x", "t", "g", *self.labels.values(), *self.names.values()}
            self.labels[key] = known if known not in taken else f"{known}_state"
        return self.labels[key]

    def _slots(self, key: str, array: Any) -> dict[Any, int]:
        name = self._label(key)
        if array.size == 1 and self.size > 1:
            return {(name, None): int(array.ravel()[0])}
        if array.shape != self.shape:
            self.session.note(f"the state {name} has the shape {array.shape}")
        return {(name, index): int(node) for index, node in enumerate(array.ravel())}

    def _begin(self, mode: Any, key: str, value: Any) -> None:
        if _is_numeric(self.torch, value):
            for label, node in self._slots(key, mode.read(value)).items():
                self.starts.setdefault(label, node)

    def _bound(self, mode: Any, key: str, value: Any) -> Any:
        if not _is_numeric(self.torch, value):
            return value
        session = self.session
        shape = tuple(getattr(value, "shape", ()))
        labels = self._slots(key, np.zeros(shape, dtype=np.int64))
        nodes = [session.graph.input(label) for label in labels]
        if isinstance(value, self.torch.Tensor):
            mode.bind(value, np.array(nodes, dtype=np.int64).reshape(shape))
            return value
        return TracedFloat(float(value), nodes[0], session)

    def _make_symbolic(self, optimizer: Any) -> None:
        """Put traced numbers in the place of the hyperparameters."""
        for group in optimizer.param_groups:
            for key, value in list(group.items()):
                if key in _SWITCHES:
                    continue
                if isinstance(value, tuple | list):
                    if any(isinstance(entry, float) for entry in value):
                        value = type(value)(map(_as_float, value))
                    parts = [self._symbolic(key, value, entry, n) for n, entry in enumerate(value)]
                    group[key] = type(value)(parts)
                else:
                    group[key] = self._symbolic(key, None, value, 0)

    def _symbolic(self, key: str, group: Any, value: Any, position: int) -> Any:
        if key in NAMES:
            value = _as_float(value)  # a learning rate of 1 is a number like any other
        if not isinstance(value, float) or value == 0:
            return value
        setting = key if group is None else f"{key}[{position}]"
        if setting not in self.names:
            name = symbol_name(self.cls.__name__, key, position, group is not None)
            taken = {"x", "t", "g", *self.names.values(), *self.labels.values()}
            self.names[setting] = name if name not in taken else setting.strip("]").replace("[", "")
            self.hyper[self.names[setting]] = exact(value)
        node = self.session.graph.input(("hyper", self.names[setting]))
        return TracedFloat(value, node, self.session)


def trace_torch(
    target: Any, session: Session | None = None, shape: tuple[int, ...] = (3,)
) -> TorchTrace:
    """The traced step of an optimizer on parameters of a shape, not yet checked."""
    return TorchTrace(maker(target), session or Session(), shape)


def symbol_name(kind: str, key: str, position: int, several: bool) -> str:
    """The letter of a setting: that of the field, or the setting's own name."""
    known = _OWN_NAMES.get(kind, {}).get(key) or NAMES.get(key, key)
    if isinstance(known, tuple):
        return known[position] if position < len(known) else f"{key}{position + 1}"
    return f"{known}{position + 1}" if several else str(known)


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Record(dict[str, Any]):
    """A state that tells what is set for the first time, and keeps plain numbers exact."""

    def __init__(self, session: Session, begin: Callable[[str, Any], None]) -> None:
        super().__init__()
        self._session = session
        self._begin = begin

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self:
            self._begin(key, value)
        if type(value) in (int, float):
            value = TracedFloat(value, self._session.nodes.constant(value), self._session)
        super().__setitem__(key, value)


def _is_numeric(torch: Any, value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


def _holds_tensors(torch: Any, value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    return isinstance(value, list | tuple) and any(isinstance(e, torch.Tensor) for e in value)


def modules_of(cls: Any) -> list[Any]:
    """The loaded modules in which the optimizer's code may be: those of its package."""
    package = cls.__module__.partition(".")[0]
    prefix = "torch.optim" if package == "torch" else package
    if cls.__module__ == "__main__":
        return [sys.modules["__main__"]]
    return [sys.modules[name] for name in _modules(prefix, len(sys.modules))]


@functools.lru_cache(maxsize=8)
def _modules(prefix: str, loaded: int) -> tuple[str, ...]:
    """The names below a prefix while so many modules are loaded: looked up once, not every step."""
    return tuple(
        name
        for name, module in list(sys.modules.items())
        if module is not None and (name == prefix or name.startswith(prefix + "."))
    )


def allowed(cls: Any, tracing: bool = False) -> Any:
    """A context in which graph capture counts as supported on this device.

    The capturable code paths need no accelerator, but ask for one. With ``tracing``, ``math``,
    ``max`` and ``min`` take traced numbers too.
    """
    supported = {"_get_capturable_supported_devices": lambda supports_xla=True: ["cpu", "cuda"]}
    return patched_modules(modules_of(cls), supported, numbers=tracing)


def _refuse_closure(cls: Any) -> None:
    """Raise :class:`~symopt.errors.LiftError` for a step that evaluates the objective itself."""
    step = inspect.unwrap(cls.step)
    needed = [
        entry.name
        for entry in list(inspect.signature(step).parameters.values())[1:]
        if entry.default is entry.empty and entry.kind is not entry.VAR_KEYWORD
    ]
    if needed:
        code = step.__code__
        raise LiftError(
            f"{Path(code.co_filename).name}:{code.co_firstlineno}: {cls.__name__}.step needs "
            f"{needed[0]}, a function that evaluates the objective: it asks for values and "
            "gradients as often as its line search wants, and a rule is one step from one gradient"
        )


class _double:
    """PyTorch's default dtype set to binary64 for a while: scalar state takes it."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def __enter__(self) -> None:
        self._before = self._torch.get_default_dtype()
        self._torch.set_default_dtype(self._torch.float64)

    def __exit__(self, *_: Any) -> None:
        self._torch.set_default_dtype(self._before)


def _guarded(cls: Any, step: Callable[[], Any]) -> None:
    """Run the step; what it raises becomes a :class:`LiftError` with the line."""
    files = {getattr(module, "__file__", None) for module in modules_of(cls)}
    try:
        step()
    except Exception as error:
        place, trace = "", error.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if file in files:
                place = f"{Path(file).name}:{trace.tb_lineno}: "
            trace = trace.tb_next
        kind = "" if isinstance(error, SymoptError) else f"{type(error).__name__}: "
        message = str(error).strip().partition("\n")[0]
        raise LiftError(f"{cls.__name__} cannot be lifted: {place}{kind}{message}") from error
