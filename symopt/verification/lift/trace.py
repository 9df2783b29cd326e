"""Traced numbers: values that code computes with, each of them a node of one program.

A :class:`Tape` holds the program and decides what code asks of an unknown number; a
:class:`Traced` is one number. Arithmetic makes nodes. What would need the number itself is
refused by name and line, and the refusal is remembered even where the code swallows it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Any, NoReturn

import sympy

from symopt.errors import LiftError
from symopt.program.graph import Graph, Label
from symopt.verification.lift.arrays import Nodes

__all__ = ["Condition", "Tape", "Traced"]

_CONDITIONS = frozenset({"lt", "le", "eq", "and", "or", "not"})


class Tape:
    """The program being traced.

    ``files`` are the names of the files whose lines errors speak of. ``decide`` is asked which
    way to go where code branches on a traced number; without it, branching is refused.

    >>> tape = Tape()
    >>> g = tape.input(("g", 1, 0))
    >>> tape.graph.program({"f": (1 - 0.9 * g).node}).operations
    2
    """

    def __init__(
        self, files: Collection[str] = (), decide: Callable[[int], bool] | None = None
    ) -> None:
        self.graph = Graph()
        self.nodes = Nodes(self.graph)
        self.files = frozenset(files)
        self.decide = decide
        #: What a reader of the lifted rule must know: casts, repaired constants.
        self.notes: dict[str, None] = {}
        #: The first refusal; code may catch the exception but not the fact.
        self.refusal: LiftError | None = None
        #: Whether the code asks for more than one gradient at the same point.
        self.repeats = False
        #: Lists that get longer step by step: identity -> (list, first length, growth).
        self.growing: dict[int, tuple[Any, int, int]] = {}
        #: Where such lists are.
        self.histories: set[str] = set()
        #: Whether the code is making a step, and not only being imported.
        self.active = False

    def input(self, label: Label) -> Traced:
        """An unknown number."""
        return Traced(self, self.graph.input(label))

    def value(self, node: int) -> Traced:
        """A node as a number (or as a condition, where it is one)."""
        return (Condition if self.graph.nodes[node].op in _CONDITIONS else Traced)(self, node)

    def node(self, value: Any) -> int:
        """The node of a traced number, or of any number that Python and NumPy know."""
        if isinstance(value, Traced):
            if value.tape is not self:
                self.refuse("a number of another run: something is kept outside of the optimizer")
            return value.node
        if isinstance(value, Fraction):
            return self.graph.const(value)
        if isinstance(value, sympy.Rational):
            return self.graph.const(Fraction(int(value.p), int(value.q)))
        before = len(self.nodes.repaired)
        try:
            node = self.nodes.constant(value)
        except (TypeError, ValueError) as error:
            self.refuse(f"{type(value).__name__} as a number", error)
        if len(self.nodes.repaired) > before:
            written = self.nodes.repaired[float(value)]
            self.notes[f"the constant {value!r} is read as {written}"] = None
        return node

    def apply(self, op: str, *values: Any) -> Traced:
        """One operation, by its name in :class:`Nodes` or in the graph."""
        return self.value(self.nodes.apply(op, *[self.node(value) for value in values]))

    def where(self) -> str:
        """File and line of the traced code that is running, as ``name.py:12``."""
        frame = sys._getframe(1)
        while frame is not None:
            name = frame.f_code.co_filename
            if name in self.files:
                return f"{name.rpartition('/')[2]}:{frame.f_lineno}"
            frame = frame.f_back  # type: ignore[assignment]
        return ""

    def refuse(self, what: str, cause: BaseException | None = None) -> NoReturn:
        """Raise (and remember) a :class:`~symopt.errors.LiftError` that names the line."""
        place = self.where()
        error = LiftError(f"{place}: {what}" if place else what)
        self.refusal = self.refusal or error
        raise error from cause


def _binary(op: str, swapped: bool = False) -> Callable[[Traced, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        return self.tape.apply(op, *((other, self) if swapped else (self, other)))

    return method


def _comparison(op: str) -> Callable[[Traced, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        result = self.tape.apply(op, self, other)
        return result if result.known is None else bool(result.known)

    return method


def _of_known(what: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """What has a result for constants only."""

    def method(self: Traced, *args: Any) -> Any:
        known = self.known
        if known is None:
            self.tape.refuse(f"{what} of a number that is not known while lifting")
        return compute(known, *args)

    return method


def _opaque(what: str, compute: Callable[[Fraction, Fraction], Any]) -> Callable[..., Any]:
    """What no rule can say, but what code may do on the side (print at every tenth step)."""

    def method(self: Traced, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        node = self.tape.node(other)
        known = self.tape.graph.value(node)
        if self.known is not None and known:
            return Traced(self.tape, self.tape.graph.const(compute(self.known, known)))
        return self.tape.input(("opaque", self.node, node, f"{what} ({self.tape.where()})"))

    return method


def _is_number(value: Any) -> bool:
    if isinstance(value, (Traced, int, float, Fraction)):
        return True
    return hasattr(value, "item") and getattr(value, "shape", None) == ()


class Traced:
    """One number of the traced code.

    >>> tape = Tape()
    >>> v = tape.input("v")
    >>> float(v)
    Traceback (most recent call last):
        ...
    symopt.errors.LiftError: the float() of a number that is not known while lifting
    """

    __slots__ = ("node", "tape")

    def __init__(self, tape: Tape, node: int) -> None:
        self.tape = tape
        self.node = node

    @property
    def known(self) -> Fraction | None:
        """Its value where it is a constant."""
        return self.tape.graph.value(self.node)

    __add__, __radd__ = _binary("add"), _binary("add", True)
    __sub__, __rsub__ = _binary("sub"), _binary("sub", True)
    __mul__, __rmul__ = _binary("mul"), _binary("mul", True)
    __truediv__, __rtruediv__ = _binary("div"), _binary("div", True)
    __pow__, __rpow__ = _binary("pow"), _binary("pow", True)
    __lt__, __le__ = _comparison("lt"), _comparison("le")
    __gt__, __ge__ = _comparison("gt"), _comparison("ge")
    __eq__ = _comparison("eq")  # type: ignore[assignment]
    __ne__ = _comparison("ne")  # type: ignore[assignment]

    def __neg__(self) -> Traced:
        return self.tape.apply("neg", self)

    def __pos__(self) -> Traced:
        return self

    def __abs__(self) -> Traced:
        return self.tape.apply("abs", self)

    def __bool__(self) -> bool:
        tape = self.tape
        node = tape.nodes.condition(self.node)
        known = tape.graph.value(node)
        if known is not None:
            return bool(known)
        if tape.decide is None:
            tape.refuse("a branch on a number that is not known while lifting")
        return tape.decide(node)

    def __index__(self) -> int:
        known = self.known
        if known is None or known.denominator != 1:
            self.tape.refuse("the use as an index of a number that is not known while lifting")
        return int(known)

    def __copy__(self) -> Traced:
        return self

    def __deepcopy__(self, memo: Any) -> Traced:
        return self

    def __getattr__(self, name: str) -> Any:
        # Only for names that are not defined: what a float has beyond arithmetic shows its value.
        if name.startswith("__"):
            raise AttributeError(name)
        self.tape.refuse(f"the attribute {name} of a number that is not known while lifting")

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def ndim(self) -> int:
        return 0

    @property
    def size(self) -> int:
        return 1

    @property
    def real(self) -> Traced:
        return self

    def item(self) -> Traced:
        return self

    def copy(self) -> Traced:
        return self

    __hash__ = _of_known("the use as a key", hash)
    __format__ = _of_known("the text", lambda value, form: format(float(value), form))
    __repr__ = _of_known("the text", lambda value: repr(float(value)))
    __float__, __complex__ = _of_known("the float()", float), _of_known("the complex()", complex)
    __int__, __trunc__ = _of_known("the int()", int), _of_known("the truncation", int)
    __round__ = _of_known("the round()", round)
    __floor__ = _of_known("the floor", math.floor)
    __ceil__ = _of_known("the ceiling", math.ceil)
    __mod__ = _opaque("the remainder", lambda a, b: a % b)
    __floordiv__ = _opaque("the whole quotient", lambda a, b: Fraction(a // b))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from symopt.verification.lift.numpy_arrays import apply_ufunc

        return apply_ufunc(self.tape, ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        from symopt.verification.lift.numpy_arrays import apply_function

        return apply_function(self.tape, function, args, options)


class Condition(Traced):
    """A comparison of traced numbers, or what is made of several."""

    __slots__ = ()
    # An explicit hash: a class that defines none inherits, but __eq__ lives in the parent.
    __hash__ = Traced.__hash__

    def __and__(self, other: Any) -> Traced:
        return self.tape.apply("and", self, other)

    def __or__(self, other: Any) -> Traced:
        return self.tape.apply("or", self, other)

    __rand__, __ror__ = __and__, __or__

    def __xor__(self, other: Any) -> Traced:
        return self.tape.apply("xor", self, other)

    def __invert__(self) -> Traced:
        return self.tape.apply("not", self)
