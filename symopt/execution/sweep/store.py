"""Parts of a sweep on disk: written whole as they finish, and read back only if they are whole."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import InputError, OutputError
from symopt.execution.files import written
from symopt.execution.sweep.part import Numbers
from symopt.execution.sweep.plan import Plan

__all__ = ["Store"]

_HEAD = b"symopt part of a sweep\n"
_STATEMENT = "sweep.json"


class Store:
    """A folder with the statement of one sweep and the parts that are finished.

    A part is a file of its own: a line that says what it is, a checksum over the sweep's key, the
    part's number and its arrays, and the arrays as ``.npz``. It is written under another name,
    brought to the disk, and moved; what is damaged does not fit its checksum and is run again.

    Raises :class:`~symopt.errors.InputError` for the folder of another sweep, with what differs.
    """

    def __init__(self, folder: str | os.PathLike[str], plan: Plan) -> None:
        self.folder = Path(folder)
        self._plan = plan
        statement = self.folder / _STATEMENT
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            text = statement.read_text("utf-8") if statement.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise OutputError(f"cannot use the store {self.folder}: {error}") from error
        if text:
            self._compare(text)
            return
        # What a killed process was writing has a name of its own, and is no part of anything.
        if any(not path.name.endswith(".part") for path in self.folder.iterdir()):
            raise InputError(
                f"the folder {self.folder} holds other files and no sweep; choose another store"
            )
        written(statement, json.dumps(plan.statement, indent=1), durable=True)

    def _compare(self, text: str) -> None:
        try:
            there = json.loads(text)
        except ValueError:
            there = None
        if not isinstance(there, dict):
            raise InputError(
                f"{self.folder / _STATEMENT} is damaged; choose another store, or remove this one"
            )
        differences = list(_differences(there, self._plan.statement))
        if differences:
            shown = "; ".join(differences[:4])
            more = f"; and {len(differences) - 4} more" if len(differences) > 4 else ""
            raise InputError(
                f"the store {self.folder} holds another sweep: {shown}{more}. Choose another store"
            )

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.bin"

    def read(self, number: int) -> Numbers | None:
        """A finished part; ``None`` where there is none, or it is damaged."""
        try:
            data = self._path(number).read_bytes()
        except OSError:
            return None
        head, _, rest = data.partition(b"\n")
        checksum, _, arrays = rest.partition(b"\n")
        if head + b"\n" != _HEAD or checksum != self._checksum(number, arrays):
            return None
        with np.load(io.BytesIO(arrays), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    def write(self, number: int, values: Numbers) -> None:
        """Keep a finished part."""
        buffer = io.BytesIO()
        np.savez(buffer, **values)
        arrays = buffer.getvalue()
        content = _HEAD + self._checksum(number, arrays) + b"\n" + arrays
        written(self._path(number), content, durable=True)

    def _checksum(self, number: int, arrays: bytes) -> bytes:
        about = f"{self._plan.key} {number}\n".encode()
        return hashlib.sha256(about + arrays).hexdigest().encode()


def _differences(there: Any, here: Any, where: str = "") -> Any:
    """What two statements differ in, one text for each place."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in dict.fromkeys([*here, *there]):
            inner = f"{where} {name}".strip()
            if name not in there or name not in here:
                yield f"{inner} is only {'in the store' if name in there else 'here'}"
            else:
                yield from _differences(there[name], here[name], inner)
    elif (
        isinstance(there, list) and isinstance(here, list) and len(there) == len(here)
        and any(isinstance(item, dict) for item in here)
    ):  # fmt: skip
        for index, (one, other) in enumerate(zip(there, here, strict=True), start=1):
            yield from _differences(one, other, f"{where} {index}")
    elif there != here:
        yield f"{where} is {_short(there)} there and {_short(here)} here"


def _short(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return str(len(value))
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
