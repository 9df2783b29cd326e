"""symopt: symbolic derivation and verification of gradient-based optimizers.

State an optimizer once; get its derivation, its exact trajectory, its fast kernel, and a check of
the numbers.

>>> import symopt
>>> print(symopt.rules.gradient_descent)
Gradient descent (Cauchy (1847), p. 537)
  eta = 1/100  learning rate
  g <- grad(x)
  x <- -eta*g + x
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Public name -> the module that defines it. Imported on first use (PEP 562), so that
#: ``import symopt`` loads nothing else.
_HOMES = {
    "Hyperparameter": "symopt.statement.rule",
    "ArrayObjective": "symopt.statement.array.objective",
    "BoundObjective": "symopt.statement.array.bound",
    "Batches": "symopt.statement.array.batches",
    "QuadraticLoss": "symopt.derivation.array.quadratic",
    "quadratic_loss": "symopt.derivation.array.quadratic",
    "KnownPoint": "symopt.statement.objective",
    "Objective": "symopt.statement.objective",
    "Reference": "symopt.statement.source",
    "Rule": "symopt.statement.rule",
    "Source": "symopt.statement.source",
    "models": "symopt.statement.library",
    "network": "symopt.statement.array.network",
    "objectives": "symopt.statement.library",
    "rules": "symopt.statement.library",
    "Unrolled": "symopt.derivation.unroll",
    "unroll": "symopt.derivation.unroll",
    "EveryStep": "symopt.derivation.every_step",
    "closed_form": "symopt.derivation.every_step",
    "Stability": "symopt.derivation.stability",
    "stability": "symopt.derivation.stability",
    "Kernel": "symopt.execution.kernel",
    "kernel": "symopt.execution.kernel",
    "Best": "symopt.execution.reductions",
    "FirstBelow": "symopt.execution.reductions",
    "Trajectory": "symopt.execution.trajectory",
    "load": "symopt.execution.trajectory",
    "run": "symopt.execution.run",
    "Ends": "symopt.execution.sweep.result",
    "Sweep": "symopt.execution.sweep.result",
    "grid": "symopt.execution.sweep.starts",
    "spaced": "symopt.execution.sweep.values",
    "sweep": "symopt.execution.sweep",
    "Accuracy": "symopt.verification.accuracy",
    "accuracy": "symopt.verification.accuracy",
    "Document": "symopt.presentation.document",
    "compare": "symopt.presentation.comparison",
    "compose": "symopt.presentation.compose",
    "derive": "symopt.presentation.derive",
    "Explorer": "symopt.presentation.explore",
    "explore": "symopt.presentation.explore",
    "equations": "symopt.presentation.compose",
    "prose": "symopt.presentation.compose",
    "table": "symopt.presentation.compose",
    "reproduce": "symopt.verification.systems",
    "Implementation": "symopt.verification.implementation",
    "Observation": "symopt.verification.implementation",
    "Verdict": "symopt.verification.verdict",
    "GradientCheck": "symopt.verification.array.check",
    "GradientProof": "symopt.verification.array.gradient",
    "check_gradient": "symopt.verification.array.check",
    "enclose_gradient": "symopt.verification.array.check",
    "prove": "symopt.verification.prove",
    "prove_gradient": "symopt.verification.array.gradient",
    "verify": "symopt.verification.verify",
    "Identification": "symopt.verification.identification",
    "identify": "symopt.verification.identify",
    "Tuned": "symopt.verification.tuning.result",
    "tune": "symopt.verification.tuning",
    "lift": "symopt.verification.lift",
    "systems": "symopt.verification.systems",
    **dict.fromkeys(
        [
            "BudgetError", "DerivationError", "InexactError", "InputError", "LiftError",
            "MissingExtraError", "OutputError", "ParseError", "StatementError", "SymoptError",
            "UndecidedError", "UndefinedError", "UnknownNameError", "WorkerError",
        ],
        "symopt.errors",
    ),
}  # fmt: skip
_MODULES = {
    "array": "symopt.array",
    "plot": "symopt.presentation.plot",
    "symbols": "symopt.symbols",
}

__all__ = sorted([*_HOMES, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'symopt' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


if TYPE_CHECKING:
    from symopt.derivation.array.quadratic import QuadraticLoss as QuadraticLoss
    from symopt.derivation.array.quadratic import quadratic_loss as quadratic_loss
    from symopt.errors import (
        BudgetError as BudgetError,
    )
    from symopt.errors import (
        DerivationError as DerivationError,
    )
    from symopt.errors import (
        InexactError as InexactError,
    )
    from symopt.errors import (
        InputError as InputError,
    )
    from symopt.errors import (
        LiftError as LiftError,
    )
    from symopt.errors import (
        MissingExtraError as MissingExtraError,
    )
    from symopt.errors import (
        OutputError as OutputError,
    )
    from symopt.errors import (
        ParseError as ParseError,
    )
    from symopt.errors import (
        StatementError as StatementError,
    )
    from symopt.errors import (
        SymoptError as SymoptError,
    )
    from symopt.errors import (
        UndecidedError as UndecidedError,
    )
    from symopt.errors import (
        UndefinedError as UndefinedError,
    )
    from symopt.errors import (
        UnknownNameError as UnknownNameError,
    )
    from symopt.errors import (
        WorkerError as WorkerError,
    )
    from symopt.statement.array.batches import Batches as Batches
    from symopt.statement.array.bound import BoundObjective as BoundObjective
    from symopt.statement.array.network import network as network
    from symopt.statement.array.objective import ArrayObjective as ArrayObjective
    from symopt.statement.library import models as models
    from symopt.statement.library import objectives as objectives
    from symopt.statement.library import rules as rules
    from symopt.statement.objective import KnownPoint as KnownPoint
    from symopt.statement.objective import Objective as Objective
    from symopt.statement.rule import Hyperparameter as Hyperparameter
    from symopt.statement.rule import Rule as Rule
    from symopt.statement.source import Reference as Reference
    from symopt.statement.source import Source as Source
