"""Programs printed as instructions of LLVM, on single numbers or on vectors of lanes.

Strict as the default: no fast-math flag is set, so that nothing is contracted or reordered, and
every operation is the one of IEEE 754 that plain Python makes. What only a library computes (exp,
a real power) is a call of the C library's function, as it is in plain Python; the call goes by a
name of its own, so that the compiler does not take it for something that it may replace.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from symopt.program.graph import Program
from symopt.program.printers.numpy import PREDICATES
from symopt.program.printers.python import float_literal

__all__ = ["BINARY32", "BINARY64", "LIBRARY", "PREFIX", "Instructions", "Real", "library_calls"]

#: What the C library computes: with which name there, and how many arguments.
LIBRARY = {
    "exp": 1, "log": 1, "sin": 1, "cos": 1, "tan": 1, "atan": 1, "sinh": 1, "cosh": 1, "tanh": 1,
    "pow": 2,
}  # fmt: skip
#: Before the name of a function of the C library.
PREFIX = "symopt_"
_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"lt": "olt", "le": "ole", "eq": "oeq"}
_LOGIC = {"and": "and", "or": "or"}
_INTRINSICS = {"sqrt": "sqrt", "abs": "fabs"}
_PURE = " nounwind willreturn memory(none)"
#: What a fast kernel allows: an infinite number stays one, and so does nan.
_RELAXED = "reassoc nsz arcp contract "


@dataclass(frozen=True)
class Real:
    """A type of numbers: its name, the end of an intrinsic's and of a library function's name."""

    name: str
    suffix: str
    ending: str
    size: int

    def bits(self, value: float) -> str:
        """A number of this type, as LLVM reads it: the bits of the binary64 number it is."""
        if self.size == 4:
            try:
                value = struct.unpack("<f", struct.pack("<f", value))[0]
            except OverflowError:
                value = math.copysign(math.inf, value)
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


BINARY64 = Real("double", "f64", "", 8)
BINARY32 = Real("float", "f32", "f", 4)


class Instructions:
    """Instructions in the making: the lines so far, and the value of each node."""

    def __init__(self, program: Program, real: Real, width: int = 1, fast: bool = False) -> None:
        self.program = program
        self.real = real
        self.width = width
        self.kind = real.name if width == 1 else f"<{width} x {real.name}>"
        self.value: dict[int, str] = {}
        self._flags = _RELAXED if fast else ""
        self._truth = "i1" if width == 1 else f"<{width} x i1>"
        self._suffix = real.suffix if width == 1 else f"v{width}{real.suffix}"
        self._lines: list[str] = []
        self._count = 0
        self._declared: dict[str, None] = {}
        self._inverse: dict[int, str] = {}

    def new(self, text: str) -> str:
        """The name of what an instruction gives."""
        name = f"%n{self._count}"
        self._count += 1
        self._lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """An instruction that gives nothing."""
        self._lines.append(f"  {text}")

    def take(self) -> list[str]:
        """The lines since the last time."""
        lines, self._lines = self._lines, []
        return lines

    @property
    def ending(self) -> list[str]:
        """The functions that were called."""
        return list(self._declared)

    def constant(self, value: float) -> str:
        """A number, in every lane."""
        bits = self.real.bits(value)
        if self.width == 1:
            return bits
        return "<" + ", ".join([f"{self.real.name} {bits}"] * self.width) + ">"

    def place(self, base: str, position: str | int) -> str:
        """The address of a number."""
        return self.new(f"getelementptr {self.real.name}, ptr {base}, i64 {position}")

    def load(self, address: str) -> str:
        """The numbers at an address, one for each lane."""
        return self.new(f"load {self.kind}, ptr {address}, align {self.real.size}")

    def store(self, value: str, address: str) -> None:
        self.do(f"store {self.kind} {value}, ptr {address}, align {self.real.size}")

    def given(self, base: str, position: int, index: int) -> None:
        """A node's value from memory, the same in every lane."""
        name = self.real.name
        value = self.new(f"load {name}, ptr {self.place(base, position)}, align {self.real.size}")
        self.value[index] = self._as_node(index, self.spread(value))

    def spread(self, value: str) -> str:
        """One number, in every lane."""
        if self.width == 1:
            return value
        one = self.new(f"insertelement {self.kind} poison, {self.real.name} {value}, i32 0")
        mask = f"<{self.width} x i32> zeroinitializer"
        return self.new(f"shufflevector {self.kind} {one}, {self.kind} poison, {mask}")

    def _as_node(self, index: int, value: str) -> str:
        if self.program.nodes[index].op not in PREDICATES:
            return value
        return self.new(f"fcmp une {self.kind} {value}, {self.constant(0.0)}")

    def as_number(self, index: int) -> str:
        """A node's value as a number: truth is 1."""
        value = self.value[index]
        if self.program.nodes[index].op not in PREDICATES:
            return value
        return self.new(f"uitofp {self._truth} {value} to {self.kind}")

    def invert(self, index: int) -> None:
        """The reciprocal of a node's value, by which divisions by it may then multiply."""
        if index in self._inverse:
            return
        one = self.constant(1.0)
        self._inverse[index] = self.new(f"fdiv {self.kind} {one}, {self.value[index]}")

    def compute(self, wanted: Iterable[int]) -> None:
        """The values of these nodes, in order, given those that they read."""
        for index in wanted:
            if index not in self.value:
                self.value[index] = self._operation(index)

    def constants(self, wanted: Iterable[int]) -> None:
        """The values of the constants among these nodes."""
        for index in wanted:
            node = self.program.nodes[index]
            if node.op == "const":
                self.value[index] = self.constant(float(float_literal(Fraction(node.value))))

    def _operation(self, index: int) -> str:
        node = self.program.nodes[index]
        args = [self.value[arg] for arg in node.args]
        kind, op = self.kind, node.op
        if op == "div" and self._flags and node.args[1] in self._inverse:
            return self.new(f"fmul {self._flags}{kind} {args[0]}, {self._inverse[node.args[1]]}")
        if op in _ARITHMETIC:
            return self.new(f"{_ARITHMETIC[op]} {self._flags}{kind} {args[0]}, {args[1]}")
        if op in _COMPARISONS:
            return self.new(f"fcmp {_COMPARISONS[op]} {kind} {args[0]}, {args[1]}")
        if op in _LOGIC:
            return self.new(f"{_LOGIC[op]} {self._truth} {args[0]}, {args[1]}")
        if op == "not":
            ones = "true" if self.width == 1 else "<" + ", ".join(["i1 true"] * self.width) + ">"
            return self.new(f"xor {self._truth} {args[0]}, {ones}")
        if op == "neg":
            return self.new(f"fneg {kind} {args[0]}")
        if op in _INTRINSICS:
            return self._intrinsic(_INTRINSICS[op], *args)
        if op in ("max", "min"):  # the first where it is not the smaller one, or nan
            better = self.new(f"fcmp {'oge' if op == 'max' else 'ole'} {kind} {args[0]}, {args[1]}")
            nan = self.new(f"fcmp uno {kind} {args[0]}, {args[0]}")
            first = self.new(f"or {self._truth} {better}, {nan}")
            return self._choose(first, *args)
        if op == "sign":
            zero = self.new(f"fcmp ueq {kind} {args[0]}, {self.constant(0.0)}")
            one = self._intrinsic("copysign", self.constant(1.0), args[0])
            return self._choose(zero, args[0], one)
        if op in LIBRARY:
            return self._library(op, args)
        assert op == "select", op
        return self._choose(*args)

    def _choose(self, condition: str, then: str, otherwise: str) -> str:
        kind = self.kind
        return self.new(f"select {self._truth} {condition}, {kind} {then}, {kind} {otherwise}")

    def _declare(self, name: str, kind: str, count: int, attributes: str = "") -> None:
        self._declared[f"declare {kind} {name}({', '.join([kind] * count)}){attributes}"] = None

    def _intrinsic(self, name: str, *args: str) -> str:
        full = f"@llvm.{name}.{self._suffix}"
        self._declare(full, self.kind, len(args))
        return self.new(f"call {self.kind} {full}({', '.join(f'{self.kind} {a}' for a in args)})")

    def _library(self, op: str, args: list[str]) -> str:
        kind, full = self.real.name, f"@{PREFIX}{op}{self.real.ending}"
        self._declare(full, kind, len(args), _PURE)
        if op == "pow":
            full = self._falling(full)
        if self.width == 1:
            return self.new(f"call {kind} {full}({', '.join(f'{kind} {a}' for a in args)})")
        result = "poison"
        for lane in range(self.width):
            own = [self.new(f"extractelement {self.kind} {arg}, i32 {lane}") for arg in args]
            one = self.new(f"call {kind} {full}({', '.join(f'{kind} {a}' for a in own)})")
            result = self.new(f"insertelement {self.kind} {result}, {kind} {one}, i32 {lane}")
        return result

    def _falling(self, power: str) -> str:
        """A function like ``power`` that does not ask for what is 0 for certain.

        The C library takes ten times as long for a power that is too small for a number as for
        others. For 0 < b < 1 it is ln b <= -2 (1 - b)/(1 + b).
        """
        kind, bits = self.real.name, self.real.bits
        name = f"@falling{self.real.ending}"
        self._declared["\n".join([
            f"define internal {kind} {name}({kind} %b, {kind} %t) {_PURE.strip()} {{",
            f"  %above = fcmp ogt {kind} %b, {bits(0.0)}",
            f"  %below = fcmp olt {kind} %b, {bits(1.0)}",
            f"  %less = fsub {kind} {bits(1.0)}, %b", f"  %more = fadd {kind} {bits(1.0)}, %b",
            f"  %rate = fdiv {kind} %less, %more", f"  %fall = fmul {kind} %rate, %t",
            f"  %far = fcmp ogt {kind} %fall, {bits(400.0 if self.real.size == 8 else 60.0)}",
            "  %falls = and i1 %above, %below", "  %gone = and i1 %falls, %far",
            "  br i1 %gone, label %zero, label %ask", "zero:", f"  ret {kind} {bits(0.0)}", "ask:",
            f"  %p = call {kind} {power}({kind} %b, {kind} %t)", f"  ret {kind} %p", "}",
        ])] = None  # fmt: skip
        return name


def library_calls(program: Program, nodes: Iterable[int]) -> int:
    """How many of these nodes the C library computes."""
    return sum(program.nodes[index].op in LIBRARY for index in nodes)
