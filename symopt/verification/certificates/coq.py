"""A proof by induction written out for Coq, with the standard library of the reals alone.

The file defines both rules, when they are defined, and the relation between their memories. Each
identity is a goal of ``field``, where every root is a variable r with r*r = p and r >= 0, and the
induction is a theorem about all sequences of gradients.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from symopt.derivation.opaque import OpaqueStep, opaque_step
from symopt.errors import BudgetError, UndefinedError
from symopt.program.field import Fact, Field, FullError, Quotient
from symopt.program.graph import Node, Program
from symopt.program.printers.python import clean_names
from symopt.program.ranges import Range
from symopt.verification.certificates.related import relation_program
from symopt.verification.relation import Equality

__all__ = ["UnfitError", "coq_file"]

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_PLAIN = frozenset({*_OPERATORS, "const", "input", "neg", "sqrt", "pow"})
_TAKEN = frozenset(
    "R S O t g k answer equal related sqrt pow INR nat at in fun let match end if then else forall "
    "exists Prop Set Type as return with fix cofix using where for by is root sign".split()
)

_LIBRARY = """\
Require Import Reals Lra Lia.
Open Scope R_scope.

(* What is used of roots, signs and powers. *)

Lemma root_unique : forall a r, 0 <= r -> r * r = a -> sqrt a = r.
Proof. intros a r H E. rewrite <- E. apply sqrt_square. exact H. Qed.

Lemma root_exists : forall a, 0 <= a -> exists r, 0 <= r /\\ r * r = a.
Proof. intros a H. exists (sqrt a). split. apply sqrt_pos. apply sqrt_sqrt. exact H. Qed.

Lemma root_positive : forall a, 0 < a -> exists r, 0 < r /\\ r * r = a.
Proof.
  intros a H. exists (sqrt a). split. apply sqrt_lt_R0. exact H. apply sqrt_sqrt. lra.
Qed.

Lemma sign_exists : forall f, exists z, 0 <= z * f /\\ z * z * f = f /\\ z * z * z = z.
Proof.
  intros f. destruct (Rlt_dec f 0) as [H|H].
  - exists (-1). repeat split; lra.
  - exists 1. repeat split; lra.
Qed.

Lemma power_below_one : forall b t, 0 <= b < 1 -> (1 <= t)%nat -> 0 <= b ^ t < 1.
Proof.
  intros b t [H L] N. split. apply pow_le. exact H.
  destruct t as [|k]. lia. clear N. simpl. induction k as [|k I]; simpl; try lra.
  assert (0 <= b ^ k) by (apply pow_le; exact H). simpl in I. nra.
Qed.

Lemma power_step : forall b t, (1 <= t)%nat -> b ^ t = b * b ^ (t - 1).
Proof. intros b t N. destruct t as [|k]. lia. simpl. rewrite Nat.sub_0_r. reflexivity. Qed.

Lemma nonneg_top : forall a b, 0 < b -> 0 <= a / b -> 0 <= a.
Proof.
  intros a b B H. replace a with (a / b * b) by (field; lra). apply Rmult_le_pos; lra.
Qed.

Lemma square_nonneg : forall a, 0 <= a * a.
Proof. intros a. exact (Rle_0_sqr a). Qed.

Ltac nonneg :=
  solve
    [ lra
    | apply square_nonneg
    | apply Rplus_le_le_0_compat; nonneg
    | apply Rmult_le_pos; nonneg
    | apply pow_le; nonneg
    | left; apply Rinv_0_lt_compat; first [ lra | apply Rmult_lt_0_compat; lra ]
    | match goal with H : 0 <= ?a / ?b |- 0 <= ?p =>
        replace p with a by ring; apply (nonneg_top a b); [ lra | exact H ] end
    | match goal with H : 0 <= ?a |- 0 <= ?p => replace p with a by ring; exact H end
    | nra ].

(* A divisor e differs from zero because another one, d, does, and d is zero where e is. *)
Ltac nonzero :=
  match goal with
  | |- _ /\\ _ => split; nonzero
  | |- _ <> 0 =>
      first
        [ assumption
        | lra
        | match goal with H : ?d <> 0 |- ?e <> 0 =>
            let C := fresh in
            intro C; apply H; first [ lra | field_simplify_eq; [ lra | nonzero ] ] end ]
  end.
