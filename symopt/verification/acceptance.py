"""How much an acceptance check sees: the mutants of a rule that it lets survive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from symopt.errors import InputError, UnknownNameError
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.verification.mutants import Mutant, mutants
from symopt.verification.stated import Stepper

__all__ = ["MutationScore", "Outcome", "mutation_score"]

#: What a check is given: called with hyperparameters, it makes an optimizer with
#: ``step(x, oracle) -> x``.
Factory = Callable[..., Stepper]


@dataclass(frozen=True)
class Outcome:
    """One mutant, whether the check rejected it, and what it said."""

    mutant: Mutant
    rejected: bool
    said: str = ""


@dataclass(frozen=True)
class MutationScore:
    """What an acceptance check made of the mutants of a rule."""

    rule: str
    check: str
    outcomes: tuple[Outcome, ...]

    @property
    def total(self) -> int:
        return len(self.outcomes)

    @property
    def rejected(self) -> int:
        return sum(outcome.rejected for outcome in self.outcomes)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """The mutants that the check takes for the rule."""
        return tuple(outcome.mutant for outcome in self.outcomes if not outcome.rejected)

    def __str__(self) -> str:
        lines = [f"{self.check}: rejects {self.rejected} of {self.total} mutants of {self.rule}"]
        lines += [f"  survives: {mutant.description}" for mutant in self.survivors]
        return "\n".join(lines)


def mutation_score(
    run_suite: Callable[[Factory], Any],
    rule: Rule | str,
    among: Iterable[Mutant] | None = None,
    name: str = "",
) -> MutationScore:
    """Run an acceptance check on single-edit mutants of a rule, and see which survive.

    Parameters
    ----------
    run_suite
        The check. It is given a factory: ``make(eta=0.1, ...)`` returns a fresh optimizer, whose
        ``step(x, oracle)`` returns the next point (an array of any shape; ``oracle(point)`` is to
        return the gradient). It accepts by returning nothing or something true, and rejects by
        returning something false or raising.
    rule
        The rule that the check is about. Hyperparameters that are not given have its defaults.
    among
        The mutants to try; all of them by default.
    name
        What to call the check; its own name by default.

    Raises :class:`~symopt.errors.InputError` if the check rejects the rule itself.

    >>> def gets_smaller(make):
    ...     optimizer, x = make(eta=0.1), np.array([1.0])
    ...     for _ in range(20):
    ...         x = optimizer.step(x, lambda point: point)
    ...     return abs(x[0]) < 1
    >>> import numpy as np
    >>> print(mutation_score(gets_smaller, "gradient_descent"))
    gets_smaller: rejects 2 of 5 mutants of gradient_descent
      survives: g: twice the gradient
      survives: x: without x
      survives: x: without the factor eta in -eta*g
    """
    original = rules.resolve(rule)
    title = name or str(getattr(run_suite, "__name__", type(run_suite).__name__))
    rejected, said = _rejects(run_suite, original, original)
    if rejected:
        raise InputError(f"{title} rejects {original.name} itself: {said or 'it returned False'}")
    tried = mutants(original) if among is None else tuple(among)
    outcomes = [Outcome(mutant, *_rejects(run_suite, mutant.rule, original)) for mutant in tried]
    return MutationScore(original.name, title, tuple(outcomes))


def _rejects(run_suite: Callable[[Factory], Any], rule: Rule, original: Rule) -> tuple[bool, str]:
    own = {entry.name for entry in rule.parameters}

    def make(dtype: str = "float64", **hyper: Any) -> Stepper:
        for name in hyper:
            original.parameter(name)  # an unknown name is the check's mistake
        return Stepper(rule, dtype, **{k: v for k, v in hyper.items() if k in own})

    try:
        answer = run_suite(make)
    except (InputError, UnknownNameError):
        raise
    except Exception as error:
        return True, f"{type(error).__name__}: {error}".splitlines()[0]
    return answer is not None and not answer, ""
