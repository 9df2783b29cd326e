"""From a session (code that can be stepped) to the traced step: the state is found by looking.

A session is run three steps in the traced world; what changed is its state. Then it is run again:
one step from its start, and one step from symbols put in place of everything that it keeps.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from symopt.errors import LiftError
from symopt.program.graph import Node
from symopt.verification.lift.assemble import assembled, begins_with
from symopt.verification.lift.branches import explored
from symopt.verification.lift.numpy_arrays import array_of
from symopt.verification.lift.object_graph import (
    Leaf,
    entries,
    is_number,
    leaves,
    lists,
    replaced,
    same,
)
from symopt.verification.lift.to_rule import TracedStep
from symopt.verification.lift.trace import Tape

__all__ = ["Asked", "Session", "traced_step"]

_TIME = ("t",)
#: With more states that the first step makes, their starts are not sought.
_MAX_UNSEEN = 4


class Asked:
    """The oracle of traced code: opaque gradients, and a record of where they were asked for."""

    def __init__(self, tape: Tape, shape: tuple[int, ...], start: str) -> None:
        self.tape = tape
        self.shape = shape
        #: Where the code starts. Its own label tells what is remembered of it from where it is.
        self.start = _symbols(tape, _coordinates(start, shape), shape)
        self.warm = True
        self.points: list[tuple[int, ...]] = []

    def begin(self, warm: bool) -> None:
        """Forget the questions of the step before; answers of a warm-up are no gradients."""
        self.warm = warm
        self.points = []

    def __call__(self, *point: Any) -> Any:
        # grad(x), grad(x, i), or the coordinates one by one.
        whole = len(point) == 1 or np.ndim(point[0]) > 0
        where = array_of(self.tape, point[0] if whole else list(point))
        key = tuple(self.tape.node(entry) for entry in entries(where))
        if key in self.points:
            self.tape.repeats = True
        else:
            self.points.append(key)
        number = self.points.index(key) + 1
        kind = "warm" if self.warm else "g"
        labels = [(kind, number, *label[1:]) for label in _coordinates(kind, self.shape)]
        return _symbols(self.tape, labels, self.shape)


class Session(Protocol):
    """Code that can be stepped, in the traced world."""

    #: What it keeps, by name.
    roots: dict[str, Any]
    #: Where the parameter is: paths of leaves that are no state.
    parameter: tuple[str, ...]
    #: Leaves that something outside of the code sets, such as the counter of a ``for``.
    driven: tuple[str, ...]

    def point(self) -> Any:
        """The parameter, an array or a number."""

    def set_point(self, values: Any) -> None:
        """Put the parameter somewhere else, in place where it is an array."""

    def step(self) -> bool:
        """Make one step; false where the code stops instead."""


Make = Callable[[Asked], Session]


@dataclass
class _Kept:
    """One leaf that the code keeps: its name in the rule, its shape, and how it counts."""

    path: str
    name: str
    leaf: Leaf
    start: Leaf | None
    counts: tuple[Fraction, Fraction] | None = None
    driven: bool = False
    #: Its coordinate, where a list holds one number per coordinate.
    coordinate: int | None = None

    def labels(self, shape: tuple[int, ...]) -> list[tuple[Hashable, ...]]:
        """One label per number: coordinates where it has the parameter's shape."""
        if self.counts is not None:
            return [("count", self.name, "")]
        if self.coordinate is not None:
            return [(self.name, self.coordinate)]
        own = np.shape(self.leaf)
        if own == shape and own != ():
            return [(self.name, index) for index in range(len(entries(self.leaf)))]
        if shape and own[-len(shape) :] == shape:
            size = int(np.prod(shape))
            return [
                (f"{self.name}_{index // size}", index % size)
                for index in range(len(entries(self.leaf)))
            ]
        if len(entries(self.leaf)) == 1:
            return [(self.name, None if shape else 0)]
        return [(f"{self.name}_{index}", None) for index in range(len(entries(self.leaf)))]


