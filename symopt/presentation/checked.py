"""What a document says of itself: which of its steps were proved again, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, fmpq

from symopt.errors import DerivationError
from symopt.execution.arithmetic import precision
from symopt.execution.trajectory import Trajectory
from symopt.presentation.document import Details, Paragraph, Section, Table, spans
from symopt.presentation.worked import WorkedStep
from symopt.verification.argument import PROVED, Finding

__all__ = ["Checked", "check_numbers", "checked_section"]

EXACT_RUN, CERTIFIED_RUN = "equal to the exact run", "overlap the certified run"
_BITS = 512


@dataclass(frozen=True)
class Checked:
    """A section, and what is known of the formulas in it."""

    section: Section
    findings: tuple[Finding, ...] = ()


def check_numbers(step: WorkedStep, exact: Trajectory) -> Finding:
    """Compare the point of a step worked by hand with the run that a kernel made.

    Raises :class:`~symopt.errors.DerivationError` where they differ.
    """
    name, how = f"numbers of step {step.number}", EXACT_RUN
    with precision(_BITS):
        for mine, theirs in zip(step.point, exact.x[step.number], strict=True):
            if isinstance(mine, int | Fraction) and isinstance(theirs, int | Fraction):
                same = mine == theirs
            else:
                how = CERTIFIED_RUN
                same = bool(_ball(mine).overlaps(_ball(theirs)))
            if not same:
                raise DerivationError(f"{name} do not hold: {mine} by hand, {theirs} by the run")
    return Finding(name, "substitution", how)


def _ball(value: int | Fraction | arb) -> arb:
    if isinstance(value, int | Fraction):
        return arb(fmpq(Fraction(value).numerator, Fraction(value).denominator))
    return arb(value)


def checked_section(findings: Sequence[Finding], *, listed: bool = False) -> Section:
    """How many steps were proved again and how; the whole list where asked."""
    counts = Counter(finding.how for finding in findings)
    proved = counts.pop(PROVED, 0)
    text = (
        "Before this was printed, each step was checked by other means than those that made it: "
        "derivatives against the reverse differentiation of the program, formulas of the first "
        "steps against the unrolled program, numbers against a run. Of "
        f"{len(findings)} checks {proved} are proofs by the normal form of both sides"
    )
    rest = [f"{count} {how}" for how, count in sorted(counts.items())]
    text += f"; {', '.join(rest)}." if rest else "."
    if not listed:
        return Section(spans("What was checked"), (Paragraph(spans(text)),))
    rows = tuple(
        (spans(formula), spans(rules), spans(how)) for formula, rules, how in _grouped(findings)
    )
    table = Table((spans("formula"), spans("by"), spans("how it is known")), rows, "lpp")
    details = Details(spans(f"All {len(findings)} checks"), (table,))
    return Section(spans("What was checked"), (Paragraph(spans(text)), details))


def _grouped(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    """For each formula: which rules of calculation led to it, how often, and how it is known."""
    groups: dict[tuple[str, str], Counter[str]] = {}
    for finding in findings:
        formula = finding.name.partition(" [")[0].partition(":")[0]
        groups.setdefault((formula, finding.how), Counter())[finding.rule] += 1
    return [
        (formula, ", ".join(f"{rule} {n}" if n > 1 else rule for rule, n in rules.items()), how)
        for (formula, how), rules in groups.items()
    ]
