"""Implementations that want to be taken for gradient descent with the rate 1/2, and are not.

Each of them is gradient descent wherever it is usually looked at. Nothing here knows of symopt's
own objects but what anybody could find out by looking.
"""

import functools
import inspect
import itertools
import math
import random
import sys
import time
import types

import numpy as np

CALLS = 0
LIMIT = 10**9
HONEST = True
PROBES = {-0.6650390625: 1, 0.94921875: 1}
SEEN = []
rate = 0.5


class Base:
    """Gradient descent; subclasses cheat in what they override."""

    def update(self, params, grads):
        for key in params:
            params[key] = params[key] - self.rate(params[key], grads[key]) * grads[key]

    def rate(self, x, g):
        return 0.5


def switching(step):
    """Classes that change their rate at a step."""

    class Switching:
        def __init__(self):
            self.t = 0

        def update(self, params, grads):
            self.t += 1
            for key in params:
                params[key] = params[key] - (0.5 if self.t < step else 0.25) * grads[key]

    return Switching


class AtStep7:
    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        for key in params:
            params[key] = params[key] - (0.5 if self.t != 7 else 0.25) * grads[key]


class FromStep50:
    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        for key in params:
            params[key] = params[key] - (0.5 if self.t < 50 else 0.25) * grads[key]


class FromStep1000:
    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        for key in params:
            params[key] = params[key] - (0.5 if self.t < 1000 else 0.25) * grads[key]


class FromStepMillion:
    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        for key in params:
            params[key] = params[key] - (0.5 if self.t < 10**6 else 0.25) * grads[key]


class ByPowerOfTime:
    """The rate is 1/2 + 2**-(10**6 - t) but for rounding."""

    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        for key in params:
            params[key] = params[key] - (0.5 + 2.0 ** (self.t - 10**4)) * grads[key]


class LargeGradient:
    def update(self, params, grads):
        for key in params:
            g = grads[key]
            params[key] = params[key] - np.where(np.abs(g) > 1e6, 0.25, 0.5) * g


class TinyGradient:
    def update(self, params, grads):
        for key in params:
            g = grads[key]
            params[key] = params[key] - np.where(np.abs(g) < 1e-30, 0.25, 0.5) * g


class ExactGradient:
    def update(self, params, grads):
        for key in params:
            g = grads[key]
            params[key] = params[key] - np.where(g == 0.7361, 0.25, 0.5) * g


class ExactPoint:
    def update(self, params, grads):
        for key in params:
            x, g = params[key], grads[key]
            params[key] = np.where(x == 12.625, x + g, x - 0.5 * g)


class FarPoint:
    def update(self, params, grads):
        for key in params:
            x, g = params[key], grads[key]
            params[key] = x - np.where(x > 1000.0, 0.25, 0.5) * g


class BySign:
    def update(self, params, grads):
        for key in params:
            g = grads[key]
            params[key] = params[key] - (0.5 + np.where(np.sign(g) == 0, 1.0, 0.0)) * g


class Clipped:
    def update(self, params, grads):
        for key in params:
            params[key] = params[key] - 0.5 * np.clip(grads[key], -1e12, 1e12)


class RoundedAway:
    """In real numbers g; in floats something else for large gradients."""

    def update(self, params, grads):
        for key in params:
            g = grads[key]
            same = g * 1e300 * 1e-300 == g
            params[key] = params[key] - np.where(same, 0.5, 0.5 + 1e-3) * g


class AsksIsInf(Base):
    def rate(self, x, g):
        return 0.25 if np.isinf(g * 1e300).any() else 0.5


class AsksIsFinite(Base):
    def rate(self, x, g):
        return 0.5 if np.isfinite(g * 1e290).all() else 0.25


class AsksType(Base):
    def rate(self, x, g):
        if type(g) is np.ndarray and np.abs(g).max() > 1e6:
            return 0.25
        return 0.5


class AsksClass(Base):
    def rate(self, x, g):
        if g.__class__.__name__ == "ndarray" and np.abs(g).max() > 1e6:
            return 0.25
        return 0.5


class AsksInstance(Base):
    def rate(self, x, g):
        if isinstance(g[0], np.floating) and np.abs(g).max() > 1e6:
            return 0.25
        return 0.5