@dataclass
class _Engine:
    tape: Tape
    make: Make
    shape: tuple[int, ...]
    failure: Exception | None = None
    kept: list[_Kept] = field(default_factory=list)
    taken: set[str] = field(
        default_factory=lambda: {"x", "g", "t", "hyper", "count", "warm", "start", "opaque"}
    )
    #: Lengths of lists before and after the first step.
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Leaves that the general step changes although the first steps did not: path -> value.
    late: dict[str, Leaf] = field(default_factory=dict)

    # Runs of the code. An exception on one path ends that path, as it ends the real code.

    def guarded(self, run: Callable[[], Any]) -> Any:
        tape = self.tape
        try:
            tape.active = True
            result = run()
        except LiftError:
            raise
        except Exception as error:
            if tape.refusal is not None:
                raise tape.refusal from error
            self.failure = error
            place = _place(error, tape)
            tape.notes[f"some values are not admitted ({type(error).__name__}{place})"] = None
            return None
        finally:
            tape.active = False
        if tape.refusal is not None:
            raise tape.refusal
        return result

    def explored(self, run: Callable[[], Any]) -> dict[Hashable, int]:
        try:
            return explored(self.tape, lambda: self.guarded(run))
        except LiftError as error:
            if self.failure is not None and self.tape.refusal is None:
                failure = self.failure
                raise LiftError(
                    f"{error}: {type(failure).__name__}{_place(failure, self.tape)}: {failure}"
                ) from failure
            raise

    def started(self, start: str = "x") -> tuple[Asked, Session]:
        asked = Asked(self.tape, self.shape, start)
        return asked, self.make(asked)

    def look(self, session: Session) -> dict[str, Leaf]:
        found = leaves(session.roots, self.tape.files)
        return {path: leaf for path, leaf in found.items() if path not in session.parameter}

    # What the code keeps.

    def discover(self) -> None:
        """Three steps; what a step changes or makes is kept."""
        seen: list[list[dict[str, Leaf]]] = []
        driven: list[tuple[str, ...]] = []

        def run() -> dict[Hashable, int] | None:
            asked, session = self.started()
            looks = [self.look(session)]
            sizes = [self._sizes(session)]
            for _ in range(3):
                asked.begin(warm=True)
                if not session.step():
                    return None
                looks.append(self.look(session))
                sizes.append(self._sizes(session))
            self.sizes = {path: (sizes[0].get(path, 0), size) for path, size in sizes[1].items()}
            seen.append(looks)
            driven.append(session.driven)
            return {}

        self.explored(run)
        looks = seen[0]
        node = self.tape.node
        for path in dict.fromkeys([*looks[2], *looks[3]]):
            if path not in looks[1] and not _is_past(path):
                raise LiftError(f"{path} first appears after the first step")
        for path, leaf in looks[1].items():
            begun = path in looks[0]
            steady = all(same(leaf, look[path], node) for look in looks[2:] if path in look)
            unchanged = steady and begun and same(leaf, looks[0][path], node)
            if is_number(leaf):
                moved = not unchanged if begun else not (steady and self.is_setting(leaf))
                moved = moved or self.starts(leaf)
            else:
                moved = not steady
            if moved and path in looks[2] and path in looks[3]:
                self.keep(path, [look.get(path) for look in looks], path in driven[0])
        self._gather()

    def keep(self, path: str, history: list[Leaf | None], driven: bool = False) -> None:
        """Take a leaf as state."""
        leaf = history[1]
        if not is_number(leaf):
            raise LiftError(f"{path} changes from step to step and is no number")
        if not all(np.shape(look) == np.shape(leaf) for look in history[2:]):  # type: ignore[arg-type]
            raise LiftError(f"{path} changes its shape from step to step")
        kept = _Kept(path, _short(path, self.taken), leaf, history[0])
        kept.driven = driven
        kept.counts = _progression(history, self.tape.node)
        if kept.driven and kept.counts is None:
            raise LiftError(f"{path} does not count in equal steps")
        self.kept.append(kept)

    def _sizes(self, session: Session) -> dict[str, int]:
        return {k: len(v) for k, v in lists(session.roots, self.tape.files).items()}

    def _gather(self) -> None:
        """Lists with one number per coordinate are one quantity."""
        lists: dict[str, list[_Kept]] = {}
        for kept in self.kept:
            found = re.fullmatch(r"(.*)\[-\d+\]", kept.path)
            if found and np.shape(kept.leaf) == () and kept.counts is None:
                lists.setdefault(found[1], []).append(kept)
        for members in lists.values():
            if len(members) == self.size > 1:
                for coordinate, kept in enumerate(members):
                    kept.name, kept.coordinate = members[0].name, coordinate

    def _labels(self, leaf: Leaf) -> set[Any]:
        nodes: dict[Hashable, int] = {
            i: self.tape.node(entry) for i, entry in enumerate(entries(leaf))
        }
        labels = self.tape.graph.program(nodes).inputs
        return {label[0] if isinstance(label, tuple) else label for label in labels}

    def starts(self, leaf: Leaf) -> bool:
        """Whether a leaf remembers the start."""
        return "x" in self._labels(leaf)

    def is_setting(self, leaf: Leaf) -> bool:
        """Whether a leaf is made of constants and hyperparameters alone."""
        return self._labels(leaf) <= {"hyper"}

    # The two steps.

    def outputs(self, asked: Asked, session: Session) -> dict[Hashable, int]:
        node = self.tape.node
        point = entries(session.point())
        result: dict[Hashable, int] = {
            ("x", index): node(entry) for index, entry in enumerate(point)
        }
        after = self.look(session)
        for kept in self.kept:
            leaf = after.get(kept.path)
            if leaf is None or np.shape(leaf) != np.shape(kept.leaf):
                raise LiftError(f"{kept.path} is not there after every step")
            for label, entry in zip(kept.labels(self.shape), entries(leaf), strict=True):
                result[label] = node(entry)
        for number, where in enumerate(asked.points, 1):
            result.update({(f"ask {number}", index): n for index, n in enumerate(where)})
        return result

    def first(self) -> dict[Hashable, int] | None:
        asked, session = self.started()
        asked.begin(warm=False)
        return self.outputs(asked, session) if session.step() else None

    def general(self) -> dict[Hashable, int] | None:
        asked, session = self.started("start")
        asked.begin(warm=True)
        if not session.step():
            return None
        tape = self.tape
        by_path = {kept.path: kept for kept in self.kept}
        session.set_point(_symbols(tape, _coordinates("x", self.shape), self.shape))
        point = session.point()

        def put(path: str, leaf: Leaf) -> Leaf:
            kept = by_path.get(path)
            if kept is None or path in session.parameter or not is_number(leaf):
                return leaf
            shares = isinstance(leaf, np.ndarray) and isinstance(point, np.ndarray)
            if shares and np.shares_memory(leaf.view(np.ndarray), point.view(np.ndarray)):
                return leaf
            values = _symbols(tape, kept.labels(self.shape), np.shape(leaf))
            if isinstance(leaf, np.ndarray) and hasattr(leaf, "tape"):
                leaf[...] = values
                return leaf
            return values

        session.roots.update(replaced(session.roots, tape.files, put))
        before = self.look(session)
        tape.growing = self._growing(session)
        asked.begin(warm=False)
        try:
            if not session.step():
                return None
        finally:
            tape.growing = {}
        self._compare(before, self.look(session), session.driven)
        return self.outputs(asked, session)

    def _growing(self, session: Session) -> dict[int, tuple[Any, int, int]]:
        """Lists that get longer by a step: their length is not what it is while lifting."""
        found = {}
        for path, value in lists(session.roots, self.tape.files).items():
            sizes = self.sizes.get(path)
            if sizes is not None and sizes[0] != sizes[1]:
                found[id(value)] = (value, sizes[0], sizes[1] - sizes[0])
                self.tape.histories.add(path)
        return found

    def _compare(
        self, before: dict[str, Leaf], after: dict[str, Leaf], driven: tuple[str, ...]
    ) -> None:
        known = {kept.path for kept in self.kept} | set(driven)
        for path, leaf in after.items():
            if path in known or _is_past(path):
                continue
            if path not in before:
                raise LiftError(f"{path} first appears after the first step")
            if not same(leaf, before[path], self.tape.node):
                self.late[path] = before[path]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))


