"""The Beale function: its gradient by the chain rule, and why it has one minimum, not several."""

import symopt

document = symopt.derive("gradient_descent", "beale", steps=1, eta="1/1000")
