"""The heavy ball on a quadratic: the point after every step, in each case of the roots."""

import symopt

document = symopt.closed_form("heavy_ball").document()
