"""A proof by induction written out for Coq, with the standard library of the reals alone.

The file defines both rules, when they are defined, and the relation between their memories. Each
identity is a goal of ``field``, where every root is a variable r with r*r = p and r >= 0, and the
induction is a theorem about all sequences of gradients.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib.resources import files
from typing import Any

from symopt.derivation.opaque import OpaqueStep, opaque_step
from symopt.program.field import Field
from symopt.program.graph import Program
from symopt.program.printers.python import clean_names
from symopt.program.ranges import Range
from symopt.verification.certificates.coq_proof import Proof, evaluate
from symopt.verification.certificates.coq_terms import (
    PLAIN,
    TAKEN,
    Text,
    UnfitError,
    bracket,
    check_branches,
    leaves,
    lets,
    range_text,
)
from symopt.verification.certificates.related import relation_program
from symopt.verification.relation import Equality

__all__ = ["UnfitError", "coq_file"]


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
    >>> print(text[text.index("Definition related"):text.index("Lemma first_step")].rstrip())
    Definition related (t : nat) (sa : momentum_buffer_state) (sb : momentum_state) : Prop :=
      momentum_x sb = momentum_buffer_x sa /\\
      momentum_v sb = - (eta * (momentum_buffer_b sa)).
    """
    if equality.size > 1:
        raise UnfitError("the rules look at several coordinates together")
    writer = File(equality)
    comment = claim.replace("(*", "( *").replace("*)", "* )").replace('"', "'")
    library = files(__package__).joinpath("library.v").read_text(encoding="utf-8")
    return f"(* {comment}\n*)\n\n{library}\n{writer.text()}"


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


class File:
    def __init__(self, equality: Equality) -> None:
        self.equality = equality
        steps = [opaque_step(rule, 1) for rule in (equality.first, equality.second)]
        for step in steps:
            if step.asks != 1:
                raise UnfitError("the rules ask for several gradients a step")
            other = {node.op for node in (*step.program.nodes, *step.start.nodes)} - PLAIN
            if other:
                raise UnfitError(f"the rules use {', '.join(sorted(other))}")
            check_branches(step.program)
        names = clean_names([step.rule.name for step in steps], TAKEN)
        self.sides = [
            _Side(step, name, letter) for step, name, letter in zip(steps, names, "ab", strict=True)
        ]
        hyper = list(dict.fromkeys(name for step in steps for name in step.hyper))
        own = list(dict.fromkeys(slot for step in steps for slot in step.slots))
        labels: list[Any] = [*own, *[("hyper", name) for name in hyper]]
        words = clean_names([str(label[label[0] == "hyper"]) for label in labels], TAKEN)
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
                known = range_text(name, self.equality.ranges.get(label, Range()))
                lines += [f"Hypothesis {name}_range : {known}."] if known else []
        lines += [f"Hypothesis divisor{k} : {d} <> 0." for k, d in enumerate(self._divisors())]
        lines.append("(* The gradient that is found at step t, at a point; it may be anything. *)")
        lines.append("Variable answer : nat -> R -> R.")
        return "\n".join(lines)

    def _divisors(self) -> list[str]:
        """Divisors of the relation that may vanish: the theorem assumes that they do not."""
        program, _ = self._relation
        field = Field([*self.names, ("t",)], 12, self.equality.ranges)
        inputs = {label: field.input(label) for label in [*self.names, ("t",)]}
        values = evaluate(field, program, inputs)
        text = Text(program, self.names)
        found = []
        for node in program.nodes:
            if node.op != "div":
                continue
            divisor = values[node.args[1]]
            if any(label[0] != "hyper" for label in leaves(program, node.args[1])):
                raise UnfitError("the relation between the memories divides by what may vanish")
            negative = field.add(field.constant(Fraction(0)), divisor, -1)
            if not (field.is_positive(divisor) or field.is_positive(negative)):
                found.append(text.node(node.args[1]))
        return list(dict.fromkeys(found))

    # A rule

    def _rule(self, side: _Side) -> str:
        name, step = side.name, side.step
        fields = "; ".join(f"{name}_{self.names[slot]} : R" for slot in side.slots)
        state = f"{name}_state"
        start = [Text(step.start, self.names).node(step.start.outputs[s]) for s in side.slots]
        shown = " ".join(bracket(text) for text in start)
        opened = "".join(
            f"  let {self.names[slot]} := {name}_{self.names[slot]} s in\n" for slot in side.slots
        )
        lines, texts = lets(step, self.names)
        ask = step.program.outputs["ask", 1, 0]
        results = " ".join(bracket(texts[step.program.outputs[slot]]) for slot in side.slots)
        asked = Text(step.program, self.names).node(ask)
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
        given = {**self.names, **{s: f"{first.name}_{self.names[s]} sa" for s in first.slots}}
        text = Text(program, given)
        if any(node.op == "sqrt" for node in program.nodes):
            raise UnfitError("the relation between the memories has roots")
        lines = [f"{second.name}_x sb = {first.name}_x sa"]
        lines += [
            f"{second.name}_{self.names[slot]} sb = {text.node(program.outputs[slot])}"
            for slot in slots
        ]
        lines += [f"{sign} {first.name}_{name} sa" for name, sign in self._kept()]
        joined = " /\\\n  ".join(lines)
        return (
            f"(* How the memories hang together after step t. *)\n"
            f"Definition related (t : nat) (sa : {first.name}_state) (sb : {second.name}_state) "
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
        proof = Proof(self, first)
        if first:
            states = [f"({side.name}_start x)" for side in self.sides]
            head = "Lemma first_step : forall (x ga gb : R),\n"
            intro = "intros x ga gb same Da Db."
        else:
            states = ["sa", "sb"]
            head = (
                f"Lemma later_step : forall (t : nat) (sa : {one.name}_state) "
                f"(sb : {two.name}_state) (ga gb : R),\n"
                "  (2 <= t)%nat -> related (t - 1) sa sb ->\n"
            )
            destruct = [
                f"destruct s{side.letter} as [{' '.join(self._fields(side))}]."
                for side in self.sides
            ]
            intro = " ".join(["intros t sa sb ga gb two before same Da Db.", *destruct])
        asks = [
            f"{side.name}_ask {time} {state}"
            for side, state in zip(self.sides, states, strict=True)
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
  - apply later_step;
      [ lia | | intros E; rewrite E; reflexivity | exact (Da (S k)) | exact (Db (S k)) ].
    replace (S (S k) - 1)%nat with (S k) by lia. exact before.
Qed.

(* So they report the same points at every step. *)
Theorem equal : forall x : R,
{"".join(fine)}  forall n, {two.name}_x ({two.name}_run x n) = {one.name}_x ({one.name}_run x n).
Proof.
  intros x Da Db n. destruct n as [|k]. reflexivity.
  destruct (always_related x Da Db k) as [_ H]. apply H.
Qed."""
