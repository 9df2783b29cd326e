"""Every error that symopt raises on purpose, in one small hierarchy.

Each message names the culprit and the next action. All of them derive from
:class:`SymoptError`, so ``except symopt.SymoptError`` catches what symopt refuses and nothing else.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BudgetError",
    "DerivationError",
    "InexactError",
    "InputError",
    "LiftError",
    "MissingExtraError",
    "OutputError",
    "ParseError",
    "StatementError",
    "SymoptError",
    "UndecidedError",
    "UndefinedError",
    "UnknownNameError",
    "WorkerError",
    "did_you_mean",
]


class SymoptError(Exception):
    """The base of all errors that symopt raises on purpose."""


class InputError(SymoptError, ValueError):
    """An argument of a call cannot be used as it is."""


class StatementError(SymoptError, ValueError):
    """A rule or an objective is not a well-formed statement."""


class ParseError(StatementError):
    """A text is not an expression of symopt's small language."""


class UnknownNameError(SymoptError, LookupError, AttributeError):
    """A name is not in the library; the message lists the nearest ones."""


class InexactError(SymoptError, ArithmeticError):
    """An operation has no exact result in the arithmetic that was asked for."""


class UndefinedError(SymoptError, ArithmeticError):
    """A statement has no value here: a division by zero, a root of a negative number."""


class UndecidedError(SymoptError, ArithmeticError):
    """A comparison cannot be decided at the precision at hand."""


class BudgetError(SymoptError):
    """An exact computation would need more digits, terms or precision than its budget."""


class LiftError(SymoptError):
    """Code from which no rule can be read; the message names the operation and its line."""


class DerivationError(SymoptError, ArithmeticError):
    """A step of a derivation does not hold; the message names the step and what it says."""


class OutputError(SymoptError, OSError):
    """A file cannot be written or read."""


class WorkerError(SymoptError, RuntimeError):
    """Workers of an executor died, or cannot be used; the message says how to go on."""


class MissingExtraError(SymoptError, ImportError):
    """An optional package is needed; the message says which extra installs it."""


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """The tail of an unknown-name message: the nearest known names, or nothing.

    >>> did_you_mean("adm", ["adam", "momentum"])
    " Did you mean 'adam'?"
    """
    near = difflib.get_close_matches(name, list(known), n=limit, cutoff=0.5)
    if not near:
        return ""
    quoted = [repr(candidate) for candidate in near]
    return (
        " Did you mean "
        + " or ".join([", ".join(quoted[:-1]), quoted[-1]][len(quoted) < 2 :])
        + "?"
    )
