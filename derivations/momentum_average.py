"""Momentum as a moving average on w²/2: the numbers that its formula gives (source system N1)."""

import symopt

document = symopt.derive("momentum_ema", "half_square", steps=2, eta="1/100", beta="9/10")