def traced_step(
    tape: Tape, make: Make, shape: tuple[int, ...], hyper: Mapping[str, Fraction]
) -> TracedStep:
    """One step of a session from an arbitrary state.

    ``make(oracle)`` starts the session anew; its parameter starts at the inputs ``("x", i)``.

    Raises :class:`~symopt.errors.LiftError` where the code does what no rule can say.
    """
    engine = _Engine(tape, make, shape)
    engine.discover()
    first = engine.explored(engine.first)
    while True:
        general = engine.explored(engine.general)
        wrong = [kept for kept in engine.kept if not _keeps_counting(tape, kept, general)]
        if not wrong and not engine.late:
            break
        for kept in wrong:
            kept.counts = None
        for path, leaf in engine.late.items():
            engine.keep(path, [leaf] * 4)
        engine.late = {}
        first = engine.explored(engine.first)
    return _assembled(engine, general, first, hyper)


def _assembled(
    engine: _Engine,
    general: dict[Hashable, int],
    first: dict[Hashable, int],
    hyper: Mapping[str, Fraction],
) -> TracedStep:
    tape = engine.tape
    if set(general) != set(first):
        raise LiftError("the first step asks for other gradients than later ones do")
    counting: dict[Hashable, Any] = {
        ("count", kept.name, ""): kept.counts for kept in engine.kept if kept.counts
    }
    general = _counted(tape, general, counting)
    starts: dict[Hashable, int] = {}
    unseen: dict[str, list[Any]] = {}
    for kept in engine.kept:
        labels = kept.labels(engine.shape)
        begun = kept.start is not None and np.shape(kept.start) == np.shape(kept.leaf)
        known = is_number(kept.start) if begun else False
        values = entries(kept.start) if known else [0] * len(labels)
        starts.update({label: tape.node(v) for label, v in zip(labels, values, strict=True)})
        if not known and ("count", kept.name, "") not in counting:
            unseen[kept.name] = labels
    for count in counting:
        del general[count], first[count], starts[count]
    asks: dict[str, list[int]] = {}
    for label in general:
        assert isinstance(label, tuple)
        if str(label[0]).startswith("ask "):
            asks.setdefault(label[0], [])
            starts[label] = tape.graph.const(0)
    starts = _begun(tape, general, first, starts, unseen)
    step = assembled(tape.graph, engine.size, general, first, starts, hyper)
    memory = {entry.name: entry for entry in step.state}
    return replace(
        step,
        asks=tuple(memory[name].after for name in asks),
        state=tuple(entry for entry in step.state if entry.name not in asks),
    )


