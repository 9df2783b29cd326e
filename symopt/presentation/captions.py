"""Captions: what was run, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.execution.trajectory import Trajectory
from symopt.presentation import drawing

__all__ = ["caption"]


def caption(*trajectories: Any) -> str:
    """What was run: rules, hyperparameters as received, objective, start, steps, arithmetic.

    What all runs share is said once, at the end. Maps, animations and the pictures of systems have
    captions of their own, which are given too; a comparison with exact runs has that of its run.

    >>> import symopt
    >>> print(caption(symopt.run("momentum", "beale", steps=20, eta="0.001")))
    Momentum (η = 0.001, μ = 0.9) on Beale from (1, 3/2), 20 steps, float64.
    """
    own = [item for item in trajectories if _has_its_own(item)]
    if own:
        rest = [item for item in trajectories if not _has_its_own(item)]
        return " ".join([*(item.caption for item in own), *([caption(*rest)] if rest else [])])
    runs = drawing.flat(getattr(item, "trajectory", item) for item in trajectories)
    if not runs:
        raise InputError("caption() needs at least one trajectory; make one with symopt.run")
    facts = [_facts(run) for run in runs]
    shared = {key for key in facts[0] if len({fact[key] for fact in facts}) == 1}
    texts = []
    for run, fact in zip(runs, facts, strict=True):
        alone = _sentence({key: text for key, text in fact.items() if key not in shared})
        ended = f", diverges at step {run.diverged_at}" if run.diverged_at is not None else ""
        values = f" ({drawing.settings(run)})" if run.hyperparameters else ""
        texts.append(f"{run.rule.title}{values}{_after(alone)}{ended}")
    common = _sentence({key: text for key, text in facts[0].items() if key in shared})
    return f"{'; '.join(texts)}{_after(common)}."


def _has_its_own(item: Any) -> bool:
    return not isinstance(item, Trajectory) and isinstance(getattr(item, "caption", None), str)


def _facts(run: Trajectory) -> dict[str, str]:
    start = ", ".join(drawing.number(value, run.arithmetic) for value in run.x0)
    bits = f" of {run.precision} bits" if run.precision else ""
    batch = np.ndim(run.x) == 3
    return {
        "objective": f"on {run.objective.title}",
        "start": f"from {run.x.shape[1]} starts" if batch else f"from ({start})",
        "steps": f"{run.steps} step{'s' * (run.steps != 1)}",
        "arithmetic": f"{run.arithmetic}{bits}",
    }


def _sentence(facts: dict[str, str]) -> str:
    place = " ".join(facts[key] for key in ("objective", "start") if key in facts)
    rest = [facts[key] for key in ("steps", "arithmetic") if key in facts]
    return ", ".join([place] * bool(place) + rest)


def _after(text: str) -> str:
    """A place follows a blank, an aside a comma."""
    if not text:
        return ""
    return f" {text}" if text.startswith(("on ", "from ")) else f", {text}"
