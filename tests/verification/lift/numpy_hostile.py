"""Code that does something else than it seems to. Nothing here knows of symopt."""

import functools
import itertools
import random
import time

import numpy as np

CALLS = 0
TABLE = {0.5: 0.25, 1.5: 0.125}
SEEN = set()
HISTORY = []


class CountsCalls:
    """A module counter changes the rate at the thirtieth call."""

    def update(self, w, g):
        global CALLS
        CALLS += 1
        rate = 0.1 if CALLS < 30 else 0.2
        return w - rate * g


class Iterator:
    """Counts where nobody sees it."""

    def __init__(self):
        self.counter = itertools.count()

    def update(self, w, g):
        return w - (0.1 if next(self.counter) < 1000 else 0.2) * g


class Clock:
    def update(self, w, g):
        return w - (0.1 if time.time() > 0 else 0.2) * g


class Noise:
    def update(self, w, g):
        return w - 0.1 * (g + 0.001 * np.random.normal(size=w.shape))


class Chance:
    def update(self, w, g):
        return w - 0.1 * g if random.random() < 0.999 else w + g


class Generator:
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def update(self, w, g):
        return w - 0.1 * (g + self.rng.normal(size=w.shape))


class Table:
    """Looks the answer up by the value of the gradient."""

    def update(self, w, g):
        return w - np.array([TABLE.get(float(entry), 0.1) * float(entry) for entry in g])


class ExactValue:
    """One value of the gradient is treated in another way."""

    def update(self, w, g):
        return np.where(g == 0.7361, w + g, w - 0.1 * g)


class SignDependent:
    def update(self, w, g):
        return w - np.where(g > 0, 0.1, 0.2) * g


class Swallows:
    """Tries to find out whether it is watched."""

    def update(self, w, g):
        try:
            hash(g[0])
            key = str(g[0])
            rate = 0.1 if len(key) else 0.3
        except Exception:
            rate = 0.2
        return w - rate * g


class AsksForType:
    """Behaves for plain floats only."""

    def update(self, w, g):
        if type(g) is np.ndarray and g.dtype == np.float64 and isinstance(float(g[0]), float):
            return w - 0.3 * g
        return w - 0.1 * g


class Cached:
    """Remembers the first gradient in a cache and uses it for ever."""

    @functools.lru_cache(maxsize=None)
    def _rate(self):
        return HISTORY[0] if HISTORY else 1.0

    def update(self, w, g):
        HISTORY.append(float(np.abs(g).sum()))
        return w - 0.1 / self._rate() * g


class InASet:
    """Counts by the size of a set."""

    def update(self, w, g):
        SEEN.add(len(SEEN))
        return w - (0.1 if len(SEEN) < 500 else 0.2) * g


class ByLength:
    """Counts by the length of a list."""

    def __init__(self):
        self.steps = []

    def update(self, w, g):
        self.steps.append(None)
        return w - (0.1 if len(self.steps) < 50 else 0.2) * g


class LateDecay:
    """A drop of the rate that the first steps do not show."""

    def __init__(self, lr=0.1):
        self.lr = lr
        self.t = 0

    def update(self, w, g):
        self.t += 1
        if self.t == 100:
            self.lr = self.lr * 0.5
        return w - self.lr * g


class Lies:
    """Its momentum is not in its momentum buffer."""

    def __init__(self, lr=0.1, momentum=0.9):
        self.lr, self.momentum = lr, momentum
        self.velocity = 0.0
        self.__dict__["_hidden"] = {"v": 0.0}

    def update(self, w, g):
        self.velocity = g
        self._hidden["v"] = self.momentum * self._hidden["v"] + g
        return w - self.lr * self._hidden["v"]


class MeanOfHistory:
    """The mean of all gradients so far."""

    def __init__(self, lr=0.1):
        self.lr = lr
        self.past = []

    def update(self, w, g):
        self.past.append(g)
        return w - self.lr * np.mean(self.past, axis=0)


class InText:
    """Counts in a string."""

    def __init__(self):
        self.text = ""

    def update(self, w, g):
        self.text += "."
        return w - (0.1 if len(self.text) < 40 else 0.2) * g


class InABool:
    """Every second step is another one."""

    def __init__(self):
        self.even = False

    def update(self, w, g):
        self.even = not self.even
        return w - (0.1 if self.even else 0.2) * g


def _make_counter():
    count = 0

    def tick():
        nonlocal count
        count += 1
        return count

    return tick


TICK = _make_counter()


class InAClosure:
    def update(self, w, g):
        return w - (0.1 if TICK() < 40 else 0.2) * g


class DefaultArgument:
    def update(self, w, g, seen=[0]):
        seen[0] += 1
        return w - (0.1 if seen[0] < 40 else 0.2) * g


class OneCoordinate:
    """The first coordinate moves faster."""

    def update(self, w, g):
        w = w - 0.1 * g
        w[0] -= 0.1 * g[0]
        return w


class HalfSum:
    """Divides by three, whatever the dimension is."""

    def update(self, w, g):
        return w - 0.1 * (g - np.sum(g) / 3)


class Warmed:
    """The second step is special."""

    def __init__(self):
        self.k = 0

    def update(self, w, g):
        self.k += 1
        return w - (0.5 if self.k == 2 else 0.1) * g


class Integers:
    """Cheats where the gradient is a whole number, if it can see that."""

    def update(self, w, g):
        try:
            whole = g[0].is_integer()
        except AttributeError:
            whole = False
        return w - (0.5 if whole else 0.1) * g


class Bits:
    """Cheats for one gradient that it knows by its bytes."""

    def update(self, w, g):
        known = g.tobytes() == np.array([0.5, 0.25, 1.0]).tobytes()
        return w - (0.5 if known else 0.1) * g


class View:
    def update(self, w, g):
        try:
            odd = (g.view(np.int64) == 4602678819172646912).any()
        except TypeError:
            odd = False
        return w - (0.5 if odd else 0.1) * g


class Formats:
    def update(self, w, g):
        try:
            text = f"{g[0]:.3f}"
        except Exception:
            text = ""
        return w - (0.5 if text == "0.125" else 0.1) * g


class FarAway:
    """Something else from step 5000 on."""

    def __init__(self):
        self.t = 0
        self.past = []

    def update(self, w, g):
        self.t += 1
        self.past.append(g)
        if self.t > 5000:
            return w - 0.1 * sum(self.past)
        return w - 0.1 * g