def _begun(
    tape: Tape,
    general: dict[Hashable, int],
    first: dict[Hashable, int],
    starts: dict[Hashable, int],
    unseen: Mapping[str, list[Any]],
) -> dict[Hashable, int]:
    """The starts; where the first step makes a state, the 0 or 1 that it made it of, if any."""
    if not unseen or len(unseen) > _MAX_UNSEEN:
        return starts
    for values in itertools.product((0, 1), repeat=len(unseen)):
        tried = dict(starts)
        for labels, value in zip(unseen.values(), values, strict=True):
            tried.update(dict.fromkeys(labels, tape.graph.const(value)))
        if begins_with(tape.graph, general, first, tried):
            return tried
    return starts


def _coordinates(name: str, shape: tuple[int, ...]) -> list[tuple[Any, ...]]:
    return [(name, index) for index in range(int(np.prod(shape, dtype=int)))]


def _symbols(tape: Tape, labels: list[Any], shape: tuple[int, ...]) -> Any:
    values = [tape.input(label) for label in labels]
    return array_of(tape, values).reshape(shape) if shape else values[0]


def _progression(
    history: list[Leaf | None], node: Callable[[Any], int]
) -> tuple[Fraction, Fraction] | None:
    """First value and difference of a number that counts the steps."""
    if any(leaf is None or np.shape(leaf) != () for leaf in history[1:]):
        return None
    numbers = [getattr(leaf, "known", leaf) for leaf in history]
    if any(value is None or isinstance(value, np.ndarray) for value in numbers[1:]):
        return None
    values = [Fraction(str(value)) for value in numbers[1:]]
    step = values[1] - values[0]
    if step == 0 or values[2] - values[1] != step:
        return None
    start = numbers[0]
    if start is None or not is_number(start) or Fraction(str(start)) != values[0] - step:
        # It begins with the first step: what it would have been before does not matter.
        return None if start is not None and is_number(start) else (values[0] - step, step)
    return Fraction(str(start)), step


