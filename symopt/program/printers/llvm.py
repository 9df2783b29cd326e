"""Programs printed as LLVM IR: the whole loop over steps for vectors of lanes.

Strict: no fast-math flag is set, so that nothing is contracted or reordered, and every operation is
the one of IEEE 754 that plain Python makes. What is the same in all lanes comes in as numbers: one
row that holds for all steps, and a table with a row for each step.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from symopt.program.graph import Program
from symopt.program.printers.numpy import PREDICATES

__all__ = ["UNPRINTED", "loop_ir"]

#: What only a library computes: other code may round it in another way.
UNPRINTED = ("exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "pow")
_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"lt": "olt", "le": "ole", "eq": "oeq"}
_LOGIC = {"and": "and", "or": "or"}
_INTRINSICS = {"sqrt": "sqrt", "abs": "fabs"}


def loop_ir(
    program: Program,
    inputs: Sequence[int | None],
    outputs: Sequence[int],
    fixed: Sequence[int],
    moving: Sequence[int],
    differs: Sequence[bool],
    *,
    width: int,
    record: bool,
) -> str:
    """The function ``loop(first, last, lanes, slots, stride, fixed, table, out)``.

    It makes the steps ``first`` to ``last - 1`` (from 0) with every group of ``width`` lanes.
    Slot i of lane j stands at ``slots[i * stride + j]`` before and after. ``inputs`` and
    ``outputs`` are the nodes of the slots' old and new values; ``fixed`` and ``moving`` the nodes
    whose values are given, in the order of the row and of the table's columns; ``differs`` says
    for each node whether it is another one from lane to lane. With ``record``
    every step writes its slots to ``out`` (of one lane).
    """
    return _Loop(program, width, differs).text(inputs, outputs, fixed, moving, record)


class _Loop:
    def __init__(self, program: Program, width: int, differs: Sequence[bool]) -> None:
        self._program = program
        self._differs = differs
        self._width = width
        self._real = "double" if width == 1 else f"<{width} x double>"
        self._truth = "i1" if width == 1 else f"<{width} x i1>"
        self._suffix = "f64" if width == 1 else f"v{width}f64"
        self._value: dict[int, str] = {}
        self._lines: list[str] = []
        self._count = 0

    def _new(self, text: str) -> str:
        name = f"%n{self._count}"
        self._count += 1
        self._lines.append(f"  {name} = {text}")
        return name

    def _constant(self, value: float) -> str:
        bits = f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
        if self._width == 1:
            return bits
        return "<" + ", ".join([f"double {bits}"] * self._width) + ">"

    def _given(self, base: str, position: int, index: int) -> None:
        """A number from memory, in every lane."""
        address = self._new(f"getelementptr double, ptr {base}, i64 {position}")
        value = self._new(f"load double, ptr {address}, align 8")
        if self._width > 1:
            kind = self._real
            one = self._new(f"insertelement {kind} poison, double {value}, i32 0")
            mask = f"<{self._width} x i32> zeroinitializer"
            value = self._new(f"shufflevector {kind} {one}, {kind} poison, {mask}")
        if self._program.nodes[index].op in PREDICATES:
            value = self._new(f"fcmp une {self._real} {value}, {self._constant(0.0)}")
        self._value[index] = value

    def _operation(self, index: int) -> str:
        node = self._program.nodes[index]
        args = [self._value[arg] for arg in node.args]
        kind, op = self._real, node.op
        if op in _ARITHMETIC:
            return self._new(f"{_ARITHMETIC[op]} {kind} {args[0]}, {args[1]}")
        if op in _COMPARISONS:
            return self._new(f"fcmp {_COMPARISONS[op]} {kind} {args[0]}, {args[1]}")
        if op in _LOGIC:
            return self._new(f"{_LOGIC[op]} {self._truth} {args[0]}, {args[1]}")
        if op == "not":
            ones = "true" if self._width == 1 else "<" + ", ".join(["i1 true"] * self._width) + ">"
            return self._new(f"xor {self._truth} {args[0]}, {ones}")
        if op == "neg":
            return self._new(f"fneg {kind} {args[0]}")
        if op in _INTRINSICS:
            return self._new(
                f"call {kind} @llvm.{_INTRINSICS[op]}.{self._suffix}({kind} {args[0]})"
            )
        if op in ("max", "min"):  # the first where it is not the smaller one, or nan
            better = self._new(
                f"fcmp {'oge' if op == 'max' else 'ole'} {kind} {args[0]}, {args[1]}"
            )
            nan = self._new(f"fcmp uno {kind} {args[0]}, {args[0]}")
            first = self._new(f"or {self._truth} {better}, {nan}")
            return self._choose(first, *args)
        if op == "sign":
            zero = self._new(f"fcmp ueq {kind} {args[0]}, {self._constant(0.0)}")
            name = f"@llvm.copysign.{self._suffix}"
            one = self._new(f"call {kind} {name}({kind} {self._constant(1.0)}, {kind} {args[0]})")
            return self._choose(zero, args[0], one)
        assert op == "select", op
        return self._choose(*args)

    def _choose(self, condition: str, then: str, otherwise: str) -> str:
        kind = self._real
        return self._new(f"select {self._truth} {condition}, {kind} {then}, {kind} {otherwise}")

    def _places(self, slots: int) -> list[str]:
        found = []
        for slot in range(slots):
            offset = self._new(f"mul i64 %stride, {slot}")
            place = self._new(f"add i64 {offset}, %lane")
            found.append(self._new(f"getelementptr double, ptr %slots, i64 {place}"))
        return found

    def text(
        self,
        inputs: Sequence[int | None],
        outputs: Sequence[int],
        fixed: Sequence[int],
        moving: Sequence[int],
        record: bool,
    ) -> str:
        kind, size = self._real, len(outputs)
        for position, index in enumerate(fixed):
            self._given("%fixed", position, index)
        head, self._lines = self._lines, []
        places = self._places(size)
        old = [self._new(f"load {kind}, ptr {place}, align 8") for place in places]
        load, self._lines = self._lines, []

        row = self._new(f"mul i64 %step, {len(moving)}")
        base = self._new(f"getelementptr double, ptr %table, i64 {row}")
        for position, index in enumerate(moving):
            self._given(base, position, index)
        for slot, node in enumerate(inputs):
            if node is not None:
                self._value[node] = f"%slot{slot}"
        for index, node_ in enumerate(self._program.nodes):
            if index in self._value:
                continue
            if node_.op == "const":
                self._value[index] = self._constant(node_.value.numerator / node_.value.denominator)
            elif self._differs[index]:
                self._value[index] = self._operation(index)
        new = [self._value[index] for index in outputs]
        if record:
            place = self._new(f"mul i64 %step, {size}")
            for slot, value in enumerate(new):
                own = self._new(f"add i64 {place}, {slot}")
                address = self._new(f"getelementptr double, ptr %out, i64 {own}")
                self._lines.append(f"  store {kind} {value}, ptr {address}, align 8")
        body, self._lines = self._lines, []
        phis = [
            f"  %slot{slot} = phi {kind} [ {before}, %lanes ], [ {after}, %steps ]"
            for slot, (before, after) in enumerate(zip(old, new, strict=True))
        ]
        stores = [
            f"  store {kind} {value}, ptr {place}, align 8"
            for value, place in zip(new, places, strict=True)
        ]
        parameters = (
            "i64 %first, i64 %last, i64 %count, ptr noalias %slots, i64 %stride, "
            "ptr noalias %fixed, ptr noalias %table, ptr noalias %out"
        )
        return "\n".join([
            f"define void @loop({parameters}) {{", "entry:", *head, "  br label %lanes",
            "lanes:", "  %lane = phi i64 [ 0, %entry ], [ %next_lane, %end ]", *load,
            "  br label %steps",
            "steps:", "  %step = phi i64 [ %first, %lanes ], [ %next_step, %steps ]", *phis, *body,
            "  %next_step = add i64 %step, 1", "  %more = icmp slt i64 %next_step, %last",
            "  br i1 %more, label %steps, label %end",
            "end:", *stores, f"  %next_lane = add i64 %lane, {self._width}",
            "  %others = icmp slt i64 %next_lane, %count",
            "  br i1 %others, label %lanes, label %done", "done:", "  ret void", "}",
            *[f"declare {kind} @llvm.{n}.{self._suffix}({kind})" for n in _INTRINSICS.values()],
            f"declare {kind} @llvm.copysign.{self._suffix}({kind}, {kind})",
        ])  # fmt: skip
