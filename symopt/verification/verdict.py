"""The result of a check: a status, never silent, with everything that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from symopt.verification.certificates import Written, written

__all__ = ["Check", "Verdict"]


@dataclass(frozen=True)
class Check:
    """One quantity after one step: what was observed, what is exact, what rounding explains."""

    step: int
    quantity: str
    observed: float
    expected: Any
    bound: Any
    eta: float

    @property
    def ulp(self) -> float:
        """The deviation in ulp of the exact value (binary64)."""
        from symopt.verification.accuracy import fractional_ulp

        return fractional_ulp(self.observed, self.expected)


@dataclass(frozen=True)
class Verdict:
    """What was decided about an implementation and a rule.

    Attributes
    ----------
    status
        ``"proved"``, ``"consistent"``, ``"refuted"`` or ``"undecided"``. The verdict is true for
        the first two.
    eta
        The largest observed deviation over what rounding can explain; at most 1 is consistent.
    step, quantity, expected, observed
        Of the first refuting check, or of the one with the largest eta.
    profile, family
        The formats, and the family of evaluation forms, that explain the run.
    resolution
        For each hyperparameter, the relative change that the run would have noticed; above 1 it
        was not tested.
    assumed
        What the verdict assumes.
    reason
        Why, in a sentence.
    witness
        The smallest probe that shows the refutation; its text is a ready pytest function.
    probe
        The probe of the refutation, to be run again with ``verify(..., probes=[verdict.probe])``.
    map
        For which values one of two rules is the other, by ``"rule.hyperparameter"``.
    conditions
        What hyperparameters must meet, beyond their domains, for a proof to hold, in words.
    relation
        How the memories of two rules hang together, as equations.
    difference
        First minus second rule at the first differing step, as a formula.
    proof
        What was proved, from which ``certificates`` are written.
    cross_checks
        What an SMT solver said of a proof, where it was asked.

    >>> import symopt
    >>> verdict = symopt.prove("adamw", "adamw_optax")
    >>> verdict.status, bool(verdict)
    ('proved', True)

    >>> bool(Verdict("consistent", "my_adam", "adam")), bool(Verdict("refuted", "mine", "adam"))
    (True, False)
    """

    status: str
    implementation: str
    rule: str
    eta: float = 0.0
    step: int | None = None
    quantity: str = ""
    expected: Any = None
    observed: float | None = None
    profile: str = ""
    family: str = ""
    resolution: Mapping[str, float] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    reason: str = ""
    witness: Any = None
    map: Mapping[str, Any] = field(default_factory=dict)
    conditions: str = ""
    relation: tuple[str, ...] = ()
    difference: Any = None
    proof: Any = field(default=None, repr=False)
    cross_checks: tuple[str, ...] = ()
    probe: Any = None
    checks: tuple[Check, ...] = field(default=(), repr=False)

    @cached_property
    def _written(self) -> Written:
        return written(self)

    @property
    def certificates(self) -> Mapping[str, str]:
        """The proof as files that others can check without symopt, by format.

        ``"sympy"`` is a Python script that needs SymPy alone, ``"coq"`` a file for Coq 8.16 and
        its standard library: a claim until ``coqc`` has accepted it. A format is absent where the
        proof does not fit it, and there is none of what is not proved.
        """
        return self._written.texts

    @property
    def no_certificates(self) -> Mapping[str, str]:
        """For each format of which there is no certificate, why."""
        return self._written.reasons

    @property
    def certificate(self) -> str:
        """The proof as a Python script that needs SymPy alone; empty where there is none."""
        return self.certificates.get("sympy", "")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from symopt.presentation.rich import bundle

        return bundle(self)

    def __bool__(self) -> bool:
        return self.status in ("proved", "consistent")

    def __str__(self) -> str:
        lines = [f"{self.status.upper()}: {self.implementation} against {self.rule}"]
        if self.reason:
            lines.append(f"  {self.reason}")
        if self.status == "refuted" and self.expected is not None:
            lines.append(
                f"  step {self.step}, {self.quantity}: expected "
                f"{self.expected.str(17, radius=False)}, observed {self.observed!r}, "
                f"{self.eta:.3g} times what rounding can explain"
            )
        elif self and self.profile:
            runs = "floats: " if self.status == "proved" else ""
            where = f"at step {self.step} ({self.quantity})"
            lines.append(f"  {runs}eta = {self.eta:.3g} {where}; {self.profile}; {self.family}")
            tested = {name: value for name, value in self.resolution.items() if value <= 1}
            if tested:
                lines.append(
                    "  resolved: "
                    + ", ".join(f"{name} to {value:.1e}" for name, value in tested.items())
                )
            untested = [name for name in self.resolution if name not in tested]
            if untested:
                lines.append(f"  not tested by these probes: {', '.join(untested)}")
        if self.map:
            pairs = ", ".join(f"{name} = {value}" for name, value in self.map.items())
            lines.append(f"  with {pairs}")
        lines += [f"  hidden state: {text}" for text in self.relation]
        if self.difference is not None and self.expected is None:
            where = "elsewhere" if self.conditions else "with the same values"
            same = f"{where} they differ: " if self.status == "proved" else ""
            by = "" if same else "differs "
            lines.append(f"  {same}step {self.step}, {self.quantity}: {by}by {self.difference}")
        lines += [f"  assumed: {text}" for text in self.assumed]
        lines += [f"  cross-check: {text}" for text in self.cross_checks]
        if self.witness is not None:
            heading = getattr(self.witness, "heading", "witness (paste into your tests)")
            lines.append(f"  {heading}:")
            lines += ["    " + line for line in str(self.witness).splitlines()]
        return "\n".join(lines)
