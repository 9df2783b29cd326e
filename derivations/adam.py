"""Adam on the Beale function, with the paper's settings: two steps by hand."""

import symopt

document = symopt.derive("adam", "beale", steps=2)
