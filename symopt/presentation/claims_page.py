"""The claims of a source system, each with the computation that confirms or refutes it."""

from __future__ import annotations

from symopt.presentation.document import Badge, Document, Paragraph, Table, spans
from symopt.statement.system import System
from symopt.verification.systems import claims_of, systems

__all__ = ["claims_document"]


def claims_document(system: System | str) -> Document:
    """A page of the claims that a system makes, and of those made about it, all settled.

    >>> page = claims_document("N3c")
    >>> "✓ holds" in page.text()
    True
    """
    stated = systems.resolve(system)
    findings = claims_of(stated)
    rows = tuple(
        (
            spans(finding.claim.by),
            spans(finding.claim.text),
            spans(Badge("holds" if finding.holds else "fails")),
            spans(finding.evidence),
        )
        for finding in findings
    )
    header = tuple(spans(name) for name in ("said by", "claim", "settled", "what was computed"))
    return Document(
        f"{stated.name}: {stated.title}",
        (Paragraph(spans(stated.note)), Table(header, rows, "lplp")),
    )
