"""Whole-loop functions."""

from __future__ import annotations
from typing import Any


def is_loop(f: Any) -> bool:
    return False


def lift_loop(f: Any, given: Any) -> Any: ...
