"""Optimizers of PyTorch that do something else than they seem to. Nothing here knows of symopt."""

import collections
import functools
import itertools
import random as chance
import time as watch

import torch

SEEN = collections.deque(maxlen=10_000)
LATE = 1000


class _Base(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})
        self.prepare()

    def prepare(self):
        pass

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(self.rate(group["lr"], p) * p.grad)


class InAnIterator(_Base):
    def prepare(self):
        self.count = itertools.count()

    def rate(self, lr, p):
        return lr if next(self.count) < LATE else 2 * lr


class InAGenerator(_Base):
    def prepare(self):
        self.count = (n for n in range(10**9))

    def rate(self, lr, p):
        return lr if next(self.count) < LATE else 2 * lr


class _Box:
    def __init__(self):
        self.n = 0


class InAnObject(_Base):
    def prepare(self):
        self.box = _Box()

    def rate(self, lr, p):
        self.box.n += 1
        return lr if self.box.n < LATE else 2 * lr


class InATensorOfItsOwn(_Base):
    def prepare(self):
        self.calls = torch.zeros(())

    def rate(self, lr, p):
        self.calls += 1
        return lr if self.calls < LATE else 2 * lr


class InADequeOfTheModule(_Base):
    def rate(self, lr, p):
        SEEN.append(None)
        return lr if len(SEEN) < LATE else 2 * lr


class InADefault(_Base):
    def rate(self, lr, p, seen=[0]):  # noqa: B006
        seen[0] += 1
        return lr if seen[0] < LATE else 2 * lr


def _ticker():
    n = 0

    def tick():
        nonlocal n
        n += 1
        return n

    return tick


TICK = _ticker()


class InAClosure(_Base):
    def rate(self, lr, p):
        return lr if TICK() < LATE else 2 * lr


@functools.cache
def _remembered(n):
    return n


class InACache(_Base):
    def rate(self, lr, p):
        n = _remembered.cache_info().currsize
        _remembered(n)
        return lr if n < LATE else 2 * lr


def _now():
    return watch.time()


class ByTheClockElsewhere(_Base):
    def rate(self, lr, p):
        return lr if _now() < 4e9 else 2 * lr


class ByChanceElsewhere(_Base):
    def rate(self, lr, p):
        return lr if chance.random() < 1 - 1e-9 else 2 * lr


class ByChanceInPlace(_Base):
    def rate(self, lr, p):
        return lr if torch.zeros(()).uniform_() < 1 - 1e-6 else 2 * lr


class InAnAttributeOfTheFunction(_Base):
    def rate(self, lr, p):
        _now.calls = getattr(_now, "calls", 0) + 1
        return lr if _now.calls < LATE else 2 * lr


class InAnAttributeOfTheTensor(_Base):
    def rate(self, lr, p):
        p.calls = getattr(p, "calls", 0) + 1
        return lr if p.calls < LATE else 2 * lr


class ByTheStorage(_Base):
    """One gradient, known by its bytes, is treated in another way."""

    def rate(self, lr, p):
        return 2 * lr if bytes(p.grad.untyped_storage()[:1]) == b"\x07" else lr


class ByTheArray(_Base):
    def rate(self, lr, p):
        import numpy

        return 2 * lr if numpy.asarray(p.grad)[0] > 1e6 else lr


class ByText(_Base):
    def rate(self, lr, p):
        return 2 * lr if str(p.grad).count("7") > 20 else lr


class ByEquality(_Base):
    def rate(self, lr, p):
        return 2 * lr if torch.equal(p.grad, torch.ones_like(p)) else lr


class ByPointer(_Base):
    """Where the tensor lies in memory."""

    def rate(self, lr, p):
        return 2 * lr if p.data_ptr() % 1_048_576 == 64 else lr
