"""The heavy ball on quadratics: where it is stable, how fast, and the best step and momentum."""

import symopt

document = symopt.stability("heavy_ball").document()
