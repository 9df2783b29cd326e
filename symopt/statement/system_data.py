"""What a run of a note trains on: a model, and the data that the note's code makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.array.objective import ArrayObjective

__all__ = ["OnData"]


@dataclass(frozen=True, eq=False)
class OnData:
    """A model on data, in the place of an objective's name.

    ``data`` makes the arrays by name, the sizes that no array tells among them, and ``start``
    the parameters, each time the same: from a seed that is stated there. With ``batch`` a step
    sees so many samples, in this ``order``. ``loss`` names the model whose value the note prints,
    where that is not the one whose gradient it computes.

    >>> fit = OnData("linear_regression", lambda: {"X": [[1], [2]], "y": [1, 3]}, lambda: [0, 0])
    >>> str(fit), fit.objective.dimension
    ('linear_regression', 2)
    """

    model: str | ArrayObjective
    data: Callable[[], Mapping[str, Any]] = field(repr=False)
    start: Callable[[], Any] = field(repr=False)
    batch: int | None = None
    order: str = "in order"
    seed: int | None = None
    loss: str | ArrayObjective = ""

    def _bound(self, model: str | ArrayObjective) -> BoundObjective | Batches:
        from symopt.statement.library import models  # the library holds systems itself

        bound = models.resolve(model).bind(self.data())
        return bound if self.batch is None else bound.batches(self.batch, self.order, self.seed)

    @cached_property
    def objective(self) -> BoundObjective | Batches:
        """What the rule asks for gradients."""
        return self._bound(self.model)

    @cached_property
    def printed(self) -> BoundObjective | Batches:
        """What the note prints as the loss."""
        return self._bound(self.loss) if self.loss else self.objective

    def __str__(self) -> str:
        name = self.model if isinstance(self.model, str) else self.model.name
        return name if self.batch is None else f"{name} in batches of {self.batch} {self.order}"
