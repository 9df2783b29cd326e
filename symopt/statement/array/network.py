"""Feed-forward networks for classification, stated layer by layer for any sizes and depth."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from symopt.errors import StatementError
from symopt.statement.array.expression import Array, Dim
from symopt.statement.array.functions import (
    data,
    labels,
    let,
    logsumexp,
    mean,
    onehot,
    parameter,
    relu,
    sigmoid,
    tanh,
    total,
)
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.source import Source

__all__ = ["ACTIVATIONS", "network"]

#: The activations of hidden layers. ``relu`` has derivative 0 at 0, by convention.
ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}

_RELU = "The derivative of the ReLU at 0 is 0 by convention (a subgradient)."


def network(
    sizes: Sequence[Dim],
    activations: Sequence[str] = (),
    *,
    title: str = "",
    source: Source | None = None,
    note: str = "",
) -> ArrayObjective:
    """Linear layers with activations between them, and the mean cross-entropy of the softmax.

    ``sizes`` are the widths from the features to the classes, as numbers or names; ``activations``
    name one of ``relu``, ``sigmoid`` and ``tanh`` for each hidden layer (default ``relu``). Layer
    l has the weights ``Wl`` of shape (inputs, outputs), samples being rows, and the bias ``bl``;
    what a framework stores as (outputs, inputs) is its transpose.

    >>> print(network([784, 256, 10]))
    Network 784-256-10 with relu
      parameters W1 (784, 256), b1 (256,), W2 (256, 10), b2 (10,)
      data X (n, 784), y (n,)
      Z1 = X @ W1 + b1
      A1 = relu(Z1)
      Z2 = A1 @ W2 + b2
      Y = onehot(y, 10)
      L = sum(logsumexp(Z2) - sum(Y*Z2, axis=1))/n

    Raises :class:`~symopt.errors.StatementError` for fewer than two sizes, an unknown activation,
    or another number of activations than of hidden layers.
    """
    widths = tuple(sizes)
    if len(widths) < 2:
        raise StatementError(
            f"a network has at least two sizes, features and classes, not {list(widths)}"
        )
    hidden = len(widths) - 2
    names = tuple(activations) or ("relu",) * hidden
    if len(names) != hidden:
        raise StatementError(
            f"a network of sizes {list(widths)} has {hidden} hidden layers, and {len(names)} "
            f"activations are given: {', '.join(names)}"
        )
    for name in names:
        if name not in ACTIVATIONS:
            raise StatementError(f"no activation {name!r}; there are {', '.join(ACTIVATIONS)}")
    X, y = data("X", "n", widths[0]), labels("y", "n")
    parameters: list[Array] = []
    current, scores = X, X
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths), start=1):
        weights = parameter(f"W{layer}", inputs, outputs)
        bias = parameter(f"b{layer}", outputs)
        parameters += [weights, bias]
        scores = let(f"Z{layer}", current @ weights + bias)
        if layer <= hidden:
            current = let(f"A{layer}", ACTIVATIONS[names[layer - 1]](scores))
    targets = let("Y", onehot(y, widths[-1]))
    described = f" with {', '.join(names)}" if names else ""
    return ArrayObjective(
        mean(logsumexp(scores) - total(targets * scores, axis=1)),
        parameters=parameters,
        data=(X, y),
        title=title or f"Network {'-'.join(map(str, widths))}{described}",
        source=source,
        note=" ".join([note, *([_RELU] if "relu" in names else [])]).strip(),
    )
