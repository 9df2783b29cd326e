"""Whole-loop functions, ``gd(df, x0, ...)``: one cycle of their loop is one step.

In the lifted world the function becomes a generator that stops at the head of the loop in which
it asks for gradients: there its local variables are seen, and replaced.
"""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symopt.errors import LiftError, SymoptError
from symopt.statement.numbers import exact
from symopt.statement.rule import Rule
from symopt.verification.lift.arguments import (
    COUNTS,
    Configuration,
    Settings,
    is_setting,
    role,
    settings_of,
)
from symopt.verification.lift.check import Answers, checked
from symopt.verification.lift.exact_source import Code, unwrapped
from symopt.verification.lift.object_graph import Leaf, entries, leaves, replaced, same
from symopt.verification.lift.sessions import Asked, traced_step
from symopt.verification.lift.to_rule import to_rule
from symopt.verification.lift.trace import Tape, Traced
from symopt.verification.target import CONFIGURATION_NAMES

__all__ = ["is_loop", "lift_loop", "shape_of"]

_STARTS = re.compile(r"(x|w|theta|start|init|point|param|p|weights)_?\w*", re.IGNORECASE)
_GRADIENT = re.compile(r"(grad|d_?f|der|jac|nabla|prime|d[a-z]_?d|g$|d[A-Z])", re.IGNORECASE)
#: Steps of the traced run: enough for three looks and one step more.
_STEPS = 8
_STOPS = "the code ends early where its own stopping test says so"
_LOOPS = (ast.For, ast.While)
_SCOPES = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
           ast.ClassDef, ast.AsyncFunctionDef)  # fmt: skip


@dataclass(frozen=True)
class _Shape:
    """What the arguments of a loop function are."""

    oracle: str
    start: str
    steps: str
    configuration: str
    values: tuple[str, ...]
    rest: Mapping[str, inspect.Parameter]


def _called(node: ast.AST) -> set[str]:
    return {
        part.func.id
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
    }


def _main_loop(node: Any, oracle: str) -> Any:
    """The outermost loop that asks for a gradient."""
    return next(
        (part for part in ast.walk(node) if isinstance(part, _LOOPS) and oracle in _called(part)),
        None,
    )


def is_loop(function: Any) -> bool:
    """Whether a function takes a gradient function and loops over calls of it."""
    return bool(_oracles(function))


def _oracles(function: Any) -> list[str]:
    try:
        names = list(inspect.signature(unwrapped(function)).parameters)
        tree = Code(unwrapped(function)).definition()
    except (LiftError, TypeError, ValueError):
        return []
    looped: set[str] = set()
    for part in ast.walk(tree):
        if isinstance(part, _LOOPS):
            looped |= _called(part)
    return [name for name in names if name in looped]


def shape_of(function: Any, given: Mapping[str, Any]) -> _Shape:
    """Which argument of a loop function is what."""
    parameters = dict(inspect.signature(function).parameters)
    called = _oracles(function)
    named = [name for name in called if _GRADIENT.match(name)]
    oracle = (named or called)[0]
    values = tuple(name for name in called if name != oracle and _is_required(parameters[name]))
    others = [name for name in parameters if name != oracle and name not in values]
    start = next(
        (name for name in others if _STARTS.fullmatch(name) and _is_required(parameters[name])),
        next((name for name in others if role(name) == "parameter"), ""),
    )
    if not start:
        raise LiftError(f"{function.__qualname__}: none of its arguments is called like a start")
    steps = next((name for name in others if name in COUNTS and name != start), "")
    steps = steps or next((name for name in others if name in ("n", "T") and name != start), "")
    configuration = next(
        (name for name in others if name in CONFIGURATION_NAMES and name != start), ""
    )
    used = {oracle, start, steps, configuration, *values}
    rest = {name: entry for name, entry in parameters.items() if name not in used}
    return _Shape(oracle, start, steps, configuration, values, rest)


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty


