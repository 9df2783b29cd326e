"""Floats that carry a node, and the branches that they decide.

PyTorch's argument parser takes a subclass of float for a float, and validation compares it like
one, so hyperparameters and what ``.item()`` returns stay symbolic without the code noticing. A
branch on a value that varies from step to step is explored on both sides; one that depends on
hyperparameters alone follows their values, and is recorded as an assumption.
"""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from symopt.errors import LiftError
from symopt.program.graph import Graph
from symopt.verification.lift.arrays import Nodes
from symopt.verification.lift.settle import settled

__all__ = ["Branches", "Session", "TracedFloat", "explored", "patched_modules"]

MAX_PATHS = 64


class Branches:
    """The outcomes of the branches of one run: a given prefix, then the natural ones."""

    def __init__(self, prefix: tuple[bool, ...] = ()) -> None:
        self.prefix = prefix
        #: Conditions in the order in which they were met, and how they were decided.
        self.taken: list[tuple[int, bool]] = []

    def decide(self, condition: int, opposite: int, natural: bool) -> bool:
        for known, value in self.taken:
            if known in (condition, opposite):
                return value if known == condition else not value
        index = len(self.taken)
        value = self.prefix[index] if index < len(self.prefix) else natural
        self.taken.append((condition, value))
        return value


@dataclass
class Session:
    """What the runs of one lift share: the graph, notes, assumptions, and the current branches."""

    nodes: Nodes = field(default_factory=lambda: Nodes(Graph()))
    branches: Branches = field(default_factory=Branches)
    notes: dict[str, None] = field(default_factory=dict)
    #: Conditions on hyperparameters alone that the lift followed.
    assumed: dict[int, bool] = field(default_factory=dict)
    _varying: dict[int, bool] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        return self.nodes.graph

    def note(self, text: str) -> None:
        self.notes[text] = None

    def varies(self, node: int) -> bool:
        """Whether the value depends on anything but hyperparameters."""
        stack = [node]
        while stack:
            current = stack[-1]
            entry = self.graph.nodes[current]
            if entry.op == "input":
                self._varying[current] = entry.value[0] != "hyper"
            waiting = [arg for arg in entry.args if arg not in self._varying]
            if waiting:
                stack += waiting
                continue
            self._varying.setdefault(current, any(self._varying[arg] for arg in entry.args))
            stack.pop()
        return self._varying[node]

    def decide(self, condition: int, natural: bool) -> bool:
        """The outcome of a branch on a condition."""
        value = self.graph.value(condition)
        if value is not None:
            return bool(value)
        if not self.varies(condition):
            decided = settled(self.graph, condition)
            if decided is not None:
                return decided
            self.assumed[condition] = natural
            return natural
        return self.branches.decide(condition, self.nodes.negation(condition), natural)


def explored(session: Session, run: Callable[[], dict[Any, int]]) -> dict[Any, int]:
    """The outputs of all paths of ``run``, joined by selections on the branches' conditions.

    Raises :class:`~symopt.errors.LiftError` if the paths are too many or differ in what they give.
    """
    paths: list[tuple[list[tuple[int, bool]], dict[Any, int]]] = []
    waiting: list[tuple[bool, ...]] = [()]
    while waiting:
        if len(paths) >= MAX_PATHS:
            raise LiftError(f"more than {MAX_PATHS} paths through the branches of one step")
        prefix = waiting.pop()
        session.branches = Branches(prefix)
        outputs = run()
        taken = session.branches.taken
        paths.append((taken, outputs))
        for index in range(len(prefix), len(taken)):
            waiting.append((*[value for _, value in taken[:index]], not taken[index][1]))
    return _joined(session, paths, 0)


def _joined(
    session: Session, paths: list[tuple[list[tuple[int, bool]], dict[Any, int]]], depth: int
) -> dict[Any, int]:
    if len(paths) == 1 and len(paths[0][0]) <= depth:
        return paths[0][1]
    condition = paths[0][0][depth][0]
    sides = [
        _joined(session, [path for path in paths if path[0][depth][1] is side], depth + 1)
        for side in (True, False)
    ]
    if set(sides[0]) != set(sides[1]):
        raise LiftError("the two sides of a branch keep different state")
    return {
        label: session.nodes.apply("select", condition, sides[0][label], sides[1][label])
        for label in sides[0]
    }


def plain(value: float) -> float:
    """The number alone."""
    return float.__add__(value, 0.0) if isinstance(value, TracedFloat) else value