def _keeps_counting(tape: Tape, kept: _Kept, general: Mapping[Hashable, int]) -> bool:
    if kept.counts is None or kept.driven:
        return True
    label = ("count", kept.name, "")
    return general[label] == tape.graph.add(
        tape.graph.input(label), tape.graph.const(kept.counts[1])
    )


def _counted(
    tape: Tape, outputs: dict[Hashable, int], counting: Mapping[Hashable, Any]
) -> dict[Hashable, int]:
    """Counters as expressions of ``t``, and comparisons of ``t`` alone decided."""
    graph, nodes = tape.graph, tape.nodes
    time = graph.input(_TIME)
    lines: dict[int, tuple[Fraction, Fraction]] = {time: (Fraction(1), Fraction(0))}

    def line(slope: Fraction, offset: Fraction) -> int:
        made = graph.const(offset)
        if slope:
            made = graph.add(graph.mul(graph.const(slope), time), made)
            if offset < 0:
                made = graph.sub(graph.mul(graph.const(slope), time), graph.const(-offset))
            lines[made] = (slope, offset)
        return made

    def straight(node: int) -> tuple[Fraction, Fraction] | None:
        value = graph.value(node)
        return (Fraction(0), value) if value is not None else lines.get(node)

    def visit(node: Node, args: list[int]) -> int:
        if node.op == "input":
            counts = counting.get(node.value)
            if counts is None:
                return graph.input(node.value)
            return line(counts[1], counts[0] - counts[1])
        if node.op == "const":
            return graph.const(node.value)
        known = [straight(arg) for arg in args]
        if node.op == "select":
            return _joined(tape, *args)
        if node.op in ("add", "sub", "lt", "le", "eq") and None not in known:
            (a, b), (c, d) = known  # type: ignore[misc]
            if node.op in ("add", "sub"):
                sign = 1 if node.op == "add" else -1
                return line(a + sign * c, b + sign * d)
            decided = _decided(node.op, a - c, b - d)
            if decided is not None:
                return graph.const(decided)
        return nodes.apply(node.op, *args)

    return dict(graph.program(outputs).fold(visit))


def _joined(tape: Tape, condition: int, then: int, otherwise: int) -> int:
    """A case for one value of a hyperparameter, where the other case says the same there."""
    graph = tape.graph
    entry = graph.nodes[condition]
    if entry.op == "eq":
        for known, other in (entry.args, entry.args[::-1]):
            label = graph.nodes[other].value
            if graph.value(known) is not None and isinstance(label, tuple) and label[0] == "hyper":
                sides = graph.program({"then": then, "otherwise": otherwise})
                there = graph.inline(sides, {label: known})
                if there["then"] == there["otherwise"]:
                    return otherwise
    return tape.nodes.apply("select", condition, then, otherwise)


def _decided(op: str, slope: Fraction, offset: Fraction) -> bool | None:
    """Whether ``slope*t + offset`` is below, at most, or equal to 0, if so for every t >= 1."""
    if slope == 0:
        return {"lt": offset < 0, "le": offset <= 0, "eq": offset == 0}[op]
    root = -offset / slope
    if op == "eq":
        return None if root >= 1 and root.denominator == 1 else False
    first = slope + offset
    if slope > 0:
        return False if (first > 0 or (first == 0 and op == "lt")) else None
    return True if (first < 0 or (first == 0 and op == "le")) else None


def _is_past(path: str) -> bool:
    """Whether a leaf is an entry of a list before the last: what is left behind in a history."""
    return re.search(r"\[-\d+\]", path) is not None


def _short(path: str, taken: set[str]) -> str:
    """A name for a leaf: that of the innermost attribute or key, with outer ones if needed."""
    words = re.findall(r"[A-Za-z_]\w*", path.replace("'s default", ""))[1:]
    words = [word.strip("_") for word in words if word not in ("x", "_")] or ["s"]
    name = words.pop() or "s"
    while name in taken and words:
        name = f"{words.pop()}_{name}"
    base, count = name, 2
    while name in taken:
        name, count = f"{base}_{count}", count + 1
    taken.add(name)
    return name


def _place(error: Exception, tape: Tape) -> str:
    """Where in the code an exception arose."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file in tape.files:
            place = f" at {file.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