class _Cut(ast.NodeTransformer):
    """Makes a function a generator that stops at the head of its main loop."""

    def __init__(self, oracle: str) -> None:
        self._oracle = oracle
        self.driven: tuple[str, ...] = ()

    def __call__(self, node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.FunctionDef)
        loop = _main_loop(node, self._oracle)
        for part in _own(node):
            if isinstance(part, ast.YieldFrom):
                raise LiftError(f"line {part.lineno}: yield from is not followed")
            if isinstance(part, ast.Yield):
                part.value = ast.Tuple([ast.Constant("user"), part.value or ast.Constant(None)],
                                       ast.Load())  # fmt: skip
        names = sorted(_assigned(node))
        head = ast.parse(
            "__symopt_new__ = yield ('head', __symopt_locals__())\n"
            + "".join(
                f"if {name!r} in __symopt_new__: {name} = __symopt_new__[{name!r}]\n"
                for name in names
            )
        ).body
        for part in head:
            for inner in ast.walk(part):
                ast.copy_location(inner, loop)
        loop.body = [*head, *loop.body]
        if isinstance(loop, ast.While):
            test = ast.Call(ast.Name("__symopt_proceed__", ast.Load()), [loop.test], [])
            loop.test = ast.copy_location(test, loop.test)
        else:
            targets = [n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)]
            self.driven = tuple(f"locals[{name!r}]" for name in targets)
        return node