def _binary(name: str, op: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    def compute(session: Session, a: Any, b: Any) -> TracedFloat:
        try:
            value = op(plain(a), plain(b))
        except (ArithmeticError, ValueError):
            value = math.nan
        if isinstance(value, complex):
            value = math.nan
        node = session.nodes.apply(name, node_of(session, a), node_of(session, b))
        return TracedFloat(value, node, session)

    def forward(self: TracedFloat, other: Any) -> Any:
        return compute(self.session, self, other) if _is_number(other) else NotImplemented

    def backward(self: TracedFloat, other: Any) -> Any:
        return compute(self.session, other, self) if _is_number(other) else NotImplemented

    return forward, backward


def _comparison(name: str, op: Callable[[Any, Any], bool]) -> Any:
    def compare(self: TracedFloat, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        session = self.session
        condition = session.nodes.apply(name, self.node, node_of(session, other))
        return session.decide(condition, op(plain(self), plain(other)))

    return compare


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (
        getattr(value, "shape", None) == () and type(value).__module__ == "numpy"
    )


def node_of(session: Session, value: Any) -> int:
    """The node of a plain or traced number."""
    return value.node if isinstance(value, TracedFloat) else session.nodes.constant(value)


class TracedFloat(float):
    """A float with the node that says how it came about."""

    node: int
    session: Session

    def __new__(cls, value: float, node: int, session: Session) -> TracedFloat:
        made = super().__new__(cls, plain(value))
        made.node = node
        made.session = session
        return made

    __add__, __radd__ = _binary("add", operator.add)
    __sub__, __rsub__ = _binary("sub", operator.sub)
    __mul__, __rmul__ = _binary("mul", operator.mul)
    __truediv__, __rtruediv__ = _binary("div", operator.truediv)
    __pow__, __rpow__ = _binary("pow", operator.pow)
    __lt__ = _comparison("lt", operator.lt)
    __le__ = _comparison("le", operator.le)
    __gt__ = _comparison("gt", operator.gt)
    __ge__ = _comparison("ge", operator.ge)
    __eq__ = _comparison("eq", operator.eq)
    __ne__ = _comparison("ne", operator.ne)
    __hash__ = float.__hash__

    def __neg__(self) -> TracedFloat:
        return self._unary("neg", -plain(self))

    def __pos__(self) -> TracedFloat:
        return self

    def __abs__(self) -> TracedFloat:
        return self._unary("abs", abs(plain(self)))

    def __bool__(self) -> bool:
        condition = self.session.nodes.condition(self.node)
        return self.session.decide(condition, bool(plain(self)))

    def _unary(self, name: str, value: float) -> TracedFloat:
        return TracedFloat(value, self.session.nodes.apply(name, self.node), self.session)

    def _escape(self, how: str) -> float:
        if self.session.graph.value(self.node) is None and self.session.varies(self.node):
            raise LiftError(f"{how} turns a symbolic number into a plain one")
        return plain(self)

    def __float__(self) -> float:
        return self._escape("float()")

    def __int__(self) -> int:
        return int(self._escape("int()"))

    def __index__(self) -> int:
        value = self.session.graph.value(self.node)
        if value is None or value.denominator != 1:
            raise LiftError("a symbolic number is used as an index or a count")
        return int(value)

    def _whole(self, *_: Any) -> Any:
        raise LiftError("remainders and roundings of a symbolic number cannot be lifted")

    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __round__ = _whole  # type: ignore[assignment]
    __trunc__ = __floor__ = __ceil__ = __int__  # type: ignore[assignment]

    def __deepcopy__(self, memo: Any) -> TracedFloat:
        return self

    def __reduce__(self) -> Any:
        return float, (plain(self),)

    def item(self) -> TracedFloat:
        return self


class _Math:
    """The module ``math``, taking traced floats too."""

    _NAMES: ClassVar = {"sqrt": "sqrt", "exp": "exp", "log": "log", "pow": "pow", "fabs": "abs",
              "tanh": "tanh", "sin": "sin", "cos": "cos"}  # fmt: skip

    def __getattr__(self, name: str) -> Any:
        function = getattr(math, name)
        if not callable(function):
            return function

        def called(*args: Any) -> Any:
            traced = [arg for arg in args if isinstance(arg, TracedFloat)]
            if not traced:
                return function(*args)
            if name not in self._NAMES:
                raise LiftError(f"math.{name} of a symbolic number is not an operation of symopt")
            session = traced[0].session
            try:
                value = function(*map(plain, args))
            except (ArithmeticError, ValueError):
                value = math.nan
            nodes = [node_of(session, arg) for arg in args]
            return TracedFloat(value, session.nodes.apply(self._NAMES[name], *nodes), session)

        return called


def _extremum(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        values = args[0] if len(args) == 1 else args
        traced = (
            [v for v in values if isinstance(v, TracedFloat)] if _plain_sequence(values) else []
        )
        if not traced or kwargs or not all(map(_is_number, values)):
            return function(*args, **kwargs)
        session = traced[0].session
        nodes = [node_of(session, value) for value in values]
        node = nodes[0]
        for other in nodes[1:]:
            node = session.nodes.apply(name, node, other)
        return TracedFloat(function(map(plain, values)), node, session)

    return called


def _plain_sequence(values: Any) -> bool:
    return isinstance(values, tuple | list)


@contextlib.contextmanager
def patched_modules(
    modules: list[Any], extra: dict[str, Any], *, numbers: bool = True
) -> Iterator[None]:
    """For a while, ``math``, ``max`` and ``min`` in these modules take traced floats.

    ``extra`` replaces further globals where a module has them; without ``numbers``, only these.
    """
    undo: list[tuple[Any, str, Any]] = []
    absent = object()
    library = _Math()
    try:
        for module in modules:
            names = vars(module)
            changes: dict[str, Any] = {}
            if numbers:
                changes = {"max": _extremum("max", max), "min": _extremum("min", min)}
            for name, value in names.items():
                if name in extra:
                    changes[name] = extra[name]
                elif numbers and value is math:
                    changes[name] = library
                elif numbers and getattr(value, "__module__", None) == "math" and callable(value):
                    changes[name] = getattr(library, value.__name__)
            for name, value in changes.items():
                undo.append((module, name, names.get(name, absent)))
                setattr(module, name, value)
        yield
    finally:
        for module, name, value in reversed(undo):
            if value is absent:
                delattr(module, name)
            else:
                setattr(module, name, value)
