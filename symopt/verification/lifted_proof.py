"""From runs that agree to a proof: what was read from the code is proved to be the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from sympy import Expr, Symbol

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import LiftError, SymoptError
from symopt.execution.trajectory import to_float
from symopt.program.graph import Program
from symopt.statement.numbers import exact, rational
from symopt.statement.rule import Rule
from symopt.verification.implementation import Implementation, ImplementationError
from symopt.verification.judging import on_probe
from symopt.verification.naming import SPELLINGS, renamed
from symopt.verification.probe import Probe
from symopt.verification.prove import prove
from symopt.verification.reading import Reading, read
from symopt.verification.siblings import specialized
from symopt.verification.verdict import Verdict

__all__ = ["as_written", "with_proof"]

_REAL = "real arithmetic proves the formula; casts and rounding were checked at the probes only"
_SHAPES = "arrays of every size are treated alike: read with three numbers, compared with five"
#: Longer runs are compared with both formulas at their end, and not bounded step by step.
_LONG = 60
#: How much nearer to one formula than to the other such a run must end.
_NEAR = 1e-6
_DECISIONS = frozenset({"lt", "le", "eq", "and", "or", "not", "select"})


def with_proof(
    code: Implementation,
    verdict: Verdict,
    rule: Rule,
    values: Mapping[Symbol, Expr],
    judge: Callable[[Probe], Verdict],
) -> Verdict:
    """The verdict of the runs with what reading the code adds to it.

    Parameters
    ----------
    values
        What stands for each hyperparameter of the rule: decimals as written, or schedules.
    judge
        Runs the code on a probe and decides by floats alone.

    ``"consistent"`` becomes ``"proved"``, or ``"refuted"`` where the formulas differ and a run at
    a point where they do confirms it; else it says why there is no proof. A refutation stays, and
    is shown as a formula.
    """
    try:
        reading = read(code.subject)
        statement = specialized(rule, values)
        if statement is None:
            raise LiftError(f"{rule.name} is no rule at the received values")
        found = _Compared.of(reading.rule, rule, values, statement)
    except SymoptError as error:
        return _without(verdict, _first_line(error))
    if verdict.status == "refuted":
        return _explained(verdict, found)
    if found.verdict.status == "refuted":
        return _refuted(verdict, code, reading, found, judge)
    if found.verdict.status != "proved":
        return _without(verdict, found.verdict.reason)
    doubt = reading.doubt or _decided(reading.rule, statement)
    if doubt:
        return _without(verdict, f"its formula is the rule's, but {doubt}")
    proof = found.verdict
    settings = ", ".join(f"{symbol} = {value}" for symbol, value in values.items())
    scope = [] if found.symbolic or not values else [f"proved at the received values: {settings}"]
    return replace(
        verdict,
        status="proved",
        reason=proof.reason,
        map=found.map,
        relation=proof.relation,
        proof=proof.proof,
        assumed=tuple(dict.fromkeys(
            [*verdict.assumed, *proof.assumed, *scope, _REAL, _SHAPES,
             f"the code as read: {reading.source}", *reading.notes]
        )),
    )  # fmt: skip


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _without(verdict: Verdict, why: str) -> Verdict:
    if verdict.status != "consistent":
        return verdict
    return replace(verdict, reason=f"no proof: {why}" if why else "no proof")


@dataclass(frozen=True)
class _Compared:
    """What is proved about a rule that was read and the stated one.

    ``symbolic`` says that letters which both have stayed letters; ``map`` says what they are.
    """

    verdict: Verdict
    symbolic: bool
    map: dict[str, Any]

    @classmethod
    def of(
        cls, lifted: Rule, stated: Rule, values: Mapping[Symbol, Expr], statement: Rule
    ) -> _Compared:
        """First with the letters that both have, then at the received values."""
        given = {entry.symbol: entry.default for entry in lifted.parameters}
        shared = _shared(lifted, stated, values)
        general: Verdict | None = None
        if shared:
            ours = renamed(lifted, shared)
            rest = {s: v for s, v in given.items() if s not in shared}
            ours = specialized(ours, rest) if ours is not None else None
            kept = set(shared.values())
            theirs = specialized(stated, {s: v for s, v in values.items() if s not in kept})
            if ours is not None and theirs is not None:
                general = prove(ours, theirs, maps=False)
                if general.status == "proved":
                    return cls(general, True, _map(lifted, stated, values, shared))
        ours = specialized(lifted, given)
        if ours is None:
            raise LiftError(f"{lifted.name} is no rule at the values that it received")
        special = prove(ours, statement, maps=False)
        if special.status == "refuted" and general is not None and general.status == "refuted":
            special = replace(special, difference=general.difference)
        return cls(special, False, {})


def _shared(lifted: Rule, stated: Rule, values: Mapping[Symbol, Expr]) -> dict[Symbol, Symbol]:
    """Hyperparameters of the code that are one of the rule's, by name and by value."""
    found: dict[Symbol, Symbol] = {}
    known = {entry.name: entry.symbol for entry in stated.parameters}
    for entry in lifted.parameters:
        for name in (entry.name, *SPELLINGS.get(entry.name.lower(), ())):
            symbol = known.get(name)
            if symbol is None or symbol in found.values() or values[symbol] != entry.default:
                continue
            found[entry.symbol] = symbol
            break
    return found


