"""The pictures of a derivation: the path on the contours, and the losses by step."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symopt.execution.run import run
from symopt.execution.trajectory import Trajectory
from symopt.presentation.captions import caption
from symopt.presentation.document import Block, Figure, Section, spans
from symopt.presentation.pictures import Drawing
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

__all__ = ["drawable_steps", "picture_blocks", "pictures_of"]

#: A picture shows at least this many steps.
_STEPS = 50
#: Values from here on are not drawn.
_HIGHEST = 1e30


def picture_blocks(
    rule: Rule, objective: Objective, start: Sequence[Fraction], hyper: dict[str, Any]
) -> list[Block]:
    """A section with the pictures of one float64 run."""
    made = run(rule, objective, start, _STEPS, **hyper)
    steps = drawable_steps(made)
    if steps < 1:
        return []
    if steps < _STEPS:
        made = run(rule, objective, start, steps, **hyper)
    return [Section(spans("Pictures"), pictures_of(made))]


def drawable_steps(made: Trajectory) -> int:
    """How many steps a picture can show: those before f leaves every scale."""
    known = [bool(abs(float(value)) < _HIGHEST) for value in made.values]
    return (known.index(False) if False in known else len(known)) - 1


def pictures_of(*runs: Trajectory) -> tuple[Figure, ...]:
    """The paths, where the objective has at most two variables, and the losses."""
    objective, what = runs[0].objective, caption(*runs)
    names = ", ".join(dict.fromkeys(made.rule.title for made in runs))
    found = []
    if objective.dimension <= 2:
        found.append(
            Figure(
                Drawing("trajectory", runs, (6.4, 5.0)),
                f"The path of {names} on {objective.title}",
                spans(what),
            )
        )
    found.append(
        Figure(Drawing("losses", runs), f"f after each step of {names} on {objective.title}",
               spans("The objective after each step of the same run" + "s" * (len(runs) > 1) + "."))
    )  # fmt: skip
    return tuple(found)