"""


class UnfitError(Exception):
    """The proof does not fit the format; the text says why."""


def coq_file(equality: Equality, claim: str) -> str:
    """The file; ``claim`` says in words what it proves.

    Raises :class:`UnfitError` with the reason where the proof needs more than quotients, roots
    and powers, looks at several coordinates, or asks for several gradients a step.

    >>> from symopt.statement.library import rules
    >>> from symopt.verification.relation import proved_always
    >>> buffer, velocity = rules.momentum_buffer, rules.momentum
    >>> v, b = next(iter(velocity.state)), next(iter(buffer.state))
    >>> eta = buffer.parameter("eta").symbol
    >>> text = coq_file(proved_always(buffer, velocity, {v: -eta * b}), "They are equal.")
    >>> print(text[text.index("Definition related"):text.index("Lemma first_step")])
    Definition related (t : nat) (a : momentum_buffer_state) (b : momentum_state) : Prop :=
      momentum_x b = momentum_buffer_x a /\\
      momentum_v b = - momentum_buffer_b a * eta.
    <BLANKLINE>
    """
    if equality.size > 1:
        raise UnfitError("the rules look at several coordinates together")
    writer = _File(equality)
    comment = claim.replace("(*", "( *").replace("*)", "* )").replace('"', "'")
    return f"(* {comment}\n*)\n\n{_LIBRARY}\n{writer.text()}"


@dataclass
class _Side:
    """One of the two rules: its step, its name in the file, and a letter."""

    step: OpaqueStep
    name: str
    letter: str
    needs: int = 1

    @property
    def slots(self) -> list[Any]:
        return list(self.step.slots)


class _File:
    def __init__(self, equality: Equality) -> None:
        self.equality = equality
        steps = [opaque_step(rule, 1) for rule in (equality.first, equality.second)]
        for step in steps:
            if step.asks != 1:
                raise UnfitError("the rules ask for several gradients a step")
            other = {node.op for node in (*step.program.nodes, *step.start.nodes)} - _PLAIN
            if other:
                raise UnfitError(f"the rules use {', '.join(sorted(other))}")
        names = clean_names([step.rule.name for step in steps], _TAKEN)
        self.sides = [
            _Side(step, name, letter) for step, name, letter in zip(steps, names, "ab", strict=True)
        ]
        hyper = list(dict.fromkeys(name for step in steps for name in step.hyper))
        own = list(dict.fromkeys(slot for step in steps for slot in step.slots))
        labels: list[Any] = [*own, *[("hyper", name) for name in hyper]]
        words = clean_names([str(label[label[0] == "hyper"]) for label in labels], _TAKEN)
        self.names: dict[Any, str] = dict(zip(labels, words, strict=True))
        self.names["g", 1, 0] = "g"
        self.hyper = [self.names["hyper", name] for name in hyper]

    def text(self) -> str:
        parts = ["Section Equal.", self._parameters()]
        for side in self.sides:
            parts.append(self._rule(side))
        parts += [self._related(), self._lemma(first=True), self._lemma(first=False)]
        parts += [self._theorem(), "End Equal.\n\nPrint Assumptions equal."]
        return "\n\n".join(parts) + "\n"

    def _parameters(self) -> str:
        lines = []
        if self.hyper:
            lines.append(f"Variables {' '.join(self.hyper)} : R.")
        for label, name in self.names.items():
            if label[0] == "hyper":
                known = _known(name, self.equality.ranges.get(label, Range()))
                lines += [f"Hypothesis {name}_range : {known}."] if known else []
        lines.append("(* The gradient that is found at step t, at a point; it may be anything. *)")
        lines.append("Variable answer : nat -> R -> R.")
        return "\n".join(lines)

    # A rule

    def _rule(self, side: _Side) -> str:
        name, step = side.name, side.step
        fields = "; ".join(f"{name}_{self.names[slot]} : R" for slot in side.slots)
        state = f"{name}_state"
        start = [_Text(step.start, self.names).node(step.start.outputs[s]) for s in side.slots]
        shown = " ".join(_bracket(text) for text in start)
        opened = "".join(
            f"  let {self.names[slot]} := {name}_{self.names[slot]} s in\n" for slot in side.slots
        )
        lines, texts = _lets(step, self.names)
        ask = step.program.outputs["ask", 1, 0]
        results = " ".join(_bracket(texts[step.program.outputs[slot]]) for slot in side.slots)
        asked = _Text(step.program, self.names).node(ask)
        need = [
            f"0 <= {texts[node.args[0]]}" if node.op == "sqrt" else f"{texts[node.args[1]]} <> 0"
            for node in step.program.nodes
            if node.op in ("sqrt", "div")
        ]
        need = list(dict.fromkeys(need)) or ["True"]
        side.needs, needed = len(need), " /\\\n  ".join(need)
        return f"""\
