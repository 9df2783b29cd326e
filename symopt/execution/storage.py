"""Trajectories in ``.npz`` files: arrays and JSON, nothing that has to be executed."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import OutputError
from symopt.execution.trajectory import Setting, Trajectory
from symopt.statement.rule import Rule
from symopt.statement.serialize import (
    decode,
    encode,
    objective_data,
    objective_from,
    rule_data,
    rule_from,
)

__all__ = ["pack", "unpack"]

FORMAT = 1
#: What reading a file that is no saved trajectory, or a damaged one, may raise.
_UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError,
    SyntaxError, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip


def pack(trajectory: Trajectory) -> dict[str, Any]:
    """The arrays of a file; ``statement`` is JSON."""
    header = {
        "format": FORMAT,
        "rule": rule_data(trajectory.rule),
        "objective": objective_data(trajectory.objective),
        "arithmetic": trajectory.arithmetic,
        "backend": trajectory.backend,
        "hyperparameters": {
            name: [_fraction_text(value)] if isinstance(value, Fraction) else encode(value)
            for name, value in trajectory.hyperparameters.items()
            if not isinstance(value, np.ndarray)
        },
        "x0": [_fraction_text(value) for value in trajectory.x0],
        "steps": trajectory.steps,
        "diverged_at": trajectory.diverged_at,
        "diverged": trajectory.diverged,
        "precision": trajectory.precision,
        "note": trajectory.note,
        "fast": trajectory.fast,
    }
    arrays = {"x": trajectory.x, **{f"state:{k}": v for k, v in trajectory.state.items()}}
    arrays |= {
        f"lanes:{name}": value
        for name, value in trajectory.hyperparameters.items()
        if isinstance(value, np.ndarray)
    }
    if trajectory.attained is not None:
        arrays["attained"] = trajectory.attained
    return {
        "statement": np.array(json.dumps(header)),
        "recorded": np.array(trajectory.recorded, dtype=np.int64),
        **{name: _texts(array) for name, array in arrays.items()},
    }


def unpack(path: Path) -> Trajectory:
    """The trajectory of a file."""
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            header = json.loads(str(file["statement"]))
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise OutputError(f"there is no file {str(path)!r}") from None
    except _UNREADABLE as error:
        raise OutputError(f"{str(path)!r} is not a saved trajectory: {error}") from error
    version = header.get("format") if isinstance(header, dict) else None
    if version != FORMAT:
        raise OutputError(f"{str(path)!r} has format {version}, not {FORMAT}")
    try:
        arithmetic = header["arithmetic"]
        rule = rule_from(header["rule"])
        return Trajectory(
            rule=rule,
            objective=objective_from(header["objective"]),
            arithmetic=arithmetic,
            hyperparameters=_settings(header["hyperparameters"], arrays, rule),
            x0=tuple(_fraction(value) for value in header["x0"]),
            steps=header["steps"],
            x=_values(arrays["x"], arithmetic),
            state={
                name.removeprefix("state:"): _values(array, arithmetic)
                for name, array in arrays.items()
                if name.startswith("state:")
            },
            recorded=tuple(int(step) for step in arrays["recorded"]),
            backend=header["backend"],
            diverged_at=header["diverged_at"],
            precision=header["precision"],
            note=header["note"],
            diverged=header["diverged"],
            attained=arrays.get("attained"),
            fast=header.get("fast", False),  # files from before it have none
        )
    except (
        LookupError, TypeError, ValueError, AttributeError, AssertionError, ArithmeticError,
    ) as error:  # fmt: skip
        raise OutputError(f"{str(path)!r} is damaged: {error}") from error


def _settings(texts: dict[str, Any], arrays: dict[str, Any], rule: Rule) -> dict[str, Setting]:
    """The hyperparameters in the rule's order."""
    return {
        name: arrays[f"lanes:{name}"]
        if name not in texts
        else _fraction(texts[name][0])
        if len(texts[name]) == 1
        else decode(texts[name])
        for name in (symbol.name for symbol in rule.hyperparameters)
    }


def _fraction_text(value: Fraction) -> str:
    # Hexadecimal: linear in the length, and not subject to Python's limit on decimal digits.
    return f"{value.numerator:x}/{value.denominator:x}"


def _fraction(text: str) -> Fraction:
    top, bottom = text.split("/")
    return Fraction(int(top, 16), int(bottom, 16))


def _ball_text(value: Any) -> str:
    parts = [*value.mid().man_exp(), *value.rad().man_exp()]
    return " ".join(f"{int(part):x}" for part in parts)


def _ball(text: str) -> Any:
    from flint import arb

    a, b, c, d = (int(part, 16) for part in text.split())
    return arb((a, b), (c, d))  # flint may round the radius up by a unit in its 30th bit


def _texts(array: Any) -> Any:
    if array.dtype != object:
        return array
    to_text: Callable[[Any], str] = (
        _fraction_text if isinstance(array.flat[0], Fraction) else _ball_text
    )
    return np.array([to_text(value) for value in array.flat]).reshape(array.shape)


def _values(array: Any, arithmetic: str) -> Any:
    if arithmetic not in ("rational", "ball"):
        return array
    read = _fraction if arithmetic == "rational" else _ball
    result = np.empty(array.size, dtype=object)
    result[:] = [read(str(text)) for text in array.flat]
    return result.reshape(array.shape)
