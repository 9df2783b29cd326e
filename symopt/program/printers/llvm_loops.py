"""Whole loops as functions of LLVM: one trajectory, blocks of lanes, and what all lanes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from symopt.program.graph import Label, Program
from symopt.program.printers.llvm import BINARY64, Instructions, Real

__all__ = ["Loops"]

#: Coordinates from which vectors of them pay.
_PACKED = 8


@dataclass(frozen=True, eq=False)
class Loops:
    """The loops of a program that makes one step.

    Its inputs ``slots`` (each with the output of the same label) and ``time`` change from step to
    step; ``lanes`` are the inputs that differ from lane to lane: some of the slots, and others
    that stay as they are. ``groups`` are the lengths of the runs of slots that are recorded
    together. With ``fast`` operations may be contracted and reordered. ``width`` lanes are computed
    at once, best as many as the processor's vectors have: wider ones are cut, and their numbers
    wait in memory, which costs Adam on Beale a fifth of its time.
    """

    program: Program
    slots: tuple[Label, ...]
    time: Label
    lanes: frozenset[Label]
    groups: tuple[int, ...]
    real: Real = BINARY64
    width: int = 4
    fast: bool = False

    @property
    def packed(self) -> bool:
        """Whether coordinates of one trajectory are to be put into vectors, by the compiler.

        With eight of them Adam takes half of the time, with sixty-four 0.4 of it; with fewer than
        eight, moving numbers into place costs more than it gains.
        """
        return max(self.groups, default=1) >= _PACKED

    @cached_property
    def _place(self) -> dict[Label, int]:
        nodes = enumerate(self.program.nodes)
        return {node.value: index for index, node in nodes if node.op == "input"}

    @cached_property
    def _changes(self) -> tuple[bool, ...]:
        return self.program.depends_on([*self.slots, self.time])

    @cached_property
    def _differs(self) -> tuple[bool, ...]:
        return self.program.depends_on(self.lanes)

    @cached_property
    def rows(self) -> list[Label]:
        """The inputs that have a number for each lane: slots first, in their order."""
        slots = [slot for slot in self.slots if slot in self.lanes]
        return [*slots, *(v for v in self._place if v in self.lanes and v not in self.slots)]

    @cached_property
    def alike(self) -> list[Label]:
        """The slots that all lanes share."""
        return [slot for slot in self.slots if slot not in self.lanes]

    def _frontier(self, inner: Sequence[bool]) -> list[int]:
        """The nodes outside that nodes inside, or the outputs, read; constants aside."""
        nodes = self.program.nodes
        read = {arg for i, node in enumerate(nodes) if inner[i] for arg in node.args}
        read |= {self.program.outputs[slot] for slot in self.slots}
        return sorted(i for i in read if not inner[i] and nodes[i].op != "const")

    @cached_property
    def fixed(self) -> list[int]:
        """The nodes whose values hold for a whole run and all lanes, and are read by what does not.

        Their values are given to the functions as a row of numbers, in this order.
        """
        inner = [c or d for c, d in zip(self._changes, self._differs, strict=True)]
        return self._frontier(inner)

    @cached_property
    def moving(self) -> list[int]:
        """The nodes that change from step to step, but not between lanes, and that lanes read."""
        return [
            index
            for index in self._frontier(self._differs)
            if self._changes[index] and self._is_read(index)
        ]

    def _is_read(self, index: int) -> bool:
        nodes, outputs = self.program.nodes, self.program.outputs
        readers = (node for node, own in zip(nodes, self._differs, strict=True) if own)
        ends = [outputs[slot] for slot in self.slots if slot in self.lanes]
        return index in ends or any(index in node.args for node in readers)

    def path(self) -> str:
        """The function ``path(first, last, next, every, row, rows, slots, fixed, table, out)``.

        It makes the steps ``first + 1`` to ``last``, with the slots' numbers at ``slots`` before
        and after; ``table`` begins with the row of the first. Those after step ``next`` and each
        ``every`` further ones go to ``out``, from row ``row`` on: for each group of slots an array
        of ``rows`` rows. It gives how many steps were made before a number was infinite or nan.
        """
        code = Instructions(self.program, self.real, 1, self.fast)
        kind, size, outputs = self.real.name, len(self.slots), self.program.outputs
        code.constants(range(len(self.program.nodes)))
        for position, index in enumerate(self.fixed):
            code.given("%fixed", position, index)
        if self.fast:
            self._invert(code, self._differs)
        places = [code.place("%slots", slot) for slot in range(size)]
        old = [code.load(place) for place in places]
        bases, before = [], 0
        for group in self.groups:
            offset = code.new(f"mul i64 %rows, {before}")
            bases.append(code.place("%out", offset))
            before += group
        head = code.take()

        for slot, label in enumerate(self.slots):
            if label in self._place:
                code.value[self._place[label]] = f"%slot{slot}"
        line = code.place("%table", code.new(f"mul i64 %past, {len(self.moving)}"))
        for position, index in enumerate(self.moving):
            code.given(line, position, index)
        if self.fast:
            self._invert(code, self._differs)
        code.compute(index for index, inside in enumerate(self._differs) if inside)
        new = [code.value[outputs[slot]] for slot in self.slots]
        lost = [code.new(f"fsub {kind} {value}, {value}") for value in new]  # 0, or nan
        total = "%lost"
        for one in lost:
            total = code.new(f"fadd {kind} {total}, {one}")
        finite = code.new(f"fcmp ord {kind} {total}, {total}")
        more = code.new(f"zext i1 {finite} to i64")
        good = code.new(f"add i64 %good, {more}")
        body = code.take()

        slot = 0
        for group, base in zip(self.groups, bases, strict=True):
            start = code.place(base, code.new(f"mul i64 %row, {group}"))
            for position in range(group):
                code.store(new[slot], code.place(start, position))
                slot += 1
        record = code.take()
        for value, place in zip(new, places, strict=True):
            code.store(value, place)
        phis = [
            f"  %slot{slot} = phi {kind} [ {before_}, %entry ], [ {after}, %after ]"
            for slot, (before_, after) in enumerate(zip(old, new, strict=True))
        ]
        parameters = (
            "i64 %first, i64 %last, i64 %next, i64 %every, i64 %row0, i64 %rows, "
            "ptr noalias %slots, ptr noalias %fixed, ptr noalias %table, ptr noalias %out"
        )
        return "\n".join([
            f"define i64 @path({parameters}) {{", "entry:", *head, "  br label %steps",
            "steps:", "  %done = phi i64 [ %first, %entry ], [ %step, %after ]",
            "  %due = phi i64 [ %next, %entry ], [ %due2, %after ]",
            "  %row = phi i64 [ %row0, %entry ], [ %row2, %after ]",
            f"  %good = phi i64 [ 0, %entry ], [ {good}, %after ]",
            f"  %lost = phi {kind} [ {self.real.bits(0.0)}, %entry ], [ {total}, %after ]",
            *phis, "  %step = add i64 %done, 1", "  %past = sub i64 %done, %first", *body,
            "  %is_due = icmp eq i64 %step, %due", "  br i1 %is_due, label %record, label %after",
            "record:", *record, "  %row1 = add i64 %row, 1", "  %due1 = add i64 %due, %every",
            "  br label %after",
            "after:", "  %row2 = phi i64 [ %row, %steps ], [ %row1, %record ]",
            "  %due2 = phi i64 [ %due, %steps ], [ %due1, %record ]",
            "  %goes_on = icmp slt i64 %step, %last",
            "  br i1 %goes_on, label %steps, label %end",
            "end:", *code.take(), f"  ret i64 {good}", "}", *code.ending,
        ])  # fmt: skip

    def _clock(self, code: Instructions) -> None:
        if self.time in self._place:
            value = code.new(f"sitofp i64 %step to {self.real.name}")
            code.value[self._place[self.time]] = value

    def _invert(self, code: Instructions, inner: Sequence[bool]) -> None:
        """Reciprocals of what is at hand and divides."""
        nodes = self.program.nodes
        divisors = {n.args[1] for i, n in enumerate(nodes) if inner[i] and n.op == "div"}
        for index in sorted(divisors):
            if index in code.value and not inner[index]:
                code.invert(index)

    def table(self) -> str:
        """The function ``table(first, last, alike, fixed, out)``.

        For each of the steps ``first + 1`` to ``last`` it writes a row: the values of ``moving``
        nodes, and the slots that all lanes share, as they are after the step. Their numbers stand
        at ``alike`` before and after.
        """
        code = Instructions(self.program, self.real, 1, self.fast)
        kind, outputs = self.real.name, self.program.outputs
        code.constants(range(len(self.program.nodes)))
        for position, index in enumerate(self.fixed):
            if not self._differs[index]:
                code.given("%fixed", position, index)
        places = [code.place("%alike", position) for position in range(len(self.alike))]
        old = [code.load(place) for place in places]
        head = code.take()
        for position, label in enumerate(self.alike):
            if label in self._place:
                code.value[self._place[label]] = f"%slot{position}"
        self._clock(code)
        ends = [outputs[slot] for slot in self.alike]
        needed = self.program.guards([*self.moving, *ends], known=self.fixed, branches=False)
        code.compute(index for index in needed if index not in code.value)
        new = [code.value[index] for index in ends]
        length = len(self.moving) + len(new)
        line = code.place("%out", code.new(f"mul i64 %row, {length}"))
        for position, value in enumerate([*(code.as_number(i) for i in self.moving), *new]):
            code.store(value, code.place(line, position))
        body = code.take()
        for value, place in zip(new, places, strict=True):
            code.store(value, place)
        phis = [
            f"  %slot{position} = phi {kind} [ {before}, %entry ], [ {after}, %steps ]"
            for position, (before, after) in enumerate(zip(old, new, strict=True))
        ]
        parameters = (
            "i64 %first, i64 %last, ptr noalias %alike, ptr noalias %fixed, ptr noalias %out"
        )
        return "\n".join([
            f"define void @table({parameters}) {{", "entry:", *head, "  br label %steps",
            "steps:", "  %done = phi i64 [ %first, %entry ], [ %step, %steps ]", *phis,
            "  %step = add i64 %done, 1", "  %row = sub i64 %done, %first", *body,
            "  %goes_on = icmp slt i64 %step, %last", "  br i1 %goes_on, label %steps, label %end",
            "end:", *code.take(), "  ret void", "}", *code.ending,
        ])  # fmt: skip

    def blocks(self) -> str:
        """The function ``blocks(steps, count, block, memory, stride, fixed, table)``.

        It makes ``steps`` steps with ``count`` lanes, ``block`` of them at a time, so that what a
        block needs stays in the cache. The number of lane j in row i of ``rows`` stands at
        ``memory[i * stride + j]`` before and after; a last group of ``width`` lanes
        is computed as a whole. ``table`` begins with the row of the first of these steps.
        """
        code = Instructions(self.program, self.real, self.width, self.fast)
        outputs, width = self.program.outputs, self.width
        code.constants(range(len(self.program.nodes)))
        for position, index in enumerate(self.fixed):
            code.given("%fixed", position, index)
        if self.fast:
            self._invert(code, self._differs)
        starts = [
            code.place("%memory", code.new(f"mul i64 %stride, {row}"))
            for row in range(len(self.rows))
        ]
        head = code.take()
        length = len(self.moving) + len(self.alike)
        line = code.place("%table", code.new(f"mul i64 %done, {length}"))
        for position, index in enumerate(self.moving):
            code.given(line, position, index)
        if self.fast:
            self._invert(code, self._differs)
        step = code.take()
        places = [code.place(start, "%lane") for start in starts]
        for label, place in zip(self.rows, places, strict=True):
            if label in self._place:
                code.value[self._place[label]] = code.load(place)
        code.compute(index for index, inside in enumerate(self._differs) if inside)
        slots = [label for label in self.rows if label in self.slots]
        for label, place in zip(slots, places, strict=False):
            code.store(code.value[outputs[label]], place)
        parameters = (
            "i64 %many, i64 %count, i64 %block, ptr noalias %memory, i64 %stride, "
            "ptr noalias %fixed, ptr noalias %table"
        )
        return "\n".join([
            f"define void @blocks({parameters}) {{", "entry:", *head, "  br label %blocks",
            "blocks:", "  %from = phi i64 [ 0, %entry ], [ %to, %block_end ]",
            "  %to = add i64 %from, %block", "  %short = icmp slt i64 %to, %count",
            "  %upto = select i1 %short, i64 %to, i64 %count", "  br label %steps",
            "steps:", "  %done = phi i64 [ 0, %blocks ], [ %after, %step_end ]", *step,
            "  br label %lanes",
            "lanes:", "  %lane = phi i64 [ %from, %steps ], [ %lane2, %lanes ]", *code.take(),
            f"  %lane2 = add i64 %lane, {width}", "  %others = icmp slt i64 %lane2, %upto",
            "  br i1 %others, label %lanes, label %step_end",
            "step_end:", "  %after = add i64 %done, 1", "  %goes_on = icmp slt i64 %after, %many",
            "  br i1 %goes_on, label %steps, label %block_end",
            "block_end:", "  br i1 %short, label %blocks, label %end",
            "end:", "  ret void", "}", *code.ending,
        ])  # fmt: skip
