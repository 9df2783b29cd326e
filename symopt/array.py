"""The words in which array objectives are written, under a short name.

>>> from symopt.array import ArrayObjective, data, mean, parameter, square
>>> X, y, w = data("X", "n", "d"), data("y", "n"), parameter("w", "d")
>>> print(ArrayObjective(mean(square(X @ w - y)), (w,), (X, y)).gradient)
dL/dw = 2/n*(X.T @ (X @ w - y))
"""

from symopt.statement.array import *  # noqa: F403
from symopt.statement.array import __all__ as __all__
