"""The letters in which statements are written, under a short name.

>>> from symopt.symbols import eta, g, x
>>> x - eta * g
-eta*g + x
"""

from symopt.statement.symbols import *  # noqa: F403
from symopt.statement.symbols import __all__ as __all__
