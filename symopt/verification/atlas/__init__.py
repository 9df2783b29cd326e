"""Which optimizer of which installed framework is which rule: lifted, then proved.

Every optimizer that lifts is compared with the stated rules: one that is proved to walk through
the same points for ever is named, with the map of its hyperparameters. Against the rule of its own
name it is proved equal under a map, or the exact difference is given. Optimizers of one name in
two frameworks are compared with each other. Nothing here is a list made by hand but the names that
frameworks give.
"""

from __future__ import annotations

from symopt.verification.atlas.data import Atlas, Comparison, Entry, Pair
from symopt.verification.atlas.making import atlas

__all__ = ["Atlas", "Comparison", "Entry", "Pair", "atlas"]
