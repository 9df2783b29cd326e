"""Nesterov momentum, gradient at the look-ahead point, on the elongated bowl."""

import symopt

document = symopt.derive("nesterov", "elongated_bowl", steps=2, eta="1/10", mu="9/10")
