"""Rules read out of NumPy-style code: optimizer classes, step functions, whole loops."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import LiftError, SymoptError
from symopt.statement.numbers import exact
from symopt.statement.rule import Rule
from symopt.statement.source import Reference, Source
from symopt.verification.lift.arguments import Configuration, Settings, role, settings_of
from symopt.verification.lift.check import RealCode, checked
from symopt.verification.lift.exact_source import Code
from symopt.verification.lift.sessions import Asked, Session, traced_step
from symopt.verification.lift.steppers import (
    FunctionSession,
    ObjectSession,
    forms,
    method_names,
)
from symopt.verification.lift.to_rule import to_rule
from symopt.verification.lift.trace import Tape, Traced
from symopt.verification.target import CONFIGURATION_NAMES

__all__ = ["lift_numpy"]

#: Coordinates while tracing: three tell a mean from a half. Code for single numbers gets one.
SHAPES: tuple[tuple[int, ...], ...] = ((3,), ())
_SIZES = {(3,): 5, (): 1}

#: Makes a session in the world of real numbers or of traced ones.
Start = Callable[[Any, dict[str, Any], Callable[[str], Any], Any, Callable[..., Any]], Session]


def lift_numpy(target: Any, given: Mapping[str, Any], way: tuple[str, str] | None = None) -> Rule:
    """The rule of a class, an object or a function.

    ``way`` is the method and the form of its arguments, where a class is to be called so only.

    Raises :class:`~symopt.errors.LiftError` where no rule can be read, or what was read is not
    what the code does at other points.
    """
    if isinstance(target, type):
        return _lift_class(target, given, way)
    if inspect.isfunction(target):
        from symopt.verification.lift.loops import is_loop, lift_loop

        if is_loop(target):
            rule: Rule = lift_loop(target, given)
            return rule
        return _lift_function(target, given)
    if inspect.isclass(type(target)) and hasattr(type(target), "__dict__"):
        return _lift_class(type(target), {**_attributes(target), **given})
    raise LiftError(f"{target!r} is neither a class, an object nor a function")


def _attributes(target: Any) -> dict[str, Any]:
    """The settings of an object, where its attributes are named like its arguments."""
    found = {}
    for name in inspect.signature(type(target)).parameters:
        for attribute in (name, f"_{name}"):
            if role(name) != "parameter" and hasattr(target, attribute):
                found[name] = getattr(target, attribute)
                break
    return found


def _parameters(target: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(target).parameters)
    except (TypeError, ValueError) as error:
        raise LiftError(f"{target!r} has no readable arguments") from error


def _lift_class(kind: type, given: Mapping[str, Any], way: tuple[str, str] | None = None) -> Rule:
    _refuse_estimator(kind)
    parameters = _parameters(kind)
    held = [name for name in parameters if role(name) == "parameter"]
    rest = {name: entry for name, entry in parameters.items() if name not in held}
    what = kind.__qualname__
    settings = settings_of(rest, given, what)
    methods = method_names(kind)
    if not methods:
        raise LiftError(f"{what} has none of the methods that make a step: update, step, ...")
    ways = [(method, form) for method in methods for form in forms(kind)]
    shared = _shared_settings(kind, settings)
    settings.hyper.update(shared)
    settings.inside |= set(shared)

    def starter(method: str, form: str) -> Start:
        def start(
            found: Any,
            world: dict[str, Any],
            value: Callable[[str], Any],
            point: Any,
            oracle: Callable[..., Any],
        ) -> Session:
            arguments = settings.arguments(value)

            def make(params: Any) -> Any:
                own = dict.fromkeys(held, params)
                made = found(**own, **arguments)
                for name in shared:
                    setattr(made.hyperparam, name, value(name))
                return made

            return ObjectSession(make, method, form, oracle, world, point)

        return start

    if way is not None:
        ways = [way]
    return _first_way(Code(kind), kind, settings, [starter(*each) for each in ways])


def _refuse_estimator(kind: type) -> None:
    """Raise :class:`~symopt.errors.LiftError` for a model that trains itself."""
    if not (hasattr(kind, "fit") and hasattr(kind, "get_params")):
        return
    compiled = {
        str(getattr(value, "__module__", ""))
        for base in kind.__mro__
        for value in vars(sys.modules.get(base.__module__, kind)).values()
        if type(value).__name__ in ("builtin_function_or_method", "cython_function_or_method")
        and "." in str(getattr(value, "__module__", ""))
    }
    place = f" (compiled, in {', '.join(sorted(compiled))})" if compiled else ""
    raise LiftError(
        f"{kind.__qualname__} is an estimator: its fit() runs a training loop of its own{place}, "
        "and there is no step in Python to read; symopt.verify can compare its points with a rule"
    )


def _shared_settings(kind: type, settings: Settings) -> dict[str, Fraction]:
    """The decimals that an object keeps in ``hyperparam``, its own and those of a parent."""
    if forms(kind) != ("rule",):
        return {}
    made = kind(**settings.arguments(lambda name: float(settings.hyper[name])))
    shared = getattr(made, "hyperparam", None)
    if shared is None:
        return {}
    told = shared.get_dict() if hasattr(shared, "get_dict") else vars(shared)
    return {
        name: exact(value)
        for name, value in dict(told).items()
        if isinstance(value, float) and not name.startswith("_")
    }


def _lift_function(function: Any, given: Mapping[str, Any]) -> Rule:
    parameters = _parameters(function)
    what = function.__qualname__
    names: list[str] = []
    memory: dict[str, str] = {}
    rest = dict(parameters)
    for name, entry in parameters.items():
        if entry.kind not in (entry.POSITIONAL_ONLY, entry.POSITIONAL_OR_KEYWORD):
            continue
        if name in given:
            continue
        kind = role(name)
        required = entry.default is entry.empty
        if kind in ("parameter", "gradient") and required:
            names.append(name)
        elif entry.default is None or name in CONFIGURATION_NAMES:
            names.append(name)
            memory[name] = "configuration" if name in CONFIGURATION_NAMES else "none"
        elif required and (kind == "time" or not _stands_in(name)):
            names.append(name)
            memory[name] = "time" if kind == "time" else "zero"
        else:
            continue
        rest.pop(name)
    kinds = [role(name) for name in names]
    if "parameter" not in kinds or not {"gradient"} & set(kinds):
        raise LiftError(
            f"{what} takes no parameter and gradient that could be told by name; its arguments "
            f"are {', '.join(parameters)}, but none of them is called like params or grads"
        )
    settings = settings_of(rest, given, what)
    zeros = [name for name, kind in memory.items() if kind == "zero"]
    if zeros:
        settings.notes.append(f"{', '.join(zeros)} start at 0")
    positions = list(parameters)
    ordered = sorted(names, key=positions.index)

    def starter(form: str) -> Start:
        def start(
            found: Any,
            world: dict[str, Any],
            value: Callable[[str], Any],
            point: Any,
            oracle: Callable[..., Any],
        ) -> Session:
            starts: dict[str, Callable[[], Any]] = {
                "none": lambda: None,
                "time": lambda: 1,
                "zero": lambda: _zero(form, point),
                "configuration": lambda: Configuration(settings, value),
            }
            state = {name: starts[entry]() for name, entry in memory.items()}
            return FunctionSession(
                found, ordered, oracle, world, point, settings.arguments(value), state, form
            )

        return start

    ways = [starter(form) for form in ("array", "dict", "list")]
    return _first_way(Code(function), function, settings, ways)


def _stands_in(name: str) -> bool:
    from symopt.verification.lift.arguments import is_setting

    return is_setting(name)


def _zero(form: str, point: Any) -> Any:
    zero = point * 0
    return {"x": zero} if form == "dict" else ([zero] if form == "list" else zero)


def _first_way(code: Code, target: Any, settings: Settings, ways: list[Start]) -> Rule:
    """The rule by the first way of calling the code that moves a parameter in plain floats."""
    failures: list[str] = []
    for shape in SHAPES:
        for way in ways:
            run = real_code(target, way, shape, settings)
            try:
                start = np.array([0.5, -1.25, 2.0])[: max(1, int(np.prod(shape)))]
                hyper = {name: float(value) for name, value in settings.hyper.items()}
                points = run(start, _sample(), 5, hyper)
                if not all(np.all(np.isfinite(np.asarray(point, float))) for point in points):
                    raise ValueError("it gives inf or nan")
                if all(np.array_equal(start, np.atleast_1d(point)) for point in points):
                    raise ValueError("it does not move the parameter")
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
                continue
            return lifted(code, target, settings, way, shape)
    # What the code itself says tells more than that a way of calling it does not fit.
    misfits = ("TypeError", "AttributeError", "KeyError", "IndexError", "ValueError: it ")
    told = next((text for text in failures if not text.startswith(misfits)), failures[-1])
    raise LiftError(
        f"{target.__qualname__} could not be called with a parameter and a gradient in any usual "
        f"way; the last answer was {told}"
    )


def _sample() -> Callable[..., Any]:
    rows = iter([1.5, -0.75, 0.5, 0.25, 2.0] * 10)

    def gradient(*where: Any) -> Any:
        point = np.asarray(where[0] if len(where) == 1 else where, dtype=float)
        scale = np.linspace(1, 2, point.size).reshape(point.shape)
        return next(rows) * scale if point.shape else next(rows)

    return gradient


def real_code(target: Any, way: Start, shape: tuple[int, ...], settings: Settings) -> RealCode:
    """The real code as a function of start, oracle, steps and hyperparameters."""

    def run(
        start: Any, oracle: Callable[..., Any], steps: int, hyper: Mapping[str, float]
    ) -> list[Any]:
        def ask(*where: Any) -> Any:
            answer = oracle(*where)
            return float(np.ravel(answer)[0]) if shape == () else answer

        point = float(start[0]) if shape == () else np.array(start, dtype=float)

        def value(name: str) -> float:
            return hyper[name] if name in hyper else float(settings.hyper[name])

        session = way(target, {}, value, point, ask)
        points = []
        for _ in range(steps):
            session.step()
            points.append(copy.copy(session.point()))
        return points

    return run


def lifted(code: Code, target: Any, settings: Settings, way: Start, shape: tuple[int, ...]) -> Rule:
    """The rule of code that is called in a known way, checked against the real code."""
    last: LiftError | None = None
    for chosen in _choices(settings):
        tape = Tape({code.file})

        def make(asked: Asked, tape: Tape = tape) -> Session:
            found, world = code.world(tape)

            def value(name: str) -> Any:
                return Traced(tape, tape.graph.input(("hyper", name)))

            return way(found, own_names(world, code.file), value, asked.start, asked)

        settings.hyper, settings.fixed = chosen.hyper, chosen.fixed
        try:
            step = traced_step(tape, make, shape, chosen.hyper)
            notes = [*settings.notes, *tape.notes]
            if not shape:
                notes.append("read for one number, not for arrays")
            rule = to_rule(
                step,
                title=target.__qualname__,
                source=source_of(code),
                note="; ".join(dict.fromkeys(notes)),
                name=target.__qualname__.rpartition(".")[2],
            )
        except LiftError as error:
            last = last or error
            continue
        except SymoptError as error:
            raise LiftError(f"{target.__qualname__}: {error}") from error
        bits = 24 if any("float32" in note for note in tape.notes) else 53
        checked(rule, real_code(target, way, shape, settings), _SIZES[shape], bits=bits)
        return rule
    assert last is not None
    raise last


def _choices(settings: Settings) -> Iterator[Settings]:
    """All settings symbolic; then those that may be counts at their values."""
    yield replace(settings, hyper=dict(settings.hyper), fixed=dict(settings.fixed))
    if settings.whole:
        yield settings.without(settings.whole)


def own_names(world: Mapping[str, Any], file: str) -> dict[str, Any]:
    """What a module itself defines and could remember in."""

    def owned(value: Any) -> bool:
        if inspect.isfunction(value):
            return bool(value.__code__.co_filename == file)
        if isinstance(value, (int, float, Traced, np.ndarray, dict, list, tuple, set)):
            return True
        kind = value if isinstance(value, type) else type(value)
        return getattr(kind, "__module__", None) == world.get("__name__")

    return {
        name: value
        for name, value in world.items()
        if not name.startswith("__") and not isinstance(value, bool) and owned(value)
    }


def source_of(code: Code) -> Source:
    """Where the code stands, as the source of its rule."""
    path = Path(code.file)
    year = datetime.fromtimestamp(path.stat().st_mtime).year
    last = code.line + code.length - 1
    name = code.target.__qualname__
    return Source(
        path.stem,
        f"{name}, lines {code.line}-{last}",
        Reference(path.stem, path.name, path.name, year, kind="code"),
    )
