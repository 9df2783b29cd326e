"""What an implementation was made from: the code itself, so that it can be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Subject"]


@dataclass(frozen=True)
class Subject:
    """The object that a constructor of ``Implementation`` was given.

    ``form`` says how it is driven: ``"trajectory"``, ``"update"``, ``"step"``, or a framework's
    name. ``state`` is what a step function starts from. ``settings`` are further arguments.

    >>> Subject("update", dict).form
    'update'
    """

    form: str
    given: Any
    state: Any = None
    settings: tuple[tuple[str, Any], ...] = ()