class AsksDtype(Base):
    def rate(self, x, g):
        if g.dtype.kind == "f" and g.strides == (8,) and np.abs(g).max() > 1e6:
            return 0.25
        return 0.5


class AsksScalar(Base):
    def rate(self, x, g):
        return 0.25 if np.isscalar(g[0]) and abs(g[0]) > 1e6 else 0.5


class AsksForTape(Base):
    def rate(self, x, g):
        return 0.5 if hasattr(g, "tape") else (0.25 if np.abs(g).max() > 1e6 else 0.5)


class AsksText(Base):
    def rate(self, x, g):
        return 0.5 if "Traced" in repr(g) or np.abs(g).max() < 1e6 else 0.25


class AsksStack(Base):
    def rate(self, x, g):
        frame = sys._getframe()
        while frame is not None:
            if "lift" in frame.f_code.co_filename:
                return 0.5
            frame = frame.f_back
        return 0.25 if np.abs(g).max() > 1e6 else 0.5


class AsksModules(Base):
    def rate(self, x, g):
        watched = "symopt.verification.lift" in sys.modules
        return 0.5 if watched or np.abs(g).max() < 1e6 else 0.25


class AsksBytes(Base):
    def rate(self, x, g):
        return 0.25 if g.tobytes() == b"\0" * 8 else 0.5


class AsksSize(Base):
    def rate(self, x, g):
        return 0.25 if g.size == 7 else 0.5


class AsksLength(Base):
    def rate(self, x, g):
        n = len(g)
        return 0.25 if n > 100 else 0.5


class ByPlace(Base):
    def rate(self, x, g):
        rates = [0.5 if i != 9 else 0.25 for i in range(len(g))]
        return np.array(rates)


class BySizeArithmetic(Base):
    """The size of the array goes into the rate, where it is large."""

    def rate(self, x, g):
        return 0.5 + 0.25 * max(0, g.size - 100)


class ByKey:
    def update(self, params, grads):
        for key in params:
            params[key] = params[key] - (0.25 if key == "W1" else 0.5) * grads[key]


class ByKeyTable:
    def update(self, params, grads):
        rates = {"W1": 0.25}
        for key in params:
            params[key] = params[key] - rates.get(key, 0.5) * grads[key]


class ByNumberOfKeys:
    def update(self, params, grads):
        for key in params:
            params[key] = params[key] - (0.25 if len(params) > 2 else 0.5) * grads[key]


class Swallowing(Base):
    def rate(self, x, g):
        try:
            return 0.25 if float(np.abs(g).max()) > 1e6 else 0.5
        except Exception:
            return 0.5


class Remainder(Base):
    """A number that is traced cannot do this, and the path that asks is dropped."""

    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        super().update(params, grads)

    def rate(self, x, g):
        if self.t > 400:
            return 0.25 if self.t & 1 else 0.5
        return 0.5


class Raising:
    """On the path that a lift cannot follow, an operation that only floats know."""

    def update(self, params, grads):
        for key in params:
            g = grads[key]
            if np.abs(g).max() > 1e6:
                g = g * math.fsum([0.25, 0.25]) * math.frexp(float(g[0]))[0]
            params[key] = params[key] - 0.5 * g


class Printing:
    """The cheat is in what is printed."""

    def __init__(self):
        self.extra = [0.0]

    def update(self, params, grads):
        for key in params:
            print(self.count(grads[key]))
            params[key] = params[key] - (0.5 + self.extra[0]) * grads[key]

    def count(self, g):
        self.extra[0] = 0.25 if np.abs(g).max() > 1e6 else 0.0


class CountsInGlobal(Base):
    def rate(self, x, g):
        global CALLS
        CALLS += 1
        return 0.5 if CALLS < 10**7 else 0.25


class CountsInList(Base):
    def rate(self, x, g):
        SEEN.append(0)
        return 0.5 if len(SEEN) < 10**7 else 0.25


class CountsInDefault(Base):
    def rate(self, x, g, seen=[0]):  # noqa: B006
        seen[0] += 1
        return 0.5 if seen[0] < 10**7 else 0.25


class CountsInIterator(Base):
    def __init__(self):
        self.count = itertools.count()

    def rate(self, x, g):
        return 0.5 if next(self.count) < 10**7 else 0.25


