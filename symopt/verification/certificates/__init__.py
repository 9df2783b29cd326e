"""Certificates: proofs written out as files that others can check without symopt."""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symopt.verification.certificates.sympy_script import sympy_script
from symopt.verification.relation import Equality

__all__ = ["Proof", "Written"]


@dataclass(frozen=True)
class Proof:
    """What was proved of two rules, in one number of coordinates or in several."""

    equalities: tuple[Equality, ...]


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
    if not isinstance(verdict.proof, Proof):
        return Written({}, {"sympy": verdict.reason or verdict.status})
    script = sympy_script(verdict.proof.equalities, _claim(verdict))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(script, "certificate", "exec"), {"__name__": "certificate"})
    except (AssertionError, NotImplementedError) as error:
        return Written({}, {"sympy": str(error)})
    return Written({"sympy": script}, {})


def _claim(verdict: Any) -> str:
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
    paragraphs.append(
        "Proof, by induction on t. (1) Both make their first step from one start: they ask at the "
        f"same points, x is the same after it, and {relation}. (2) If so before a step, at any "
        "t >= 2, for any memory and any gradients, then so after it. Both are identities between "
        "quotients of polynomials and roots, and are checked when this file is run."
    )
    if related:
        paragraphs.append("Relation: " + "; ".join(related) + ".")
    paragraphs.append("Assumed: " + "; ".join(verdict.assumed) + ".")
    paragraphs.append(
        "It needs Python and SymPy. The rules stand below the checker, line by line. A claim that "
        "does not hold raises AssertionError."
    )
    return "\n\n".join(textwrap.fill(part, 98) for part in paragraphs)
