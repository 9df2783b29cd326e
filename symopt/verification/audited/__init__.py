"""What an audit checks: framework optimizers with their settings, and what each should be.

One module per framework holds its cases. A setting is written once, as the framework takes it;
``NAMES`` says what the rules call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from symopt.statement.rule import Rule

__all__ = ["Case", "received"]


@dataclass(frozen=True)
class Case:
    """One optimizer, its settings, and the statements that it is held against.

    Attributes
    ----------
    optimizer, settings
        The framework's name for it, and the arguments that it is made with.
    rule
        The rule that it claims to be.
    rivals
        Rules that it must be told apart from in float64 and float32.
    fine, coarse
        Rivals for float64 only (rounding hides them in float32), and those for bfloat16.
    instead
        A rule with a defect, tried where the claim is refuted: what it does instead.
    formats
        Dtypes to run in.
    hyper
        Hyperparameters of the rule that no setting gives.
    """

    optimizer: str
    settings: Mapping[str, Any]
    rule: str
    rivals: tuple[str, ...]
    instead: str = ""
    fine: tuple[str, ...] = ()
    coarse: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("float64", "float32")
    hyper: Mapping[str, Any] = field(default_factory=dict)

    def rivals_in(self, dtype: str) -> tuple[str, ...]:
        """The rivals that it must be told apart from in a dtype."""
        if dtype == "bfloat16":
            return self.coarse
        return (*self.rivals, *self.fine) if dtype == "float64" else self.rivals

    @property
    def text(self) -> str:
        """The call that makes it."""
        given = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.optimizer}({given})"


def received(
    case: Case, rule: Rule, names: Mapping[str, str | tuple[str, ...]]
) -> dict[str, float]:
    """The hyperparameters that a rule receives from a case's settings, as binary64.

    >>> import symopt
    >>> case = Case("Adam", {"lr": 0.1, "betas": (0.9, 0.5), "foreach": True}, "adam", ())
    >>> received(case, symopt.rules.adam, {"lr": "eta", "betas": ("beta1", "beta2")})
    {'eta': 0.1, 'beta1': 0.9, 'beta2': 0.5}
    """
    known = {entry.name for entry in rule.parameters}
    found: dict[str, float] = {}
    for key, value in {**case.settings, **case.hyper}.items():
        name = names.get(key, key)
        pairs = zip(name, value, strict=True) if isinstance(name, tuple) else [(name, value)]
        found.update({each: float(given) for each, given in pairs if each in known})
    return found
