"""The tactics that prove one step of two rules equal in Coq.

The normal form of the step tells which roots there are and what each root in the rules is in terms
of them; Coq checks these claims, and the identities that remain are goals of ``field``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symopt.errors import BudgetError, UndefinedError
from symopt.program.field import Fact, Field, FullError, Quotient
from symopt.program.graph import Program
from symopt.program.ranges import Range
from symopt.verification.certificates.coq_terms import Text, UnfitError, bracket, number

if TYPE_CHECKING:
    from symopt.verification.certificates.coq import File

__all__ = ["Proof", "evaluate"]


class Proof:
    """The tactics of one of the two lemmas."""

    def __init__(self, file: File, first: bool) -> None:
        self.file, self.first = file, first
        self.made: dict[int, str] = {}
        self.out: list[str] = []
        self.rules: list[str] = []
        self.sqrts: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        file = self.file
        branches = any(side.step.program.has("select") for side in file.sides)
        more = " Nat.eqb" if branches and self.first else ""
        unfold = f"cbv beta zeta iota delta [{file._unfolded()}{more}] in *."
        yield from textwrap.wrap(unfold, 94, break_long_words=False)
        if branches and not self.first:
            yield "assert (later : Nat.eqb t 1 = false) by (apply Nat.eqb_neq; lia)."
            yield "rewrite later in *. cbv beta iota in *."
        if not self.first:
            count = 1 + len(file._relation[1])
            names = [f"B{k}" for k in range(count)] + [f"K{k}" for k in range(len(file._kept()))]
            many = f"destruct before as ({' & '.join(names)})."
            yield many if len(names) > 1 else "rename before into B0."
            live = ["x", *[str(slot[0]) for slot in file._relation[1]]]
            shown = [f"{file.names[slot]}_b" for slot in file.sides[1].slots if slot[0] in live]
            yield f"subst {' '.join(shown)}."
        yield from self._powers()
        self._read()
        yield "assert (asked : " + self._asked() + ") by first [ reflexivity | ring ]."
        yield "specialize (same asked). subst gb. rename ga into g."
        for side in file.sides:
            if side.needs > 1:
                names = [f"D{side.letter}{k}" for k in range(side.needs)]
                yield f"destruct D{side.letter} as ({' & '.join(names)})."
                yield " ".join(f"factors {name}." for name in names)
            else:
                yield f"factors D{side.letter}."
        yield from self.out
        ring = f" [{' '.join(self.rules)}]" if self.rules else ""
        yield "split; [ exact asked | ]."
        closed = f"reflexivity | ring | field{ring}; nonzero | nonneg"
        yield f"repeat split; first [ {closed} ]."

    def _texts(self) -> tuple[dict[Any, str], dict[Any, str]]:
        """The inputs of both rules as they stand in the goal."""
        file = self.file
        one, two = file.sides
        ours: dict[Any, str] = {**file.names, ("t",): "1" if self.first else "t"}
        theirs = dict(ours)
        if self.first:
            for side, texts in ((one, ours), (two, theirs)):
                start = Text(side.step.start, file.names)
                texts.update({s: start.node(side.step.start.outputs[s]) for s in side.slots})
        else:
            program, slots = file._relation
            text = Text(program, {**file.names, ("t",): "(t - 1)"})
            theirs.update({slot: text.node(program.outputs[slot]) for slot in slots})
        return ours, theirs

    def _asked(self) -> str:
        texts = self._texts()
        sides = []
        for side, names in zip(self.file.sides, texts, strict=True):
            program = side.step.program
            sides.append(Text(program, names, self.first).node(program.outputs["ask", 1, 0]))
        return " = ".join(sides)

    def _powers(self) -> Iterator[str]:
        """Where b lies in [0, 1), so does b^t; b^t is b * b^(t - 1) where both occur."""
        if self.first:
            return
        number = 0
        for label, name in self.file.names.items():
            if label[0] == "hyper" and self.file.equality.ranges.get(label, Range()).unit:
                number += 1
                yield f"assert (P{number} := power_below_one {name} t {name}_range ltac:(lia))."

    def _read(self) -> None:
        """Introduce the roots, and say of every root in the rules what it is."""
        facts: frozenset[Fact] = frozenset()
        try:
            for _ in range(3):
                field, values = self._values(facts)
                facts |= field.found
        except (BudgetError, UndefinedError) as error:
            raise UnfitError(str(error)) from None
        self.field = field
        for side, names, quotients in zip(self.file.sides, self._texts(), values, strict=True):
            text = Text(side.step.program, names, self.first)
            for index, node in enumerate(side.step.program.nodes):
                if node.op != "sqrt":
                    continue
                shown = f"sqrt {bracket(text.node(node.args[0]))}"
                if shown in self.sqrts.values() or shown in self.sqrts:
                    text.known[index] = self.sqrts[shown]
                    continue
                claim = self._quotient(quotients[index])
                number = len(self.sqrts) + 1
                self.sqrts[shown] = text.known[index] = f"({claim})"
                rules = f" [{' '.join(self.rules)}]" if self.rules else ""
                self.out += [
                    f"assert (E{number} : {shown} = {claim}).",
                    f"{{ apply root_unique; [ nonneg | first [ ring{rules} "
                    f"| field{rules}; nonzero ] ]. }}",
                    f"try rewrite E{number} in *.",
                ]
                self.out += [
                    f"try assert (0 < {name}) by (apply positive_root; assumption)."
                    for name in self.made.values()
                    if name == claim
                ]

    def _values(self, facts: frozenset[Fact]) -> tuple[Field, list[list[Quotient]]]:
        file = self.file
        labels: list[Any] = [*file.names, ("t",)]
        offsets: dict[Any, int] = {}
        room = 12
        for _ in range(8):
            field = Field(labels, room, file.equality.ranges, facts, offsets)
            try:
                return field, self._walk(field)
            except FullError:
                offsets = {**offsets, **field.seen_offsets}
                room *= 2
        raise UnfitError("more unknowns than there is room for")

    def _walk(self, field: Field) -> list[list[Quotient]]:
        file = self.file
        inputs = {label: field.input(label) for label in file.names}
        time = field.constant(Fraction(1)) if self.first else field.input(("t",))
        given = [{**inputs, ("t",): time}, {**inputs, ("t",): time}]
        if self.first:
            for side, values in zip(file.sides, given, strict=True):
                read = evaluate(field, side.step.start, inputs)
                values.update({s: read[side.step.start.outputs[s]] for s in side.slots})
        else:
            program, slots = file._relation
            before = field.add(time, field.constant(Fraction(1)), -1)
            read = evaluate(field, program, {**inputs, ("t",): before})
            given[1].update({slot: read[program.outputs[slot]] for slot in slots})
        return [
            evaluate(field, side.step.program, values, note=True)
            for side, values in zip(file.sides, given, strict=True)
        ]

    def _unknown(self, index: int) -> str:
        """The name of an unknown, which is introduced where it is met first."""
        field = self.field
        if index in self.made:
            return self.made[index]
        if field.is_input(field.names[index]):
            label = field.names[index]
            return "INR t" if label == ("t",) else self.file.names[label]
        if index in field.powers:
            base, part, least = field.powers[index]
            if str(self._polynomial(part)) != "INR t" or least not in (0, -1):
                raise UnfitError("a power with an exponent other than t and t - 1")
            shown = bracket(self._quotient(base))
            if least:
                self.out.append(f"rewrite (power_step {shown} t ltac:(lia)) in *.")
            self.made[index] = f"{shown} ^ {'(t - 1)' if least else 't'}"
            return self.made[index]
        if index in field.squares:
            inside = self._polynomial(field.squares[index])
            name = self.made[index] = f"r{index}"
            exists = (
                f"destruct (root_exists ({inside})) as [{name} [R{index} S{index}]]; [ nonneg | ]"
            )
            if field.ranges[index].positive:
                positive = exists.replace("exists", "positive").replace("nonneg", "positive")
                self.out.append(f"first [ {positive}\n      | {exists} ].")
            else:
                self.out.append(f"{exists}.")
            self.rules.append(f"S{index}")
            return name
        if index in field.signs:
            inside = self._polynomial(field.signs[index])
            name = self.made[index] = f"z{index}"
            facts = f"[{name} [R{index} [S{index} T{index}]]]"
            self.out.append(f"destruct (sign_exists {bracket(inside)}) as {facts}.")
            self.rules += [f"S{index}", f"T{index}"]
            return name
        raise UnfitError("a function without polynomial relations")

    def _quotient(self, value: Quotient) -> str:
        top = self._polynomial(value.top)
        if value.bottom.is_one():
            return top
        return f"{bracket(top)} / {bracket(self._polynomial(value.bottom))}"

    def _polynomial(self, polynomial: Any) -> str:
        terms = []
        for exponents, coefficient in polynomial.to_dict().items():
            factors = []
            for index, power in enumerate(exponents):
                factors += [self._unknown(index)] * int(power) if power else []
            scale = number(Fraction(int(coefficient.p), int(coefficient.q)))
            if scale != "1" or not factors:
                factors.insert(0, scale)
            terms.append(" * ".join(factors))
        return " + ".join(terms) or "0"


def evaluate(
    field: Field, program: Program, inputs: Mapping[Any, Quotient], note: bool = False
) -> list[Quotient]:
    """All nodes of a program in a field, its inputs being given."""
    values: list[Quotient] = []
    for node in program.nodes:
        args = [values[arg] for arg in node.args]
        if note:
            field.note(node, args)
        if node.op == "input":
            value = inputs[node.value]
        elif node.op == "select" and args[0].top.is_constant():
            value = args[2 if args[0].top.is_zero() else 1]
        elif node.op == "pow" and args[1].top.is_constant():
            value = field.constant(Fraction(1))
            for _ in range(int(args[1].top.leading_coefficient())):
                value = field.multiply(value, args[0])
        else:
            value = field.read(node, args)
        values.append(value)
    return values
