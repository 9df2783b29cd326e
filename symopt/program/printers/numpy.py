"""Programs printed as NumPy calls on blocks of lanes, every result into a buffer that is at hand.

A *lane* is one of many runs that make the same steps with other numbers. What differs from lane to
lane is an array; everything else is a scalar, printed by the printer of plain Python. A buffer is
taken again as soon as nothing further down reads it, so that a block stays in the cache, and
a new value of state goes where the old one stood wherever nothing needs the old one any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symopt.program.graph import Program

__all__ = ["CALLS", "PREDICATES", "LaneCode", "lane_code"]

#: The function of each operation; it takes its arguments and the array that receives the result.
CALLS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative",
    "sqrt": "sqrt", "abs": "absolute", "sign": "sign", "exp": "exp", "log": "log", "sin": "sin",
    "cos": "cos", "tan": "tan", "atan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "max": "maximum", "min": "minimum", "lt": "less", "le": "less_equal", "eq": "equal",
    "and": "logical_and", "or": "logical_or", "not": "logical_not", "pow": "raised",
}  # fmt: skip
#: Operations whose result is a truth value: their buffers are boolean.
PREDICATES = frozenset({"lt", "le", "eq", "and", "or", "not"})


@dataclass(frozen=True)
class LaneCode:
    """The lines of one step, with the names of the buffers and masks that they use.

    ``rotation`` says which buffer each name stands for afterwards, where that changes.
    """

    lines: tuple[str, ...]
    buffers: tuple[str, ...]
    masks: tuple[str, ...]
    rotation: Mapping[str, str]


def lane_code(
    program: Program,
    wanted: Mapping[str, int],
    inputs: Mapping[int, str],
    scalars: Mapping[int, str],
    taken: frozenset[str] = frozenset(),
    spread: frozenset[int] = frozenset(),
) -> LaneCode:
    """The code that gives each wanted buffer, by name, the value of a node.

    ``inputs`` names the buffers that hold input nodes; ``scalars`` is the text of every node that
    is no result of lanes: the same in all of them, or, where ``spread``, an array at hand. No new
    buffer gets a name that is ``taken``.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> x, v = graph.input("x"), graph.input("v")
    >>> new = graph.sub(v, graph.mul(x, x))
    >>> program = graph.program({"x": graph.add(x, new), "v": new})
    >>> code = lane_code(program, {"x": 4, "v": 3}, {0: "x", 1: "v"}, {})
    >>> print(*code.lines, sep="; ")
    square(x, r0); subtract(v, r0, v); add(x, v, x)
    >>> code.buffers, code.rotation
    (('r0',), {})
    """
    return _Allocator(program, wanted, inputs, scalars, taken, spread).code()


class _Allocator:
    def __init__(
        self,
        program: Program,
        wanted: Mapping[str, int],
        inputs: Mapping[int, str],
        scalars: Mapping[int, str],
        taken: frozenset[str],
        spread: frozenset[int],
    ) -> None:
        self._nodes = program.nodes
        self._wanted = wanted
        self._scalars = scalars
        self._spread = spread
        self._taken = taken | set(inputs.values()) | set(wanted)
        self._place = dict(inputs)
        self._home: dict[int, str] = {}
        for name, index in wanted.items():
            self._home.setdefault(index, name)
        self._order = self._schedule()
        self._left = self._count()
        self._out: list[str] = []
        self._made: dict[str, list[str]] = {"r": [], "b": []}
        # Old state that nothing reads is room from the start.
        read = {name for index, name in inputs.items() if self._left.get(index)}
        self._free: dict[str, list[str]] = {"r": [], "b": []}
        for name, index in wanted.items():
            if name not in read:
                self._free["b" if self._nodes[index].op in PREDICATES else "r"].append(name)

    def _schedule(self) -> list[int]:
        """The nodes with their arguments first, each as late as its first use allows."""
        order: list[int] = []
        seen: set[int] = set(self._scalars)
        for index in self._wanted.values():
            stack = [(index, False)]
            while stack:
                current, ready = stack.pop()
                if ready:
                    order.append(current)
                elif current not in seen:
                    seen.add(current)
                    if current not in self._place:
                        stack.append((current, True))
                        stack += [(arg, False) for arg in reversed(self._nodes[current].args)]
        return order

    def _count(self) -> dict[int, int]:
        left: dict[int, int] = {}
        for index in [arg for i in self._order for arg in set(self._nodes[i].args)]:
            left[index] = left.get(index, 0) + 1
        for index in self._wanted.values():  # a use that never ends
            left[index] = left.get(index, 0) + 1
        return left

    def code(self) -> LaneCode:
        for index in self._order:
            self._operation(index)
        return LaneCode(
            lines=(*self._out, *(tail := self._finish())[0]),
            buffers=tuple(self._made["r"]),
            masks=tuple(self._made["b"]),
            rotation=tail[1],
        )

    def _operation(self, index: int) -> None:
        node = self._nodes[index]
        texts = [self._scalars.get(arg) or self._place[arg] for arg in node.args]
        dying = []
        for arg in dict.fromkeys(node.args):
            if arg not in self._scalars:
                self._left[arg] -= 1
                if not self._left[arg]:
                    dying.append(arg)
        if node.op == "select":
            self._select(index, texts, dying)
            return
        self._release(dying)
        target = self._take("b" if node.op in PREDICATES else "r", index, dying)
        self._place[index] = target
        if node.op == "mul" and texts[0] == texts[1]:
            self._out.append(f"square({texts[0]}, {target})")
        else:
            # NumPy takes a third argument of maximum and minimum for another number.
            into = f"out={target}" if node.op in ("max", "min") else target
            self._out.append(f"{CALLS[node.op]}({', '.join([*texts, into])})")

    def _select(self, index: int, texts: list[str], dying: list[int]) -> None:
        """The second branch, with the lanes of the first put over it."""
        condition, _, otherwise = self._nodes[index].args
        if condition in self._scalars and condition not in self._spread:
            # One of the two is copied: neither may be where the result goes.
            target = self._take("r", index, [])
            self._out.append(f"copyto({target}, {texts[1]} if {texts[0]} else {texts[2]})")
        elif otherwise in dying and self._place[otherwise] != texts[1]:
            target = self._place[otherwise]
            dying = [arg for arg in dying if arg != otherwise]
            self._out.append(f"copyto({target}, {texts[1]}, where={texts[0]})")
        else:
            target = self._take("r", index, [])
            self._out.append(f"copyto({target}, {texts[2]})")
            self._out.append(f"copyto({target}, {texts[1]}, where={texts[0]})")
        self._place[index] = target
        self._release(dying)

    def _release(self, dying: Sequence[int]) -> None:
        for arg in dying:
            self._free["b" if self._nodes[arg].op in PREDICATES else "r"].append(self._place[arg])

    def _take(self, kind: str, index: int, dying: Sequence[int]) -> str:
        """The buffer for a result: its home, an argument's, another free one, or a new one."""
        free = self._free[kind]
        home = self._home.get(index)
        places = [self._place[arg] for arg in dying]
        choices = [
            *[name for name in [home] if name in free],
            *[name for name in places if name in free and name not in self._wanted],
            *[name for name in reversed(free) if name not in self._wanted],
        ]
        if choices:
            free.remove(choices[0])
            return choices[0]
        made = self._made[kind]
        name = f"{kind}{len(made)}"
        while name in self._taken:
            name += "_"
        made.append(name)
        return name

    def _finish(self) -> tuple[list[str], dict[str, str]]:
        """Every wanted value in a buffer of its own, and how the names change places."""
        lines: list[str] = []
        holds: dict[str, str] = {}
        for name, index in self._wanted.items():
            place = self._place.get(index)
            if index in self._scalars:
                place = self._take("r", index, [])
                lines.append(f"copyto({place}, {self._scalars[index]})")
            elif place in holds.values():
                source = self._place[index]
                place = self._take("r", index, [])
                lines.append(f"copyto({place}, {source})")
            assert place is not None
            holds[name] = place
        moved = {name: place for name, place in holds.items() if name != place}
        # What a name leaves behind goes to a name whose buffer was taken.
        without = [place for place in moved.values() if place not in moved]
        unheld = [name for name in moved if name not in moved.values()]
        return lines, {**moved, **dict(zip(without, unheld, strict=True))}