def _map(
    lifted: Rule, stated: Rule, values: Mapping[Symbol, Expr], shared: Mapping[Symbol, Symbol]
) -> dict[str, Any]:
    kept = set(shared.values())
    told = {f"{lifted.name}.{s}": to for s, to in shared.items() if s.name != to.name}
    return told | {f"{stated.name}.{s}": v for s, v in values.items() if s not in kept}


def _decided(lifted: Rule, statement: Rule) -> str:
    """A decision about numbers in the code that real arithmetic settles, and rounding may not."""
    if _decides(lifted) and not _decides(statement):
        return "it decides by comparing numbers, which rounding may settle in another way"
    return ""


def _decides(rule: Rule) -> bool:
    program: Program = opaque_step(rule, 1 if is_elementwise(rule) else 2).program
    varying: list[bool] = []
    for node in program.nodes:
        fixed = node.op == "input" and isinstance(node.value, tuple) and node.value[0] in (
            "hyper", "t"
        )  # fmt: skip
        own = node.op == "input" and not fixed
        varying.append(own or any(varying[arg] for arg in node.args))
    return any(
        node.op in _DECISIONS and node.op != "select" and varying[index]
        for index, node in enumerate(program.nodes)
    )


# Refuted


def _explained(verdict: Verdict, found: _Compared) -> Verdict:
    """A refutation by floats with the formula of the difference."""
    if found.verdict.status == "refuted" and found.verdict.difference is not None:
        what = f"{found.verdict.quantity} differs by {found.verdict.difference}"
        return replace(
            verdict,
            difference=found.verdict.difference,
            reason=f"{verdict.reason}; as a formula, at step {found.verdict.step} {what}",
        )
    if found.verdict.status == "proved":
        note = "its formula is the rule's: casts or rounding make the difference"
        return replace(verdict, reason=f"{verdict.reason}; {note}")
    return verdict


def _refuted(
    verdict: Verdict,
    code: Implementation,
    reading: Reading,
    found: _Compared,
    judge: Callable[[Probe], Verdict],
) -> Verdict:
    """Different formulas that the probes did not see: run where they differ."""
    proof = found.verdict
    probe = _probe_of(proof.witness)
    formula = f"read as a formula it differs at step {proof.step} by {proof.difference}"
    if probe is None:
        return _without(verdict, f"{formula}; no run could be made to confirm it")
    seen = _follows(code, verdict, proof, probe) if probe.steps > _LONG else judge(probe)
    if seen.status != "refuted":
        return _without(verdict, f"{formula}, but a run there does not confirm it")
    return replace(
        seen,
        difference=proof.difference,
        witness=proof.witness,
        probe=probe,
        reason=f"{formula}; a run there confirms it",
    )


def _follows(code: Implementation, verdict: Verdict, proof: Verdict, probe: Probe) -> Verdict:
    """A long run ends at the value of the formula that was read, and not at the rule's."""
    witness = proof.witness
    if witness.label[0] != "x":
        return verdict
    try:
        reached = float(on_probe(code, probe).points[witness.step][witness.label[-1]])
    except ImplementationError:
        return verdict
    read_value, stated = (_number(value) for value in (witness.first, witness.second))
    if not abs(reached - read_value) <= _NEAR * abs(reached - stated):
        return verdict
    return Verdict(
        "refuted", verdict.implementation, verdict.rule, step=witness.step,
        quantity=witness.quantity, observed=reached, assumed=verdict.assumed,
    )  # fmt: skip


def _number(value: Any) -> float:
    return to_float(value) if hasattr(value, "mid") else float(Fraction(str(value)))


def _probe_of(witness: Any) -> Probe | None:
    """The witness of a difference as a probe in two coordinates or more; all of it as floats."""
    label = getattr(witness, "label", None)
    if label is None:
        return None
    size = len(witness.start)
    rows = []
    for step in range(1, witness.step + 1):
        names = [f"g{step}"] if size == 1 else [f"g{step}_{i + 1}" for i in range(size)]
        if any(name not in witness.gradients for name in names):
            return None
        rows.append(tuple(_as_float(witness.gradients[name]) for name in names))
    start = tuple(_as_float(value) for value in witness.start)
    if size == 1:  # code for arrays is run with two numbers, both the same
        start, rows = start * 2, [row * 2 for row in rows]
    return Probe("where the formulas differ", start, tuple(rows))


def _as_float(value: Fraction) -> Fraction:
    return Fraction(float(value))


def as_written(value: Fraction) -> Expr:
    """A received float as the decimal that it was written as; anything else as it is."""
    near = float(value)
    return rational(exact(near) if Fraction(near) == value else value)