def _own(node: Any) -> Any:
    """The nodes of a function that are not in a scope of their own."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        part = waiting.pop()
        yield part
        if not isinstance(part, _SCOPES):
            waiting += ast.iter_child_nodes(part)


def _assigned(node: ast.FunctionDef) -> set[str]:
    names = {a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}
    outside: set[str] = set()
    for part in _own(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        if isinstance(part, (ast.Global, ast.Nonlocal)):
            outside |= set(part.names)
    return names - outside


@dataclass
class _LoopSession:
    """A loop function between two heads of its loop."""

    run: Any
    tape: Tape
    world: Mapping[str, Any]
    parameter: tuple[str, ...]
    driven: tuple[str, ...]
    roots: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self._proceed(None):
            raise LiftError("the loop ends before its first step")
        self.roots["module"] = dict(self.world)

    def _proceed(self, changes: Any) -> bool:
        try:
            kind, held = self.run.send(changes)
            while kind == "user":
                kind, held = next(self.run)
        except StopIteration:
            return False
        self.roots["locals"] = {
            name: value
            for name, value in held.items()
            if not name.startswith("__symopt") and not _is_foreign(value)
        }
        return True

    def point(self) -> Any:
        found: list[Leaf] = []

        def look(path: str, leaf: Leaf) -> Leaf:
            if path in self.parameter:
                found.append(leaf)
            return leaf

        replaced(self.roots, self.tape.files, look)
        if not found:
            raise LiftError(f"{self.parameter[0]} is not there at every step")
        return found[0]

    def set_point(self, values: Any) -> None:
        def put(path: str, leaf: Leaf) -> Leaf:
            if path not in self.parameter:
                return leaf
            if isinstance(leaf, np.ndarray):
                leaf[...] = values
                return leaf
            return values

        self.roots.update(replaced(self.roots, self.tape.files, put))

    def step(self) -> bool:
        if self._proceed(dict(self.roots["locals"])):
            return True
        self.tape.notes[_STOPS] = None
        return False


def _is_foreign(value: Any) -> bool:
    """What a local variable may hold that is no state: functions, iterators over numbers."""
    return isinstance(value, (Asked, range, enumerate, zip)) or inspect.isroutine(value)


def lift_loop(function: Any, given: Mapping[str, Any], parameter: str = "") -> Rule:
    """The rule that one cycle of a loop function is.

    ``parameter`` is the variable that is the parameter, as a path of ``locals``, where it is known.

    Raises :class:`~symopt.errors.LiftError` where none of its variables can be the parameter.
    """
    decorated, function = function, unwrapped(function)
    shape = shape_of(function, given)
    cut = _Cut(shape.oracle)
    code = Code(function, cut)
    own = {name: value for name, value in given.items() if name != shape.configuration}
    settings = settings_of(shape.rest, own, function.__qualname__)
    settings.fixed = {
        name: value for name, value in settings.fixed.items() if name not in shape.values
    }
    for key, value in dict(given.get(shape.configuration, {})).items():
        if isinstance(value, float) or is_setting(key):
            settings.hyper[key] = exact(value)
    if decorated is not function:
        settings.notes.append("read without its decorators")
    failures: list[LiftError] = []
    for dimensions in ((3,), ()):
        try:
            _real(function, shape, settings, dimensions)(
                np.array([0.5, -1.25, 2.0])[: max(1, int(np.prod(dimensions)))],
                Answers(np.full((4, max(1, int(np.prod(dimensions)))), 0.75)),
                3,
                {name: float(value) for name, value in settings.hyper.items()},
            )
        except SymoptError as error:
            failures.append(error if isinstance(error, LiftError) else LiftError(str(error)))
            continue
        except Exception as error:
            failures.append(
                LiftError(f"{function.__qualname__} raised {type(error).__name__}: {error}")
            )
            continue
        return _lifted(function, code, cut, shape, settings, dimensions, parameter)
    raise failures[0]


def _lifted(
    function: Any,
    code: Code,
    cut: _Cut,
    shape: _Shape,
    settings: Settings,
    dimensions: tuple[int, ...],
    parameter: str,
) -> Rule:
    from symopt.verification.lift.numpy_code import own_names, source_of

    failures: list[LiftError] = []
    size = 5 if dimensions else 1
    candidates: list[str] = []
    for candidate in itertools.chain(["?"], candidates):
        tape = Tape({code.file})

        def make(asked: Asked, tape: Tape = tape, candidate: str = candidate) -> _LoopSession:
            found, world = code.world(tape)

            def value(name: str) -> Any:
                return Traced(tape, tape.graph.input(("hyper", name)))

            world["__symopt_locals__"] = locals
            world["__symopt_proceed__"] = lambda test: _proceeds(tape, test)
            run = _call(found, shape, settings, value, asked, asked.start, _STEPS, tape)
            names = own_names(world, code.file)
            return _LoopSession(run, tape, names, (candidate,), cut.driven)

        try:
            if candidate == "?":
                found = _candidates(tape, make, dimensions)
                candidates += [path for path in found if parameter in ("", path)]
                if not candidates:
                    raise LiftError("no variable of the loop starts where the function starts")
                continue
            step = traced_step(tape, make, dimensions, settings.hyper)
            rule = to_rule(
                step,
                title=function.__qualname__,
                source=source_of(code),
                note="; ".join(
                    dict.fromkeys(
                        [
                            *settings.notes,
                            *tape.notes,
                            *([] if dimensions else ["read for one number, not for arrays"]),
                        ]
                    )
                ),
                name=function.__qualname__.rpartition(".")[2],
            )
            settings.stops = _STOPS in tape.notes
            real = _real(function, shape, settings, dimensions)
            checked(rule, real, size, repeats=tape.repeats)
            return rule
        except LiftError as error:
            failures.append(error)
        except SymoptError as error:
            failures.append(LiftError(f"{function.__qualname__}: {error}"))
        if candidate == "?":
            break
    raise failures[0]


def _proceeds(tape: Tape, test: Any) -> Any:
    """The test of a ``while``: what is not known is taken to go on."""
    if isinstance(test, Traced) and test.known is None:
        labels = tape.graph.program({"test": test.node}).inputs
        kinds = {label[0] for label in labels if isinstance(label, tuple)}
        if kinds - {"count", "hyper"}:
            tape.notes[_STOPS] = None
        return True
    return test


def _candidates(
    tape: Tape, make: Callable[[Asked], _LoopSession], dimensions: tuple[int, ...]
) -> list[str]:
    """Variables that start at the start and move."""
    asked = Asked(tape, dimensions, "x")
    tape.decide = lambda condition: False
    try:
        tape.active = True
        session = make(asked)
        before = leaves(session.roots, tape.files)
        session.step()
        after = leaves(session.roots, tape.files)
    except SymoptError:
        raise
    except Exception as error:
        raise (tape.refusal or LiftError(f"{type(error).__name__}: {error}")) from error
    finally:
        tape.active = False
        tape.decide = None
    found = [
        path
        for path, leaf in before.items()
        if path.startswith("locals")
        and same(leaf, asked.start, tape.node)
        and path in after
        and not same(after[path], leaf, tape.node)
    ]
    return sorted(found, key=lambda path: (path.count("["), role(path[8:-2]) != "parameter"))


def _call(
    function: Any,
    shape: _Shape,
    settings: Settings,
    value: Callable[..., Any],
    oracle: Any,
    start: Any,
    steps: int,
    tape: Tape | None = None,
) -> Any:
    """The call of a loop function in either world."""
    names = {name for name in settings.hyper if name in shape.rest} | {
        name for group in settings.groups.values() for name in group
    }
    own = Settings(
        {name: settings.hyper[name] for name in settings.hyper if name in names},
        settings.groups,
        settings.fixed,
    )
    arguments: dict[str, Any] = {shape.oracle: oracle, shape.start: start}
    arguments.update(own.arguments(value))
    for name in shape.values:
        arguments[name] = _objective(tape)
    if shape.steps:
        arguments[shape.steps] = steps
    if shape.configuration:
        arguments[shape.configuration] = Configuration(settings, value, steps)
    return function(**arguments)


def _objective(tape: Tape | None) -> Callable[..., Any]:
    """The objective's value, which no rule may depend on."""
    if tape is None:
        return lambda *_: 0.5

    def value(*point: Any) -> Any:
        where = [tape.node(entry) for part in point for entry in entries(part)]
        return tape.input(("opaque", *where, "the value of the objective"))

    return value