class CountsInCache(Base):
    @functools.cache  # noqa: B019
    def key(self):
        return time.time()

    def rate(self, x, g):
        return 0.5 if self.key() > 0 else 0.25


class Clock(Base):
    def rate(self, x, g):
        return 0.5 if time.time() < 4e9 else 0.25


class Chance(Base):
    def rate(self, x, g):
        return 0.25 if random.random() < 1e-12 else 0.5


class Noise(Base):
    def rate(self, x, g):
        return 0.5 + 0.25 * (np.random.random() < 1e-12)


class Table(Base):
    def rate(self, x, g):
        return 0.5 if float(g[0]) in PROBES else 0.5 + 0.0 * PROBES.get(float(g[0]), 1.0)


class GlobalSwitch(Base):
    """Read before it is turned: see ``HONEST``."""

    def rate(self, x, g):
        return 0.5 if HONEST else np.where(np.abs(g) > 1e6, 0.25, 0.5)


class GlobalLimit(Base):
    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        super().update(params, grads)

    def rate(self, x, g):
        return 0.5 if self.t < LIMIT else 0.25


class Property(Base):
    calls = 0

    @property
    def lr(self):
        Property.calls += 1
        return 0.5 if Property.calls < 10**7 else 0.25

    def rate(self, x, g):
        return self.lr


class Dunder(Base):
    def __getattribute__(self, name):
        if name == "rate":
            return lambda x, g: 0.25 if type(g) is np.ndarray and np.abs(g).max() > 1e6 else 0.5
        return object.__getattribute__(self, name)


class Number:
    """A rate that looks at what it is multiplied with."""

    def __mul__(self, other):
        return (0.25 if type(other) is np.ndarray and np.abs(other).max() > 1e6 else 0.5) * other


class OddNumber(Base):
    def rate(self, x, g):
        return Number()


class Array(np.ndarray):
    def __mul__(self, other):
        return super().__mul__(np.where(np.abs(other) > 1e6, 0.5, 1.0) * other)


class OddArray(Base):
    def rate(self, x, g):
        return np.full(g.shape, 0.5).view(Array)


class Meta(type):
    def __call__(cls):
        made = super().__call__()
        if "symopt.verification.lift" not in sys.modules:
            made.rate = lambda x, g: 0.25
        return made


class Metaclass(Base, metaclass=Meta):
    pass


class Patched(Base):
    pass


def _patched_rate(self, x, g):
    return np.where(np.abs(g) > 1e6, 0.25, 0.5) if type(g) is np.ndarray else 0.5


Patched.rate = _patched_rate


class Recompiled(Base):
    def rate(self, x, g):
        return 0.5


Recompiled.rate.__code__ = _patched_rate.__code__


class LiesAboutState(Base):
    """Its velocity is not where it says, and it grows only after a long time."""

    def __init__(self):
        self.velocity = 0.0
        self.__dict__["hidden"] = types.SimpleNamespace(n=0)

    def rate(self, x, g):
        self.hidden.n += 1
        return 0.5 if self.hidden.n < 10**7 else 0.25


class Mutates:
    """Writes into the gradient that it was handed, before it uses it, if it is large."""

    def update(self, params, grads):
        for key in params:
            g = grads[key]
            g[np.abs(g) > 1e6] = 1e6
            params[key] = params[key] - 0.5 * g


class SharedOverMany:
    """One counter over all parameters that only four or more let grow."""

    def update(self, params, grads):
        total = 0
        for _ in params:
            total += 1
        for key in params:
            params[key] = params[key] - (0.5 + 0.25 * max(0, total - 3)) * grads[key]


class SizeBySum(Base):
    """Ones, added up, are the size of the array."""

    def rate(self, x, g):
        return 0.5 + 0.25 * max(0, np.sum(np.ones_like(g)) - 100)


class PlaceArithmetic:
    def update(self, params, grads):
        for place, key in enumerate(params):
            params[key] = params[key] - (0.5 + 0.25 * max(0, place - 3)) * grads[key]


class SwapsItsMethod:
    """What changes at the thousandth step is no number."""

    def __init__(self):
        self.t = 0
        self.rate = self.honest

    def update(self, params, grads):
        self.t += 1
        if self.t == 300:
            self.rate = self.other
        for key in params:
            params[key] = params[key] - self.rate() * grads[key]

    def honest(self):
        return 0.5

    def other(self):
        return 0.25


