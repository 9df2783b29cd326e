"""Nesterov momentum on quadratics: its region, and the best momentum at the step 1/L."""

import symopt

document = symopt.stability("nesterov").document()
