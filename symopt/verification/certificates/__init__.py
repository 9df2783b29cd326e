"""Certificates: proofs written out as files that others can check without symopt."""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symopt.statement.rule import Rule
from symopt.verification.certificates.coq import UnfitError, coq_file
from symopt.verification.certificates.linear_script import linear_script
from symopt.verification.certificates.sympy_script import sympy_script
from symopt.verification.relation import Equality

__all__ = ["FORMATS", "Proof", "Written", "written"]

#: The formats of certificates.
FORMATS = ("sympy", "coq")


@dataclass(frozen=True)
class Proof:
    """What was proved of two rules, written in the same hyperparameters.

    ``equalities`` are proofs by induction, in one number of coordinates or in several; without
    them both rules are linear, and were proved equal for as many steps as decide it.
    """

    first: Rule
    second: Rule
    equalities: tuple[Equality, ...] = ()


@dataclass(frozen=True)
class Written:
    """The certificates of a verdict by format, and why others could not be made."""

    texts: Mapping[str, str]
    reasons: Mapping[str, str]


def written(verdict: Any) -> Written:
    """All certificates of a verdict; the script was run once before it is given away.

    >>> import symopt
    >>> print(written(symopt.prove("momentum", "heavy_ball")).texts["sympy"].split("import")[0])
    \"""momentum and heavy_ball are one rule: they are equal at every step.
    <BLANKLINE>
    Claim. From one start, with the same answers to the same questions for gradients, whatever
    ...
    """
    if verdict.status == "proved" and not isinstance(verdict.proof, Proof):
        why = "it needs inequalities between memories and hyperparameters"
        return Written({}, dict.fromkeys(FORMATS, why))
    if not isinstance(verdict.proof, Proof):
        return Written({}, dict.fromkeys(FORMATS, verdict.reason or verdict.status))
    proof = verdict.proof
    texts, reasons = {}, {}
    claim = _claim(verdict, "sympy")
    if proof.equalities:
        script = sympy_script(proof.equalities, claim)
    else:
        script = linear_script(proof.first, proof.second, claim)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(script, "certificate", "exec"), {"__name__": "certificate"})
        texts["sympy"] = script
    except AssertionError as error:
        reasons["sympy"] = str(error)
    if not proof.equalities:
        return Written(texts, {**reasons, "coq": "the proof is by Cayley and Hamilton"})
    try:
        texts["coq"] = coq_file(proof.equalities[0], _claim(verdict, "coq"))
    except UnfitError as error:
        reasons["coq"] = str(error)
    return Written(texts, reasons)


_BY_LINEARITY = (
    "Proof. (1) After the first step both rules are linear: with z the entries of both points and "
    "memories, z becomes A z + B g at every t >= 2, and what is compared is E z. (2) Both are "
    "equal for n + 1 steps, where n is the number of entries of z, from any start and for any "
    "gradients: so E A**j z and E A**j B are zero for j < n, and by Cayley and Hamilton for all j. "
    "Both are identities between quotients of polynomials, and are checked when this file is run."
)
_CHECKED = {"sympy": "this file is run", "coq": "Coq compiles this file"}
_NEEDS = {
    "sympy": "It needs Python and SymPy. The rules stand below the checker, line by line. A claim "
    "that does not hold raises AssertionError.",
    "coq": "It needs Coq (8.16 or later) and its standard library: coqc FILE. The theorem is "
    "`equal`, at the end; the axioms that are printed are those of the real numbers. A quotient "
    "by zero has some value in Coq, so the theorem asks for both rules to be defined.",
}


def _claim(verdict: Any, form: str) -> str:
    """What is proved, why the checks suffice for it, and what is assumed."""
    first, second = verdict.implementation, verdict.rule
    related = [line.removesuffix(".") for line in verdict.relation]
    relation = "the relation between their memories holds" if related else "so are their memories"
    paragraphs = [
        f"{first} and {second} are one rule: they are equal at every step.",
        "Claim. From one start, with the same answers to the same questions for gradients, "
        "whatever they are, both rules ask for gradients at the same points and report the same "
        "points x, at every step t = 1, 2, 3, ...",
    ]
    if verdict.map:
        mapped = ", ".join(f"{name} = {value}" for name, value in verdict.map.items())
        paragraphs.append(f"This is for {mapped}, which is put in below.")
    induction = (
        "Proof, by induction on t. (1) Both make their first step from one start: they ask at the "
        f"same points, x is the same after it, and {relation}. (2) If so before a step, at any "
        "t >= 2, for any memory and any gradients, then so after it. Both are identities between "
        f"quotients of polynomials and roots, and are checked when {_CHECKED[form]}."
    )
    paragraphs.append(induction if verdict.proof.equalities else _BY_LINEARITY)
    if related:
        paragraphs.append("Relation: " + "; ".join(related) + ".")
    paragraphs.append("Assumed: " + "; ".join(verdict.assumed) + ".")
    paragraphs.append(_NEEDS[form])
    return "\n\n".join(textwrap.fill(part, 98) for part in paragraphs)
