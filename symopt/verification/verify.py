"""``symopt.verify``: is this code that rule? Decided without a tolerance to choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import InputError
from symopt.execution.inputs import read_start, split_hyperparameters
from symopt.execution.kernel import value_and_gradient
from symopt.statement.library import objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.adapting import as_implementation
from symopt.verification.driving import Driven, drive_twice
from symopt.verification.implementation import Implementation, ImplementationError, Observation
from symopt.verification.judging import Setting, on_probe
from symopt.verification.lifted_proof import as_written, with_proof
from symopt.verification.probe import Probe, as_probe, long_probe, standard_probes
from symopt.verification.rounding import FORMATS
from symopt.verification.verdict import Verdict

__all__ = ["as_implementation", "verify"]

_STILL = (
    "it never moves: every point that it reports is the start, as where an optimizer is bound to "
    "the parameters of another model"
)
_SHARED = "it follows the rule on one array but not on several parameters, which share something"


def verify(
    implementation: Any,
    rule: Rule | str,
    objective: Objective | str | None = None,
    *,
    x0: Sequence[Any] | None = None,
    steps: int | None = None,
    dtype: str | None = None,
    probes: Sequence[Probe] | None = None,
    witness: bool = False,
    state: bool = False,
    proof: bool = True,
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
    witness
        Shrink a refutation to the smallest experiment, printed as a pytest function.
    state
        Hidden state that an adapter can see must be the rule's as well, wherever it is the rule's
        after the first step. By default points decide, and what was seen is said in ``assumed``.
    proof
        Where the code can be read, prove what was read to be the rule, for every start, all
        gradients and all steps. Without it, or where that fails, runs alone decide.
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
    >>> verify(adam, "adam").status  # typed in here, it has no file that could be read
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
    setting = Setting(the_rule, fixed, tuple(sorted(schedules.items(), key=str)), form)
    if code.training is not None:
        from symopt.verification.training import verify_training

        if objective is not None or probes is not None:
            raise InputError(f"{code.name} is a training loop: its loss is given with it")
        return verify_training(code, setting, x0, steps)
    ways: list[tuple[str, Callable[[], Observation]]]
    cut: list[Probe] = []
    if objective is not None:
        the_objective = objectives.resolve(objective)
        count = 20 if steps is None else steps
        ways = [(the_objective.name, lambda: _on_objective(code, the_objective, x0, count))]
    else:
        chosen = probes or _probes(the_rule, fixed)
        cut = [probe if steps is None else probe.shortened(steps) for probe in chosen]
        ways = [(probe.name, partial(on_probe, code, probe)) for probe in cut]
    try:
        driven = drive_twice(ways)
    except ImplementationError as error:
        return Verdict(
            "undecided", code.name, the_rule.name, reason=f"the implementation failed: {error}"
        )
    verdict = setting.decide(code, driven, state)
    if verdict.status == "consistent" and code.divided and is_elementwise(the_rule):
        # A counter or a state that all parameters share shows only where there are several.
        several = verify(
            replace(code, drive=code.divided, divided=None), the_rule, objective, x0=x0,
            steps=steps, dtype=dtype, probes=probes, witness=witness, state=state, proof=False,
            **hyper,
        )  # fmt: skip
        if not several:
            return replace(several, reason=f"{_SHARED}; {several.reason}")
    if verdict.status == "refuted":
        verdict = _shown(verdict, setting, code, driven, cut, witness)
    else:
        verdict = replace(verdict, probe=None)
    if not proof or not driven.repeatable:
        return verdict
    values = {
        entry.symbol: entry.default if entry.name in defaults else as_written(fixed[entry.name])
        for entry in the_rule.parameters
        if entry.name in fixed
    }
    return with_proof(
        code, verdict, the_rule, {**values, **schedules}, partial(_judged_on, setting, code)
    )


def _judged_on(setting: Setting, code: Implementation, probe: Probe) -> Verdict:
    """The verdict of one run; what fails there is undecided."""
    try:
        return setting.judge(code, [(probe.name, on_probe(code, probe))])
    except ImplementationError as error:
        return Verdict("undecided", code.name, setting.rule.name, reason=str(error))


def _shown(
    verdict: Verdict,
    setting: Setting,
    code: Implementation,
    driven: Driven,
    tried: list[Probe],
    witness: bool,
) -> Verdict:
    """A refutation with the probe that shows it and, where asked for, a smaller one."""
    runs = dict(driven.runs)
    if all(bool((run.points == run.points[0]).all()) for run in runs.values()):
        verdict = replace(verdict, reason=f"{_STILL}; {verdict.reason}")
    named = {probe.name: probe for probe in tried}
    failed = named.get(verdict.probe) or as_probe(verdict.probe, runs[verdict.probe])
    verdict = replace(verdict, probe=failed)
    if not witness or not verdict.quantity.startswith(("x,", "gradient")):
        return verdict  # an experiment shows points, not state
    return replace(verdict, witness=setting.witness(code, failed))


def _probes(rule: Rule, fixed: Mapping[str, Fraction]) -> tuple[Probe, ...]:
    """The standard probes; with long ones where a sign hides most of what goes into it."""
    program = opaque_step(rule, 1 if is_elementwise(rule) else 2).program
    more = (long_probe(6), long_probe(7)) if program.has("sign") else ()
    return (*standard_probes(fixed.get("epsilon")), *more)


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