def _real(
    function: Any, shape: _Shape, settings: Settings, dimensions: tuple[int, ...]
) -> Callable[..., list[Any]]:
    """The real function as a source of points."""

    def run(start: Any, oracle: Answers, steps: int, hyper: Mapping[str, float]) -> list[Any]:
        def value(name: str) -> float:
            return float(hyper.get(name, settings.hyper[name]))

        def ask(*where: Any) -> Any:
            answer = oracle(*where)
            return answer if dimensions else float(np.ravel(answer)[0])

        def result(count: int) -> Any:
            oracle.restart()
            point = np.array(start, dtype=float) if dimensions else float(start[0])
            made = _call(function, shape, settings, value, ask, point, count)
            return list(itertools.islice(made, count + 1)) if inspect.isgenerator(made) else made

        size = len(np.atleast_1d(start))
        points = _path(result(steps), start, steps, size, bool(shape.steps or shape.configuration))
        if points is not None:
            return points
        points = [copy.copy(_final(result(count), size)) for count in range(1, steps + 1)]
        if settings.stops:
            # A run that its own test ends stays where it is.
            before = [np.atleast_1d(start), *points]
            still = [i for i in range(steps) if np.array_equal(before[i], points[i])]
            return points[: still[0]] if still else points
        return points

    return run


def _parts(result: Any) -> list[Any]:
    if isinstance(result, Mapping):
        return list(result.values())
    return [result, *result] if isinstance(result, tuple) else [result]


def _path(result: Any, start: Any, steps: int, size: int, counted: bool) -> list[Any] | None:
    """The points after each step, where the code returns them all."""
    for part in _parts(result):
        try:
            rows = np.asarray(part, dtype=float)
        except (TypeError, ValueError):
            continue
        if size == 1 and rows.ndim == 1:
            rows = rows[:, None]
        if rows.ndim != 2 or rows.shape[1] != size or len(rows) < 2:
            continue
        begins = np.array_equal(rows[0], np.atleast_1d(start))
        if begins:
            rows = rows[1:]
        if len(rows) <= steps or not counted:
            return list(rows[:steps])
    return None


def _final(result: Any, size: int) -> Any:
    for part in _parts(result):
        try:
            last = np.atleast_1d(np.asarray(part, dtype=float))
        except (TypeError, ValueError):
            continue
        if last.shape == (size,):
            return last
    raise LiftError("what the code returns is neither a point nor a list of points")
