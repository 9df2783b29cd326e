"""Code from which no rule can be read, each for one reason. Nothing here knows of symopt."""

import numpy as np


class Orthogonal:
    def update(self, w, g):
        u, _, vt = np.linalg.svd(np.outer(g, g))
        return w - 0.1 * (u @ vt) @ g


class Newton:
    def update(self, w, g):
        return w - np.linalg.solve(np.outer(g, g) + np.eye(len(g)), g)


class Sorts:
    def update(self, w, g):
        return w - 0.1 * np.sort(g)


class Cumulative:
    def update(self, w, g):
        return w - 0.1 * np.cumsum(g)


class Chosen:
    def update(self, w, g):
        w[np.argmax(np.abs(g))] -= 0.1
        return w


class Dropout:
    def update(self, w, g):
        mask = np.random.rand(*g.shape) > 0.5
        return w - 0.1 * g * mask


class Modulo:
    """Every tenth step is longer."""

    def __init__(self):
        self.t = 0

    def update(self, w, g):
        self.t += 1
        return w - (0.2 if self.t % 10 == 0 else 0.1) * g


class Rounded:
    def update(self, w, g):
        return w - 0.1 * np.round(g, 3)


class Searches:
    """A loop whose length depends on the gradient."""

    def update(self, w, g):
        rate = 1.0
        while rate * np.linalg.norm(g) > 1.0:
            rate *= 0.5
        return w - rate * g


def cosine(x, g, t, lr=0.1):
    return x - lr * 0.5 * (1 + np.cos(np.pi * t / 100)) * g


def no_gradient(x, lr=0.1):
    return x * (1 - lr)


def line_search(f, grad, x0, n_iter=20):
    x = x0
    for _ in range(n_iter):
        step = 1.0
        while f(x - step * grad(x)) > f(x):
            step *= 0.5
        x = x - step * grad(x)
    return x
