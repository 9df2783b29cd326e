"""Pictures, with matplotlib: paths, losses, errors, surfaces, regions of stability, basins.

Every function takes ``ax=`` and returns the axes it drew on; without ``ax`` it makes a figure of
its own, with no use of pyplot and its global state. Matplotlib is imported on first use. ``save``
writes any of them, and what ``animate`` and ``system`` return; ``caption`` says what was run.
"""

from symopt.presentation.captions import caption
from symopt.presentation.plot.animation import Animation, animate
from symopt.presentation.plot.basin_map import BasinMap, basin_map, basins
from symopt.presentation.plot.by_step import losses
from symopt.presentation.plot.distances import distance
from symopt.presentation.plot.files import save
from symopt.presentation.plot.paths import panels, trajectory
from symopt.presentation.plot.phase_portrait import phase
from symopt.presentation.plot.rate_map import RateMap, rate_map
from symopt.presentation.plot.rate_pictures import learning_rates
from symopt.presentation.plot.root_loci import root_locus
from symopt.presentation.plot.rounding_errors import error
from symopt.presentation.plot.scenes import Scene, system
from symopt.presentation.plot.stability_map import StabilityMap, stability_map
from symopt.presentation.plot.stability_pictures import rate, stability
from symopt.presentation.plot.surfaces import surface
from symopt.presentation.plot.training import training

__all__ = [
    "Animation", "BasinMap", "RateMap", "Scene", "StabilityMap", "animate", "basin_map", "basins",
    "caption", "distance", "error", "learning_rates", "losses", "panels", "phase", "rate",
    "rate_map", "root_locus", "save", "stability", "stability_map", "surface", "system",
    "training", "trajectory",
]  # fmt: skip