(* {step.rule.name} *)

Record {state} := {name}_is {{ {fields} }}.

Definition {name}_start (x : R) : {state} := {name}_is {shown}.

Definition {name}_ask (t : nat) (s : {state}) : R :=
{opened}  {asked}.

Definition {name}_step (t : nat) (g : R) (s : {state}) : {state} :=
{opened}{lines}  {name}_is {results}.

(* No divisor is zero, and no root is of a negative number. *)
Definition {name}_defined (t : nat) (g : R) (s : {state}) : Prop :=
{opened}{lines}  {needed}.

Fixpoint {name}_run (x : R) (n : nat) : {state} :=
  match n with
  | O => {name}_start x
  | S k => let s := {name}_run x k in {name}_step (S k) (answer (S k) ({name}_ask (S k) s)) s
  end."""

    # The relation

    @cached_property
    def _relation(self) -> tuple[Program, list[Any]]:
        return relation_program(self.equality, self.sides[0].step, self.sides[1].step)

    def _related(self) -> str:
        first, second = self.sides
        program, slots = self._relation
        given = {**self.names, **{s: f"{first.name}_{self.names[s]} a" for s in first.slots}}
        text = _Text(program, given)
        need = any(node.op in ("div", "sqrt") for node in program.nodes)
        if need:
            raise UnfitError("the relation between the memories divides")
        lines = [f"{second.name}_x b = {first.name}_x a"]
        lines += [
            f"{second.name}_{self.names[slot]} b = {text.node(program.outputs[slot])}"
            for slot in slots
        ]
        lines += [f"{sign} {first.name}_{name} a" for name, sign in self._kept()]
        joined = " /\\\n  ".join(lines)
        return (
            f"(* How the memories hang together after step t. *)\n"
            f"Definition related (t : nat) (a : {first.name}_state) (b : {second.name}_state) "
            f": Prop :=\n  {joined}."
        )

    def _kept(self) -> list[tuple[str, str]]:
        ranges = self.equality.ranges
        return [
            (self.names[slot], "0 <" if ranges[slot].positive else "0 <=")
            for slot in self.sides[0].slots[1:]
            if slot in ranges
        ]

    # The proofs

    def _lemma(self, first: bool) -> str:
        one, two = self.sides
        time = "1" if first else "t"
        proof = _Proof(self, first)
        if first:
            states = [f"({side.name}_start x)" for side in self.sides]
            head = "Lemma first_step : forall (x ga gb : R),\n"
            intro = "intros x ga gb same Da Db."
        else:
            states = ["a", "b"]
            head = (
                f"Lemma later_step : forall (t : nat) (a : {one.name}_state) "
                f"(b : {two.name}_state) (ga gb : R),\n"
                "  (2 <= t)%nat -> related (t - 1) a b ->\n"
            )
            destruct = [
                f"destruct {side.letter} as [{' '.join(self._fields(side))}]."
                for side in self.sides
            ]
            intro = " ".join(["intros t a b ga gb two before same Da Db.", *destruct])
        asks = [
            f"{side.name}_ask {time} {state}" for side, state in zip(self.sides, states, strict=True)
        ]
        steps = [
            f"({side.name}_step {time} g{side.letter} {state})"
            for side, state in zip(self.sides, states, strict=True)
        ]
        defined = [
            f"  {side.name}_defined {time} g{side.letter} {state} ->\n"
            for side, state in zip(self.sides, states, strict=True)
        ]
        return (
            f"{head}  ({asks[0]} = {asks[1]} -> ga = gb) ->\n{''.join(defined)}"
            f"  {asks[0]} = {asks[1]} /\\\n  related {time} {steps[0]} {steps[1]}.\nProof.\n"
            + textwrap.indent("\n".join([intro, *proof.lines()]), "  ")
            + "\nQed."
        )

    def _fields(self, side: _Side) -> list[str]:
        """The names of a state's fields in a proof; the second rule's have a letter more."""
        return [self.names[slot] + ("" if side.letter == "a" else "_b") for slot in side.slots]

    def _unfolded(self) -> str:
        words = ["related"]
        for side in self.sides:
            words += [f"{side.name}_{what}" for what in ("start", "ask", "step", "defined")]
            words += [f"{side.name}_{self.names[slot]}" for slot in side.slots]
        return " ".join(words)

    def _theorem(self) -> str:
        one, two = self.sides
        fine = [
            f"  (forall k, {side.name}_defined (S k) (answer (S k) ({side.name}_ask (S k) "
            f"({side.name}_run x k))) ({side.name}_run x k)) ->\n"
            for side in self.sides
        ]
        return f"""\
