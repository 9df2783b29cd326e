"""Settling claims about training runs."""

from __future__ import annotations

import numpy as np

from symopt.statement.fit import LossFalls, SameRule
from symopt.verification.claims import Finding, Runs, settle
from symopt.verification.digits import bounds, decimal
from symopt.verification.prove import prove

__all__ = ["settle_fits"]


@settle.register
def _(claim: LossFalls, runs: Runs) -> Finding:
    fit = runs.system.fit(claim.fit)
    steps = (claim.earlier, claim.later)
    if claim.later <= fit.certified:
        before, after = runs.fits.losses(fit, "ball", steps)
        (low, _), (_, high) = bounds(before), bounds(after)
        shown = f"From {decimal(before, 12)} to {decimal(after, 12)}, certified."
        return Finding(claim, high < low, shown)
    before, after = runs.fits.losses(fit, "float64", steps)
    return Finding(claim, bool(after < before), f"From {before!r} to {after!r} in float64.")


@settle.register
def _(claim: SameRule, runs: Runs) -> Finding:
    """By proof; and seen on the runs: certified balls that overlap, and how far floats part."""
    fits = [runs.system.fit(label) for label in (claim.left, claim.right)]
    verdict = prove(fits[0].rule, fits[1].rule)
    evidence = f"{fits[0].rule} against {fits[1].rule}: {verdict.status} by symopt.prove"
    evidence += f", {verdict.reason}" if verdict.reason and not verdict else ""
    evidence += "".join(f"; {relation}" for relation in verdict.relation)
    steps = min(fit.certified for fit in fits)
    if steps:
        left, right = (runs.fits.get(fit, "ball").x[: steps + 1] for fit in fits)
        apart = [
            (a, b)
            for a, b in zip(left.flat, right.flat, strict=True)
            if bounds(a)[1] < bounds(b)[0] or bounds(b)[1] < bounds(a)[0]
        ]
        if apart:
            return Finding(claim, False, f"The certified runs part: {evidence}.")
        evidence += f". On the runs: the balls of all {left.shape[1]} parameters overlap up to "
        evidence += f"step {steps}"
    left, right = (runs.fits.get(fit, "float64").x for fit in fits)
    most = min(len(left), len(right))
    gap = float(np.abs(left[:most] - right[:most]).max())
    evidence += f", and in float64 they are at most {gap:.2g} apart in {most - 1} steps"
    return Finding(claim, bool(verdict), f"{evidence}.")


#: Imported for its effect: the claims of fits are settled by ``settle`` from here on.
settle_fits = settle