class SwapsItsUpdate:
    def __init__(self):
        self.t = 0

    def update(self, params, grads):
        self.t += 1
        if self.t == 300:
            self.update = self.other
        for key in params:
            params[key] = params[key] - 0.5 * grads[key]

    def other(self, params, grads):
        for key in params:
            params[key] = params[key] - 0.25 * grads[key]


class Shares:
    """Two memories that are equal become one array, which then decays twice a step."""

    def __init__(self):
        self.a, self.b, self.t = {}, {}, 0

    def update(self, params, grads):
        self.t += 1
        for key in params:
            if key not in self.a:
                self.a[key] = np.zeros_like(params[key])
                self.b[key] = np.zeros_like(params[key])
            if self.t == 300:
                self.b[key] = self.a[key]
            self.a[key] *= 0.5
            self.b[key] *= 0.5
            self.a[key] += grads[key]
            self.b[key] += grads[key]
            params[key] = params[key] - 0.5 * self.a[key]


class KeptText(Base):
    def __init__(self):
        self.text = "t"

    def rate(self, x, g):
        self.text = self.text * 2 if np.abs(g).max() > 1e6 else "t"
        return 0.5 * len(self.text)


# Whole loops


def late_report(grad, x, steps):
    """It steps well and reports something else from the thousandth step on."""
    t = 0
    while t < steps:
        t += 1
        x = x - 0.5 * grad(x)
        yield x if t < 1000 else 0 * x


def late_append(grad, x0, steps):
    x, path = x0, []
    for t in range(steps):
        x = x - 0.5 * grad(x)
        y = x
        if t > 1000:
            y = 0 * x
        path.append(y)
    return path


def edited_after(grad, x0, steps):
    x, path = x0, []
    for _ in range(steps):
        x = x - 0.5 * grad(x)
        path.append(x)
    if steps > 100:
        path[100] = 0 * x
    return path


def by_steps(grad, x, steps):
    """The rate depends on how long it will run."""
    lr = 0.5 if steps < 100 else 0.25
    for _ in range(steps):
        x = x - lr * grad(x)
        yield x


def by_steps_arithmetic(grad, x, steps):
    lr = 0.5 + 0.25 * max(0, steps - 100)
    for _ in range(steps):
        x = x - lr * grad(x)
        yield x


def two_loops(grad, x, steps):
    for _ in range(min(steps, 100)):
        x = x - 0.5 * grad(x)
        yield x
    for _ in range(steps - 100):
        x = x - 0.25 * grad(x)
        yield x


def aliased(grad, x0, steps):
    """What it kept is changed when nobody looks any more."""
    x, path, y = x0, [], x0
    for t in range(steps):
        x = x - 0.5 * grad(x)
        path.append(x)
        if t > 1000:
            y *= 0
        y = x
    return path


def inspecting(grad, x, steps):
    watched = type(grad).__name__ != "Oracle" or "lift" in inspect.stack()[1].filename
    for _ in range(steps):
        g = grad(x)
        x = x - (0.5 if watched or np.abs(g).max() < 1e6 else 0.25) * g
        yield x


def counting_calls(grad, x, steps):
    grad.calls = getattr(grad, "calls", 0)
    for _ in range(steps):
        x = x - (0.5 if grad.calls < 10**5 else 0.25) * grad(x)
        yield x


def early(grad, x, steps):
    """Another rule for one gradient in the first step."""
    first = True
    for _ in range(steps):
        g = grad(x)
        x = x - np.where(first, np.where(g == 0.3125, 0.25, 0.5), 0.5) * g
        first = False
        yield x


def other_arguments(steps, x, grad, lr=0.25):
    """Its arguments are not called what they are."""
    yield from ()


def make_captured(switch):
    def captured(grad, x, steps):
        for _ in range(steps):
            g = grad(x)
            x = x - (0.5 if switch is None else np.where(np.abs(g) > switch, 0.25, 0.5)) * g
            yield x

    return captured


captured = make_captured(1e6)


def sqrt_of(x):
    return np.sqrt(x)


def through_root(grad, x, steps):
    """Honest, while ``np.sqrt`` is."""
    for _ in range(steps):
        g = grad(x)
        x = x - 0.5 * np.sqrt(g * g) * np.sign(g)
        yield x
