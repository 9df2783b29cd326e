"""Statements over vectors and matrices: a small typed expression language of our own.

An :class:`ArrayObjective` is a scalar expression over parameters and data::

    >>> from symopt.statement.array import *
    >>> X, y = data("X", "n", "d"), labels("y", "n")
    >>> W, b = parameter("W", "d", "K"), parameter("b", "K")
    >>> Z = let("Z", X @ W + b)
    >>> loss = mean(logsumexp(Z) - total(onehot(y, "K") * Z, axis=1))
    >>> fit = ArrayObjective(loss, parameters=(W, b), data=(X, y), title="Softmax regression")
    >>> print(fit.gradient)
    dL/dZ = 1/n*(softmax(Z) - onehot(y, K))
    dL/dW = X.T @ dL/dZ
    dL/db = sum(dL/dZ, axis=0)

Sizes are numbers or names; names get numbers from the data, or by ``fit.sized(K=3)``. On data it
is a :class:`BoundObjective`, whose parameters lie one after the other in one vector ``theta``::

    >>> bound = fit.bind(X=[[0, 1], [2, 1], [1, 0]], y=[0, 2, 1], K=3)
    >>> bound.dimension
    9
    >>> bound.flatten({"W": [[0, 0, 0], [0, 0, 0]], "b": [1, 2, 3]})
    array([0., 0., 0., 0., 0., 0., 1., 2., 3.])

Conventions, stated once:

- Samples are rows. The gradient of the loss with respect to an array has that array's shape.
- Only three broadcasts exist: a scalar fills any shape, a vector of length m is repeated as every
  row of an (n, m) matrix (``X @ W + b``), and :func:`columns` repeats a vector as every column.
  Everything else that does not fit is an error that names both operands and both shapes.
- ``relu``, ``abs``, ``sign`` and ``step`` have derivative 0 at 0 (a subgradient).
- ``logsumexp`` and ``softmax`` act on rows, and are computed after subtracting a row's maximum.

Why not SymPy's matrix expressions: their derivatives hold for sums, products and traces, and
stop at what a layer needs. In SymPy 1.14, with ``X, Y`` of shape (2, 2), ``w`` of shape (2, 1)
and ``one = OneMatrix(2, 1)``:

- two layers, ``one.T*(Y*(X*w).applyfunc(tanh)).applyfunc(exp)``, raise ``ValueError: index is
  larger than expression shape`` when differentiated by ``w`` or ``X``; so does a log of a sum of
  exp;
- a ReLU, ``applyfunc`` of a ``Piecewise``, raises ``TypeError`` when differentiated;
- the derivative of ``one.T*(X*w).applyfunc(exp)`` by ``X`` is a permuted tensor product that
  cannot be made explicit, and by ``w`` it has the shape (2,) and not that of ``w``;
- there is no broadcast (``X + b`` of a row is a ``ShapeError``) and no rows' softmax.

So expressions and their adjoints are ours, each rule proved against ``sympy.diff`` on entries,
while elementwise functions, constants and proofs use SymPy's scalars, which are sound.
"""

from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.array.expression import Array, array
from symopt.statement.array.functions import (
    absolute,
    clip,
    columns,
    data,
    dot,
    exp,
    eye,
    frobenius,
    huber,
    labels,
    let,
    log,
    logsumexp,
    mean,
    onehot,
    parameter,
    relu,
    rows,
    sigmoid,
    sign,
    size,
    softmax,
    softplus,
    sqrt,
    square,
    step,
    tanh,
    total,
    trace,
    within,
)
from symopt.statement.array.objective import ArrayObjective

__all__ = [
    "Array", "ArrayObjective", "Batches", "BoundObjective", "absolute", "array", "clip",
    "columns", "data", "dot", "exp", "eye", "frobenius", "huber", "labels", "let", "log",
    "logsumexp", "mean", "onehot", "parameter", "relu", "rows", "sigmoid", "sign", "size",
    "softmax", "softplus", "sqrt", "square", "step", "tanh", "total", "trace", "within",
]  # fmt: skip
