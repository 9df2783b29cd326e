"""A verdict as a document: status, map, relation, difference, first differing step, witness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symopt.presentation.breaking import pieces
from symopt.presentation.document import (
    Badge,
    Block,
    Code,
    Details,
    Document,
    EquationLine,
    Equations,
    Items,
    Listing,
    Math,
    Paragraph,
    Spans,
    Text,
    joined,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.figures import figure
from symopt.presentation.names import Label
from symopt.verification.verdict import Verdict

__all__ = ["difference_blocks", "map_spans", "verdict_blocks", "verdict_document"]

#: A difference with more operations is not printed; the witness says it in numbers.
_MOST_OPERATIONS = 140


def verdict_document(verdict: Verdict) -> Document:
    """What was decided about code or a rule, and everything that it rests on.

    >>> import symopt
    >>> print(verdict_document(symopt.prove("momentum", "heavy_ball")).text())
    momentum against heavy_ball
    ...
    ✓ proved: equal at every step, by induction.
    ...
    """
    return Document(f"{verdict.implementation} against {verdict.rule}", verdict_blocks(verdict))


def verdict_blocks(verdict: Verdict) -> tuple[Block, ...]:
    """The parts of a verdict, each where there is one."""
    reason = f": {verdict.reason}." if verdict.reason else "."
    blocks: list[Block] = [Paragraph(spans(Badge(verdict.status), reason))]
    if verdict.map:
        blocks.append(Paragraph((*spans("With "), *map_spans(verdict.map), *spans("."))))
    if verdict.relation:
        items = tuple(spans(text) for text in verdict.relation)
        blocks += [Paragraph(spans("How the memories hang together:")), Items(items)]
    if verdict.status == "refuted" and verdict.expected is not None:
        blocks.append(_observed(verdict))
    given = " at the same values" if verdict.status == "proved" and verdict.map else ""
    blocks += difference_blocks(verdict, given + (", elsewhere" if verdict.conditions else ""))
    if verdict.status == "consistent":
        blocks.append(_consistent(verdict))
    if verdict.assumed:
        items = tuple(spans(text) for text in verdict.assumed)
        blocks += [Paragraph(spans(Text("Assumed:", emphasis=True))), Items(items)]
    if verdict.witness is not None:
        heading = getattr(verdict.witness, "heading", "A witness, ready for a test file")
        listing = Listing(str(verdict.witness), "python")
        blocks.append(Details(spans(heading[:1].upper() + heading[1:]), (listing,)))
    if verdict.proof is not None:
        told = " holds the proof as files that others can check without symopt."
        blocks.append(Paragraph((Code("verdict.certificates"), *spans(told))))
    return tuple(blocks)


def map_spans(entries: Mapping[str, Any]) -> Spans:
    """For which values one of two rules is the other.

    >>> from sympy.abc import eta
    >>> from symopt.presentation.blocks import plain
    >>> plain(map_spans({"momentum_buffer.lr": eta}))
    'lr of momentum_buffer = η'
    """
    parts = []
    for name, value in entries.items():
        rule, _, own = name.rpartition(".")
        place = (*spans(" of "), Code(rule)) if rule else spans()
        shown = math(value) if hasattr(value, "free_symbols") else str(value)
        parts.append((Code(own), *place, *spans(" = ", shown)))
    return joined(parts)


def difference_blocks(verdict: Verdict, given: str = "") -> list[Block]:
    """The exact difference at the first step at which there is one; ``given`` tells for what."""
    difference = verdict.difference
    if difference is None:
        return []
    if int(difference.count_ops()) > _MOST_OPERATIONS:
        return [Paragraph(spans(f"They differ from step {verdict.step} on, by a long formula."))]
    quantity = verdict.quantity or "x"
    left = Math(r"\Delta", "Δ", 0.9)
    if quantity.isidentifier():
        label = Label(quantity, str(verdict.step))
        left = Math(rf"\Delta {label.latex}", f"Δ{label.unicode}", label.width + 0.9)
    what = "" if quantity.isidentifier() else f", {quantity}"
    told = f"The first minus the second after step {verdict.step}{given}, the first that differs"
    return [
        Paragraph(spans(f"{told}{what}:")),
        Equations((EquationLine(left, pieces(difference)),)),
    ]


def _observed(verdict: Verdict) -> Paragraph:
    observed = "nothing" if verdict.observed is None else repr(verdict.observed)
    return Paragraph(
        spans(
            f"At step {verdict.step}, {verdict.quantity}: expected ",
            figure(verdict.expected, 17, telling=False).math,
            f", observed {observed}, {verdict.eta:.3g} times what rounding can explain.",
        )
    )


def _consistent(verdict: Verdict) -> Paragraph:
    tested = ", ".join(f"{n} to {v:.1e}" for n, v in verdict.resolution.items() if v <= 1)
    untested = ", ".join(n for n, v in verdict.resolution.items() if v > 1)
    text = (
        f"The largest deviation is {verdict.eta:.3g} of what rounding can explain, at step "
        f"{verdict.step} ({verdict.quantity}); {verdict.profile}; {verdict.family}."
    )
    text += f" Resolved: {tested}." if tested else ""
    text += f" Not tested by these probes: {untested}." if untested else ""
    return Paragraph(spans(text))
