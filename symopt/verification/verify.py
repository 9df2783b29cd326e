"""``symopt.verify``: is this code that rule? Decided without a tolerance to choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np
from sympy import Expr, Symbol

from symopt.errors import InputError
from symopt.execution.kernel import value_and_gradient
from symopt.execution.run import read_start, split_hyperparameters
from symopt.statement.library import objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.adapters import recognized
from symopt.verification.implementation import Implementation, ImplementationError, Observation
from symopt.verification.probe import Probe, standard_probes
from symopt.verification.replay import FAMILIES, Replay, profiles, replay
from symopt.verification.rounding import FORMATS
from symopt.verification.verdict import Verdict

__all__ = ["as_implementation", "verify"]


def as_implementation(given: Any) -> Implementation:
    """An implementation from itself, a framework's optimizer, or ``f(grad, x0, steps)``.

    Raises :class:`~symopt.errors.InputError` for what needs a constructor to be chosen.
    """
    if isinstance(given, Implementation):
        return given
    adapted = recognized(given)
    if adapted is not None:
        return cast(Implementation, adapted)
    if isinstance(given, type):
        return Implementation.from_update(given, given.__qualname__)
    if callable(given):
        return Implementation.from_trajectory(given)
    raise InputError(
        f"{type(given).__name__} is no implementation that symopt recognizes; wrap it with "
        "symopt.Implementation.from_trajectory, .from_update or .from_step"
    )


def verify(
    implementation: Any,
    rule: Rule | str,
    objective: Objective | str | None = None,
    *,
    x0: Sequence[Any] | None = None,
    steps: int | None = None,
    dtype: str | None = None,
    probes: Sequence[Probe] | None = None,
    **hyper: Any,
) -> Verdict:
    """Check an implementation against a rule.

    Parameters
    ----------
    implementation
        An :class:`~symopt.verification.implementation.Implementation`, or what
        :func:`as_implementation` makes one of.
    rule
        A name or a statement.
    objective
        Ask this objective for gradients; by default the probes prescribe them.
    x0, steps
        With an objective: where to start, and how many steps (20).
    dtype
        ``"float64"``, ``"float32"``, ``"bfloat16"``: the arrays' format (the implementation's).
    probes
        Other probes than the standard ones.
    hyper
        The hyperparameters that the implementation was given. Floats are taken at their exact
        binary64 values, for that is what code receives.

    >>> def adam(grad, x, steps, lr=0.001, b1=0.9, b2=0.999, eps=1e-8):
    ...     m = v = 0.0
    ...     for t in range(1, steps + 1):
    ...         g = grad(x)
    ...         m = m + (1 - b1) * (g - m)
    ...         v = b2 * v + (1 - b2) * g * g
    ...         x = x - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    ...         yield x
    >>> verify(adam, "adam").status
    'consistent'
    >>> verify(adam, "adam_epsilon_inside").status
    'refuted'
    """
    code = as_implementation(implementation)
    the_rule = rules.resolve(rule)
    form = dtype or code.format
    if form not in FORMATS:
        raise InputError(f"no dtype {form!r}; there are {', '.join(FORMATS)}")
    defaults = {
        entry.name: float(entry.default)
        for entry in the_rule.parameters
        if entry.name not in hyper and not entry.is_schedule
    }
    fixed, schedules = split_hyperparameters(the_rule, {**defaults, **hyper})
    setting = _Setting(the_rule, fixed, tuple(sorted(schedules.items(), key=str)), form)
    try:
        if objective is not None:
            the_objective = objectives.resolve(objective)
            run = _on_objective(code, the_objective, x0, 20 if steps is None else steps)
            return setting.judge(code, [(f"{the_objective.name}", run)])
        chosen = probes or standard_probes(fixed.get("epsilon"))
        cut = [probe if steps is None else probe.shortened(steps) for probe in chosen]
        return setting.judge(code, [(probe.name, _on_probe(code, probe)) for probe in cut])
    except ImplementationError as error:
        return Verdict(
            "undecided", code.name, the_rule.name, reason=f"the implementation failed: {error}"
        )


def _on_probe(code: Implementation, probe: Probe) -> Observation:
    rows = [[float(value) for value in row] for row in probe.gradients]
    return code.observe([float(value) for value in probe.start], rows)


def _on_objective(
    code: Implementation, objective: Objective, x0: Sequence[Any] | None, steps: int
) -> Observation:
    from symopt.execution.arithmetic import guarded

    start, batch = read_start(objective, x0)
    if batch is not None:
        raise InputError("verify() checks one start at a time, not a batch")
    _, gradient = value_and_gradient(objective, guarded())

    def answers(count: int, point: Any) -> Any:
        return np.array(gradient(*[np.float64(value) for value in point]), dtype=code.dtype)

    return code.watch([float(value) for value in start], answers, steps)


class _Setting:
    """A rule with the values that the code received."""

    def __init__(
        self,
        rule: Rule,
        fixed: dict[str, Fraction],
        schedules: tuple[tuple[Symbol, Expr], ...],
        form: str,
    ) -> None:
        self.rule, self.fixed, self.schedules, self.form = rule, fixed, schedules, form

    def judge(self, code: Implementation, runs: list[tuple[str, Observation]]) -> Verdict:
        """Consistent if one profile and family explains all runs; else refuted or undecided."""
        best: tuple[str, str, list[tuple[str, Replay]]] | None = None
        for family in FAMILIES:
            for profile in profiles(self.form, code.profiles):
                replays = [
                    (name, replay(self.rule, run, self.fixed, self.schedules, profile, family))
                    for name, run in runs
                ]
                worst = max(result.eta for _, result in replays)
                if best is None or worst < max(result.eta for _, result in best[2]):
                    best = (profile.name, family, replays)
                if worst <= 1:
                    return self._verdict(code, profile.name, family, replays)
        assert best is not None
        return self._verdict(code, *best)

    def _verdict(
        self, code: Implementation, profile: str, family: str, replays: list[tuple[str, Replay]]
    ) -> Verdict:
        name, worst = max(replays, key=lambda pair: pair[1].eta)
        resolution: dict[str, float] = {}
        for _, result in replays:
            for key, value in result.resolution.items():
                resolution[key] = min(value, resolution.get(key, value))
        common: dict[str, Any] = {
            "implementation": code.name,
            "rule": self.rule.name,
            "profile": profile,
            "family": family,
            "resolution": resolution,
            "assumed": (
                "rounding to nearest, correctly rounded + - * / and roots, no flush-to-zero",
                "hyperparameters as received: "
                + ", ".join(f"{key} = {float(value)!r}" for key, value in self.fixed.items()),
                *([code.note] if code.note else []),
            ),
            "checks": tuple(check for _, result in replays for check in result.checks),
        }
        refuted = worst.first_refuted
        if refuted is not None:
            return Verdict(
                "refuted", eta=refuted.eta, step=refuted.step, quantity=refuted.quantity,
                expected=refuted.expected, observed=refuted.observed,
                reason=f"on the probe {name!r} no evaluation order of {self.rule.name} explains it",
                **common,
            )  # fmt: skip
        for label, result in replays:
            unbounded = result.unbounded
            if unbounded is not None:
                return Verdict(
                    "undecided", step=unbounded.step, quantity=unbounded.quantity,
                    observed=unbounded.observed, expected=unbounded.expected,
                    reason=f"on {label!r}, step {unbounded.step}, rounding cannot be bounded: a "
                    "divisor or a branch is undecided there", **common,
                )  # fmt: skip
        top = max(worst.checks, key=lambda check: check.eta, default=None)
        return Verdict(
            "consistent", eta=worst.eta, step=top.step if top else None,
            quantity=top.quantity if top else "", expected=top.expected if top else None,
            observed=top.observed if top else None, **common,
        )  # fmt: skip


#: For annotations of callers that pass a plain function.
Function = Callable[..., Any]
