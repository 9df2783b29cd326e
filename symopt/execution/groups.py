"""Groups of lanes with the same hyperparameters, which share what follows from these alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from symopt.derivation.step import Step
from symopt.execution.job import Job

__all__ = ["Groups"]


class Groups:
    """The distinct hyperparameters of some lanes, and how the lanes read them.

    ``merge`` says whether looking for equal ones pays where not all are equal: powers are dear.
    """

    def __init__(self, job: Job, step: Step, span: slice, *, merge: bool) -> None:
        self._job = job
        self._step = step
        self._index: Any = None
        self._values = {name: array[span] for name, array in job.varied.items()}
        bits = {name: array.view(f"u{array.itemsize}") for name, array in self._values.items()}
        if all((array == array[0]).all() for array in bits.values()):
            self._values = {name: array[:1] for name, array in self._values.items()}
        elif merge:
            code = np.zeros(span.stop - span.start, np.int64)
            for array in bits.values():
                place = np.unique(array, return_inverse=True)[1]
                code = np.unique(code * (place.max() + 1) + place, return_inverse=True)[1]
            first = np.unique(code, return_index=True)[1]
            if len(first) < len(code):
                self._index = code
                self._values = {name: array[first] for name, array in self._values.items()}

    def settings(self, convert: Any) -> list[Any]:
        """The kernel's hyperparameters: arrays over groups, and numbers that all lanes share."""
        return [
            self._values[name] if name in self._values else convert(self._job.fixed[name])
            for name in self._step.hyper
        ]

    def spread(self, values: Any) -> Any:
        """An array over groups as one that lanes read; one group's numbers serve all lanes."""
        if self._index is None or not np.ndim(values):
            return np.asarray(values)
        return values[self._index]
