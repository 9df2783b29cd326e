"""The whole loop of a rule on a vector: questions to the objective, and NumPy calls in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.derivation.array.staged import Question, StagedStep
from symopt.execution import arithmetic as numbers
from symopt.execution.kernel import compile_source, listed, wrapped
from symopt.program.graph import ARITY, Label, Program
from symopt.program.printers.llvm_pass import Pass
from symopt.program.printers.numpy import CALLS, PREDICATES, lane_code
from symopt.program.printers.python import ARRAY, RESERVED, Printer, clean_names

__all__ = ["VectorLoop", "vector_loop"]

_WORDS = frozenset(
    {*CALLS.values(), *RESERVED, "square", "copyto", "number", "buffers", "masks", "gradient",
     "theta", "grad", "reduce_sum", "reduce_max", "count", "t", "update"}
)  # fmt: skip


@dataclass(frozen=True)
class VectorLoop:
    """The source of a loop over steps, and how many buffers and masks it needs.

    ``function(*slots, *hyperparameters, count, steps, record, gradient, theta, grad, buffers,
    masks)``: ``gradient()`` reads the array ``theta`` and writes ``grad``; ``record`` is called
    with the tuple of all slots after each step, whose arrays the next step changes. Sums over
    coordinates are NumPy's ``add.reduce`` (pairwise), maxima its ``maximum.reduce``. With a
    ``plan`` there is a last argument, ``update``, which makes the new state of the arrays and
    numbers of that pass; ``at_home`` then says that the array of the point has to be ``theta``,
    since the gradient is asked for there alone.
    """

    source: str
    slots: tuple[Label, ...]
    buffers: int
    masks: int
    plan: Pass | None = None
    at_home: bool = False

    def bind(self, dtype: type[np.floating[Any]]) -> Callable[..., None]:
        """The function on arrays of one dtype."""
        base = numbers.lanes(dtype)
        own = {"reduce_sum": np.add.reduce, "reduce_max": np.maximum.reduce}
        functions = {**base.functions, **own}
        return compile_source(self.source, numbers.Arithmetic(
            base.name, base.dialect, functions, base.convert
        ))  # fmt: skip


@lru_cache(maxsize=256)
def vector_loop(step: StagedStep, one_pass: bool = False) -> VectorLoop:
    """The loop of one rule; ``one_pass`` leaves what follows its last question to machine code.

    >>> from symopt import rules
    >>> from symopt.derivation.array.staged import staged_step
    >>> print(vector_loop(staged_step(rules.momentum)).source)
    def momentum(x, v, eta, mu, count, steps, record, gradient, theta, grad, buffers, masks):
        (r0, r1) = buffers
        g = grad
        k0 = number(eta)
        k1 = number(mu)
        for t in range(1, steps + 1):
            copyto(theta, x)
            gradient()
            multiply(k1, v, r0)
            multiply(k0, g, r1)
            subtract(r0, r1, v)
            add(x, v, x)
            record((x, v))
    >>> print(vector_loop(staged_step(rules.momentum), one_pass=True).source.partition("for")[2])
     t in range(1, steps + 1):
            gradient()
            update((x, v, g), (k0, k1))
            record((x, v))
    """
    return _Loop(step, one_pass).loop()


class _Loop:
    def __init__(self, step: StagedStep, one_pass: bool) -> None:
        self.step = step
        self.one_pass = one_pass
        self.plan: Pass | None = None
        self.program: Program = step.program
        self.nodes = step.program.nodes
        labels: list[Label] = [*step.slots, *[("hyper", name) for name in step.hyper]]
        plain = [str(label[-1]) for label in labels]  # type: ignore[index]
        self.names: dict[Label, str] = dict(zip(labels, clean_names(plain, _WORDS), strict=True))
        self.names[("t",)], self.names[("count",)] = "t", "count"
        self._answers()
        arrays = {slot for slot in step.slots if slot not in step.scalars}
        arrays |= {q.answer for q in step.questions if q.kind == "gradient"}
        self.arrays = arrays
        self.differs = self.program.depends_on(arrays)
        moving = [*step.slots, ("t",), *(q.answer for q in step.questions)]
        self.changes = self.program.depends_on(moving)
        self.taken = {*self.names.values(), *_WORDS}
        # An array to the power of 2.0 is not one to an array of 2.0: no wrapping there.
        self.powers = {
            arg
            for index, node in enumerate(self.nodes)
            if node.op == "pow" and self.differs[index]
            for arg in node.args
        }
        self.known: dict[int, str] = {}
        #: Static operands as arrays without axes, which NumPy takes quicker than numbers.
        self.wrap: dict[int, str] = {}
        #: The buffers that one stage leaves for another, and those of one number everywhere.
        self.queues: dict[str, None] = {}
        self.uniform: dict[int, str] = {}
        self.head: list[str] = []
        self.body: list[str] = []
        self.buffers: dict[str, None] = {}
        self.masks: dict[str, None] = {}
        #: The buffer of every array at hand, by node.
        self.placed = {
            index: self.names[node.value]
            for index, node in enumerate(self.nodes)
            if node.op == "input" and node.value in arrays
        }

    def _answers(self) -> None:
        gradients = [q for q in self.step.questions if q.kind == "gradient"]
        hints = {
            q.answer: ("g" if len(gradients) == 1 else f"g{q.answer[1]}")  # type: ignore[index]
            if q.kind == "gradient"
            else f"s{q.answer[1]}"  # type: ignore[index]
            for q in self.step.questions
        }
        used = {*_WORDS, *self.names.values()}
        self.names |= dict(zip(hints, clean_names(hints.values(), used), strict=True))

    def loop(self) -> VectorLoop:
        questions = self.step.questions
        kept = self._kept()
        self._static()
        asked = [self.program.outputs[q.asked] for q in questions if q.kind == "gradient"]
        self.at_home = self.one_pass and [self.nodes[i].value for i in asked] == [("x",)]
        for number, question in enumerate(questions):
            node = self.program.outputs[question.asked]
            self._stage(number, {}, kept[number], [node])
            self._ask(question, node)
        finals = {
            self.names[slot]: self.program.outputs[slot]
            for slot in self.step.slots
            if slot in self.arrays
        }
        if not self.one_pass:
            self._stage(len(questions), finals, [], list(finals.values()))
        elif not self._pass(finals):
            return _Loop(self.step, False).loop()
        self._scalar_slots()
        return self._source()

    def _static(self) -> None:
        """What no step changes, in front of the loop."""
        gradients = [q for q in self.step.questions if q.kind == "gradient"]
        self.own_answers = len(gradients) > 1
        if not self.own_answers:
            self.head += [f"    {self.names[q.answer]} = grad" for q in gradients]
        operands: set[int] = set()
        others: set[int] = set()
        for index, node in enumerate(self.nodes):
            if self.changes[index]:
                fixed = {arg for arg in node.args if not self.changes[arg]}
                (operands if self.differs[index] else others).update(fixed)
        wanted = sorted(operands | others)
        printer = Printer(self.program, ARRAY, self.names, prefix="c")
        lines, texts = printer.lines(wanted)
        self.head += lines
        for index, text in zip(wanted, texts, strict=True):
            node = self.nodes[index]
            plain = index in self.powers or node.op in PREDICATES
            if ARITY[node.op] and (plain or index in others):
                name = text if text.isidentifier() else printer.name(index)
                if name != text:
                    self.head.append(f"    {name} = {text}")
                self.known[index] = text = name
            if index in operands and not plain:
                name = self._fresh("k", len(self.wrap))
                self.head.append(f"    {name} = number({text})")
                self.wrap[index] = name

    def _fresh(self, letter: str, number: int) -> str:
        name = f"{letter}{number}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _cone(self, roots: Sequence[int], cut: Mapping[int, Any]) -> set[int]:
        """The arrays to be computed for the roots, as far as they are not at hand."""
        found: set[int] = set()
        stack = [root for root in roots if self.differs[root] and root not in cut]
        while stack:
            index = stack.pop()
            if index not in found:
                found.add(index)
                stack += [
                    arg for arg in self.nodes[index].args if self.differs[arg] and arg not in cut
                ]
        return found

    def _kept(self) -> list[list[int]]:
        """For every stage the arrays that it computes and that a later one reads."""
        ends = [[self.program.outputs[q.asked]] for q in self.step.questions]
        ends.append([self.program.outputs[slot] for slot in self.step.slots])
        done = dict.fromkeys(self.placed, -1)
        stages: list[set[int]] = []
        for number, roots in enumerate(ends):
            cone = self._cone(roots, done)
            stages.append(cone)
            done |= dict.fromkeys(cone, number)
        self.read_from = [
            {arg for later in stages[number + 1 :] for i in later for arg in self.nodes[i].args}
            | {root for roots in ends[number:] for root in roots}
            for number in range(len(stages))
        ]
        return [sorted(cone & self.read_from[n]) for n, cone in enumerate(stages[:-1])]

    def _stage(
        self, number: int, finals: Mapping[str, int], kept: Sequence[int], roots: Sequence[int]
    ) -> None:
        """The lines up to the next question, or to the new state."""
        cone = self._cone([*roots, *kept], self.placed)
        scalars = self._scalars(cone, [*finals.values(), *roots])
        wanted: dict[str, int] = dict(finals)
        if finals:
            protected = {self.names[q.answer] for q in self.step.questions if q.kind == "gradient"}
        else:
            protected = {self.names[slot] for slot in self.arrays if slot in self.names}
            protected |= {
                name for index, name in self.placed.items() if index in self.read_from[number]
            }
            for index in kept:
                is_mask = self.nodes[index].op in PREDICATES
                own = self.masks if is_mask else self.queues
                name = self._fresh("p" if is_mask else "q", len(own))
                own[name] = None
                wanted[name] = index
            for index in roots:  # one number for all coordinates, asked as a vector
                if not self.differs[index]:
                    name = self._fresh("q", len(self.queues))
                    self.queues[name] = None
                    wanted[name] = index
                    self.uniform[index] = name
        # First, so that what the same value is wanted for besides is the copy.
        held = {name: index for index, name in self.placed.items() if name in protected}
        wanted = {**held, **wanted}
        code = lane_code(self.program, wanted, self.placed, scalars, frozenset(self.taken))
        self.body += [f"        {line}" for line in code.lines]
        self.buffers |= dict.fromkeys(code.buffers)
        self.masks |= dict.fromkeys(code.masks)
        if code.rotation:
            names, places = listed(code.rotation), listed(code.rotation.values())
            self.body += wrapped(f"        {names} = {places}")
        if not finals:
            self.placed |= {index: name for name, index in wanted.items() if self.differs[index]}
            gone = {name for name in self.placed.values() if name not in wanted}
            self.placed = {i: name for i, name in self.placed.items() if name not in gone}

    def _pass(self, finals: Mapping[str, int]) -> bool:
        """The last stage as one call; not where it reads a mask that an earlier stage left."""
        cone = self._cone(list(finals.values()), self.placed)
        needed = {arg for i in cone for arg in self.nodes[i].args} | set(finals.values())
        reads = {i: name for i, name in self.placed.items() if i in needed}
        if any(self.nodes[index].op in PREDICATES for index in reads):
            return False
        numbers = self._scalars(cone, list(finals.values()))
        names = list(dict.fromkeys([*finals, *reads.values()]))
        place = {name: number for number, name in enumerate(names)}
        self.plan = Pass(
            self.program,
            len(names),
            tuple((index, place[name]) for index, name in reads.items()),
            tuple(numbers),
            tuple((index, place[name]) for name, index in finals.items()),
        )
        self.body += wrapped(f"        update({listed(names)}, {listed(numbers.values())})")
        return True

    def _scalars(self, cone: set[int], ends: Sequence[int]) -> dict[int, str]:
        """The text of every number that these arrays need; new ones get a line."""
        wanted = {arg for i in cone for arg in self.nodes[i].args if not self.differs[arg]}
        wanted |= {index for index in ends if not self.differs[index]}
        ordered = sorted(wanted)
        texts = self._print(ordered)
        value: dict[int, str] = {}
        for index, text in zip(ordered, texts, strict=True):
            plain = index in self.powers or self.nodes[index].op in PREDICATES
            value[index] = text if plain else self.wrap.get(index, text)
        return value

    def _print(self, ordered: Sequence[int]) -> list[str]:
        printer = Printer(self.program, ARRAY, self.names, known=self.known)
        lines, texts = printer.lines(ordered, indent=" " * 8)
        self.body += lines
        result = []
        for index, text in zip(ordered, texts, strict=True):
            if ARITY[self.nodes[index].op] and index not in self.known:
                name = text
                if not text.isidentifier():
                    name = printer.name(index)
                    self.body.append(f"        {name} = {text}")
                self.known[index] = text = name
            result.append(text)
        return result

    def _ask(self, question: Question, node: int) -> None:
        asked = self.placed.get(node) or self.uniform[node]
        answer = self.names[question.answer]
        if question.kind == "gradient":
            if not (self.at_home and asked == self.names["x",]):
                self.body.append(f"        copyto(theta, {asked})")
            self.body.append("        gradient()")
            if self.own_answers:
                self.body.append(f"        copyto({answer}, grad)")
                self.queues[answer] = None
            return
        self.body.append(f"        {answer} = reduce_{question.kind}({asked})")

    def _scalar_slots(self) -> None:
        moves = {}
        slots = [slot for slot in self.step.slots if slot in self.step.scalars]
        texts = self._print([self.program.outputs[slot] for slot in slots])
        for slot, text in zip(slots, texts, strict=True):
            if text != self.names[slot]:
                moves[self.names[slot]] = text
        if moves:
            self.body += wrapped(f"        {listed(moves)} = {listed(moves.values())}")

    def _source(self) -> VectorLoop:
        names = [self.names[slot] for slot in self.step.slots]
        hyper = [self.names["hyper", name] for name in self.step.hyper]
        rest = ["count", "steps", "record", "gradient", "theta", "grad", "buffers", "masks"]
        rest += ["update"] if self.plan else []
        title = clean_names([self.step.rule.name])[0]
        lines = wrapped(f"def {title}({', '.join([*names, *hyper, *rest])}):")
        buffers = [*self.buffers, *self.queues]
        for own, given in ((buffers, "buffers"), (list(self.masks), "masks")):
            if own:
                lines += wrapped(f"    {listed(own)} = {given}")
        lines += self.head
        lines.append("    for t in range(1, steps + 1):")
        lines += self.body
        lines += wrapped(f"        record({listed(names)})")
        source = "\n".join(lines)
        return VectorLoop(
            source, self.step.slots, len(buffers), len(self.masks), self.plan, self.at_home
        )