(* Wherever both are defined, they ask at the same points, and the relation holds for ever. *)
Theorem always_related : forall x : R,
{"".join(fine)}  forall k,
  {one.name}_ask (S k) ({one.name}_run x k) = {two.name}_ask (S k) ({two.name}_run x k) /\\
  related (S k) ({one.name}_run x (S k)) ({two.name}_run x (S k)).
Proof.
  intros x Da Db k. induction k as [|k [_ before]].
  - apply first_step; [ intros E; rewrite E; reflexivity | exact (Da O) | exact (Db O) ].
  - apply later_step; [ lia | | intros E; rewrite E; reflexivity | exact (Da (S k)) | exact (Db (S k)) ].
    replace (S (S k) - 1)%nat with (S k) by lia. exact before.
Qed.

(* So they report the same points at every step. *)
Theorem equal : forall x : R,
{"".join(fine)}  forall n, {two.name}_x ({two.name}_run x n) = {one.name}_x ({one.name}_run x n).
Proof.
  intros x Da Db n. destruct n as [|k]. reflexivity.
  destruct (always_related x Da Db k) as [_ H]. apply H.
Qed."""


class _Proof:
    """The tactics of one of the two lemmas."""

    def __init__(self, file: _File, first: bool) -> None:
        self.file, self.first = file, first
        self.made: dict[int, str] = {}
        self.out: list[str] = []
        self.rules: list[str] = []
        self.sqrts: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        file = self.file
        unfold = f"cbv beta zeta iota delta [{file._unfolded()}] in *."
        yield from textwrap.wrap(unfold, 94, break_long_words=False)
        if not self.first:
            count = 1 + len(file._relation[1])
            names = [f"B{k}" for k in range(count)] + [f"K{k}" for k in range(len(file._kept()))]
            yield f"destruct before as ({' & '.join(names)})."
            live = ["x", *[str(slot[0]) for slot in file._relation[1]]]
            shown = [
                f"{file.names[slot]}_b" for slot in file.sides[1].slots if slot[0] in live
            ]
            yield f"subst {' '.join(shown)}."
        yield from self._powers()
        self._read()
        yield "assert (asked : " + self._asked() + ") by first [ reflexivity | ring ]."
        yield "specialize (same asked). subst gb. rename ga into g."
        for side in file.sides:
            if side.needs > 1:
                names = [f"D{side.letter}{k}" for k in range(side.needs)]
                yield f"destruct D{side.letter} as ({' & '.join(names)})."
        yield from self.out
        ring = f" [{' '.join(self.rules)}]" if self.rules else ""
        yield "split; [ exact asked | ]."
        yield (
            f"repeat split; first [ reflexivity | ring | field{ring}; nonzero | field{ring} | nonneg ]."
        )

    def _texts(self) -> tuple[dict[Any, str], dict[Any, str]]:
        """The inputs of both rules as they stand in the goal."""
        file = self.file
        one, two = file.sides
        ours: dict[Any, str] = {**file.names, ("t",): "1" if self.first else "t"}
        theirs = dict(ours)
        if self.first:
            for side, texts in ((one, ours), (two, theirs)):
                start = _Text(side.step.start, file.names)
                texts.update({s: start.node(side.step.start.outputs[s]) for s in side.slots})
        else:
            program, slots = file._relation
            text = _Text(program, {**file.names, ("t",): "(t - 1)"})
            theirs.update({slot: text.node(program.outputs[slot]) for slot in slots})
        return ours, theirs

    def _asked(self) -> str:
        texts = self._texts()
        sides = []
        for side, names in zip(self.file.sides, texts, strict=True):
            program = side.step.program
            sides.append(_Text(program, names).node(program.outputs["ask", 1, 0]))
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
            text = _Text(side.step.program, names, self.sqrts)
            for index, node in enumerate(side.step.program.nodes):
                if node.op != "sqrt":
                    continue
                shown = f"sqrt {_bracket(text.node(node.args[0]))}"
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
                    f"| field{rules}; nonzero | field{rules} ] ]. }}",
                    f"try rewrite E{number} in *.",
                ]

    def _values(self, facts: frozenset[Fact]) -> tuple[Field, list[list[Quotient]]]:
        file = self.file
        one, two = file.sides
        labels: list[Any] = [*file.names, ("t",)]
        room, offsets = 12, {}  # type: ignore[var-annotated]
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
        one, two = file.sides
        inputs = {label: field.input(label) for label in file.names}
        time = field.constant(Fraction(1)) if self.first else field.input(("t",))
        given = [{**inputs, ("t",): time}, {**inputs, ("t",): time}]
        if self.first:
            for side, values in zip(file.sides, given, strict=True):
                read = _evaluate(field, side.step.start, inputs)
                values.update({s: read[side.step.start.outputs[s]] for s in side.slots})
        else:
            program, slots = file._relation
            before = field.add(time, field.constant(Fraction(1)), -1)
            read = _evaluate(field, program, {**inputs, ("t",): before})
            given[1].update({slot: read[program.outputs[slot]] for slot in slots})
        return [
            _evaluate(field, side.step.program, values, note=True)
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
            shown = _bracket(self._quotient(base))
            if least:
                self.out.append(f"rewrite (power_step {shown} t ltac:(lia)) in *.")
            self.made[index] = f"{shown} ^ {'(t - 1)' if least else 't'}"
            return self.made[index]
        if index in field.squares:
            inside = self._polynomial(field.squares[index])
            name = self.made[index] = f"r{index}"
            if field.ranges[index].positive:
                lemma, proof = "root_positive", "first [ lra | nra ]"
            else:
                lemma, proof = "root_exists", "nonneg"
            self.out.append(
                f"destruct ({lemma} ({inside})) as [{name} [R{index} S{index}]]; [ {proof} | ]."
            )
            self.rules.append(f"S{index}")
            return name
        if index in field.signs:
            inside = self._polynomial(field.signs[index])
            name = self.made[index] = f"z{index}"
            self.out.append(
                f"destruct (sign_exists {_bracket(inside)}) as [{name} [R{index} [S{index} T{index}]]]."
            )
            self.rules += [f"S{index}", f"T{index}"]
            return name
        raise UnfitError("a function without polynomial relations")

    def _quotient(self, value: Quotient) -> str:
        top = self._polynomial(value.top)
        if value.bottom.is_one():
            return top
        return f"{_bracket(top)} / {_bracket(self._polynomial(value.bottom))}"

    def _polynomial(self, polynomial: Any) -> str:
        terms = []
        for exponents, coefficient in polynomial.to_dict().items():
            factors = []
            for index, power in enumerate(exponents):
                factors += [self._unknown(index)] * int(power) if power else []
            number = _number(Fraction(int(coefficient.p), int(coefficient.q)))
            if number != "1" or not factors:
                factors.insert(0, number)
            terms.append(" * ".join(factors))
        return " + ".join(terms) or "0"


class _Text:
    """The nodes of a program as terms, in full; ``known`` are texts that stand for nodes."""

    def __init__(
        self, program: Program, names: Mapping[Any, str], claims: Mapping[str, str] | None = None
    ) -> None:
        self.program, self.names, self.claims = program, names, claims or {}
        self.known: dict[int, str] = {}

    def node(self, index: int) -> str:
        if index not in self.known:
            self.known[index] = self._text(self.program.nodes[index])
        return self.known[index]

    def _text(self, node: Node) -> str:
        if node.op == "pow":
            return f"{_bracket(self.node(node.args[0]))} ^ {self._exponent(node.args[1])}"
        if node.op == "input" and node.value == ("t",):
            time = self.names.get(("t",), "t")
            return "1" if time == "1" else f"INR {time}"
        return _term(node, [self.node(arg) for arg in node.args], self.names)

    def _exponent(self, index: int) -> str:
        node = self.program.nodes[index]
        if node.op == "input" and node.value == ("t",):
            return self.names.get(("t",), "t")
        if node.op == "const" and node.value.denominator == 1 and node.value >= 0:
            return str(node.value)
        raise UnfitError("a power with an exponent other than t")


def _lets(step: OpaqueStep, names: Mapping[Any, str]) -> tuple[str, dict[int, str]]:
    """The lines of a rule as ``let``, by their own names, and the text of every node."""
    text = _Text(step.program, names)
    taken = {*_TAKEN, *names.values()}
    needed = {index for label, index in step.program.outputs.items() if label[0] != "ask"}  # type: ignore[index]
    lines = []
    hints = {i: f"{n}_new" if n in names.values() else n for i, n in step.names.items()}
    for index, node in enumerate(step.program.nodes):
        shown = text.node(index)
        if node.op in ("const", "input"):
            continue
        many = step.program.uses[index] > 1 and node.op not in ("neg",)
        if index in hints or (many and index not in needed):
            name = clean_names([hints.get(index, f"u{index}")], taken)[0]
            taken.add(name)
            lines.append(f"  let {name} := {shown} in\n")
            text.known[index] = name
    return "".join(lines), {index: text.node(index) for index in range(len(step.program.nodes))}


def _term(node: Node, args: list[str], names: Mapping[Any, str]) -> str:
    if node.op == "const":
        return _number(node.value)
    if node.op == "input":
        return names[node.value]
    if node.op == "neg":
        return f"- {_bracket(args[0])}"
    if node.op == "sqrt":
        return f"sqrt {_bracket(args[0])}"
    loose = node.op in ("add", "sub")
    left = args[0] if _binds(args[0], loose) else f"({args[0]})"
    right = args[1] if loose and _binds(args[1], False) else _bracket(args[1])
    return f"{left} {_OPERATORS[node.op]} {right}"


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value) if value >= 0 else f"({value})"
    return f"({value.numerator} / {value.denominator})"


def _bracket(text: str) -> str:
    plain = text.replace("_", "").isalnum() or (text[0] == "(" and _closes(text) == len(text) - 1)
    return text if plain else f"({text})"


def _binds(text: str, loose: bool) -> bool:
    """Whether a term may stand to the left of a product, or of a sum, without brackets."""
    if text.startswith("-"):
        return False
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in "+-" and text[place - 1] == " " and not loose:
            return False
    return True


def _closes(text: str) -> int:
    """Where the bracket that opens a text closes."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place
    return -1


def _known(name: str, values: Range) -> str:
    if values.unit:
        return f"0 {'<' if values.positive else '<='} {name} < 1"
    if values.positive:
        return f"0 < {name}"
    return f"0 <= {name}" if values.nonnegative else ""


def _evaluate(
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
        elif node.op == "pow" and args[1].top.is_constant():
            value = field.constant(Fraction(1))
            for _ in range(int(args[1].top.leading_coefficient())):
                value = field.multiply(value, args[0])
        else:
            value = field.read(node, args)
        values.append(value)
    return values
