"""One pass over arrays as a function of LLVM: the new numbers of a coordinate from its old ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from symopt.program.graph import Program
from symopt.program.printers.llvm import Instructions, Real

__all__ = ["Pass"]


@dataclass(frozen=True, eq=False)
class Pass:
    """What is done to every coordinate alike, with each array read once and written once.

    ``reads`` are nodes whose numbers stand in arrays, each with the place of its array among all;
    ``numbers`` the nodes that are one number for all coordinates; ``writes`` the nodes whose
    numbers go to arrays, each with its place. An array may be both read and written.
    """

    program: Program
    arrays: int
    reads: tuple[tuple[int, int], ...]
    numbers: tuple[int, ...]
    writes: tuple[tuple[int, int], ...]

    @cached_property
    def inner(self) -> tuple[int, ...]:
        """The nodes to be computed for a coordinate, arguments first."""
        given = {*self.numbers, *(index for index, _ in self.reads)}
        found: set[int] = set()
        stack = [index for index, _ in self.writes]
        while stack:
            index = stack.pop()
            if index not in found and index not in given:
                found.add(index)
                stack += self.program.nodes[index].args
        return tuple(sorted(found))

    def text(self, real: Real) -> str:
        """The function ``pass(count, numbers, *arrays)``, for ``count`` of at least 1.

        It is written for one coordinate at a time. Whether several are computed at once is left to
        the compiler, which may since no array overlaps another and nothing is summed.
        """
        code = Instructions(self.program, real)
        for position, index in enumerate(self.numbers):
            code.given("%numbers", position, index)
        head = code.take()
        places = [code.place(f"%array{place}", "%at") for place in range(self.arrays)]
        for index, place in self.reads:
            code.value[index] = code.load(places[place])
        code.compute(self.inner)
        for index, place in self.writes:
            code.store(code.value[index], places[place])
        arrays = "".join(f", ptr noalias %array{place}" for place in range(self.arrays))
        return "\n".join([
            f"define void @pass(i64 %count, ptr noalias %numbers{arrays}) {{", "entry:", *head,
            "  br label %coordinates",
            "coordinates:", "  %at = phi i64 [ 0, %entry ], [ %next, %coordinates ]", *code.take(),
            "  %next = add nuw nsw i64 %at, 1", "  %others = icmp slt i64 %next, %count",
            "  br i1 %others, label %coordinates, label %end",
            "end:", "  ret void", "}", *code.ending,
        ])  # fmt: skip
