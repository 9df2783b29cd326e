"""The cubic: (0, 0) is its minimum, the saddle is (1/4, -1/2), and momentum overshoots it."""

import symopt

document = symopt.derive("momentum", "cubic", steps=2, eta="1/100", mu="9/10")
