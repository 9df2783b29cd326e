"""What a proof about code rests on: that a lift saw all that the code can do.

Lifted code runs on unknown numbers. Code that could tell those from floats, that is not what its
file says, or that reports something else than it steps, could be one rule while it is read and
another one later. Each of these is a :class:`Doubt`, and with a doubt nothing is called proved.
"""

from symopt.verification.trust.genuine import Doubt

__all__ = ["Doubt"]
