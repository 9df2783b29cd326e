"""Further shapes of optimizers. Nothing here knows of symopt."""

from __future__ import annotations

from collections import defaultdict, namedtuple
from dataclasses import dataclass, field

import numpy as np

State = namedtuple("State", ["m", "v"])


@dataclass
class AdaBelief:
    """A dataclass with a mutable field."""

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-16
    state: dict = field(default_factory=dict)

    def step(self, w: np.ndarray, g: np.ndarray) -> np.ndarray:
        s = self.state
        s.setdefault("m", np.zeros_like(w))
        s.setdefault("s", np.zeros_like(w))
        s["t"] = s.get("t", 0) + 1
        s["m"] = self.beta1 * s["m"] + (1 - self.beta1) * g
        s["s"] = self.beta2 * s["s"] + (1 - self.beta2) * (g - s["m"]) ** 2 + self.eps
        m_hat = s["m"] / (1 - self.beta1 ** s["t"])
        s_hat = s["s"] / (1 - self.beta2 ** s["t"])
        return w - self.lr * m_hat / (np.sqrt(s_hat) + self.eps)


class Yogi:
    def __init__(self, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-3):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.state = None

    def update(self, w, g):
        if self.state is None:
            self.state = State(np.zeros_like(w), np.zeros_like(w))
        m = self.beta1 * self.state.m + (1 - self.beta1) * g
        g2 = g * g
        v = self.state.v - (1 - self.beta2) * np.sign(self.state.v - g2) * g2
        self.state = State(m, v)
        return w - self.lr * m / (np.sqrt(v) + self.eps)


class DefaultDict:
    def __init__(self, lr=0.05, momentum=0.9):
        self.lr, self.momentum = lr, momentum
        self.velocity = defaultdict(float)

    def step(self, params, grads):
        for name in params:
            self.velocity[name] = self.momentum * self.velocity[name] + grads[name]
            params[name] = params[name] - self.lr * self.velocity[name]
        return params


class InverseTime:
    """A rate that decays with time."""

    def __init__(self, lr0=0.1, decay=0.01):
        self.lr0, self.decay, self.t = lr0, decay, 0

    @property
    def lr(self):
        return self.lr0 / (1 + self.decay * self.t)

    def step(self, w, g):
        w = w - self.lr * g
        self.t += 1
        return w


class Base:
    def __init__(self, lr=0.01, clipvalue=None):
        self.lr = lr
        self.clipvalue = clipvalue

    def step(self, params, grads):
        for i in range(len(params)):
            g = grads[i]
            if self.clipvalue is not None:
                g = np.clip(g, -self.clipvalue, self.clipvalue)
            params[i] = self._apply(i, params[i], g)

    def _apply(self, i, w, g):
        return w - self.lr * g


class Nadam(Base):
    def __init__(self, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8, clipvalue=None):
        super().__init__(lr, clipvalue)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.m, self.v, self.t = {}, {}, {}

    def _apply(self, i, w, g):
        b1, b2 = self.beta1, self.beta2
        t = self.t[i] = self.t.get(i, 0) + 1
        m = self.m[i] = b1 * self.m.get(i, 0) + (1 - b1) * g
        v = self.v[i] = b2 * self.v.get(i, 0) + (1 - b2) * g * g
        look = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        return w - self.lr * look / (np.sqrt(v / (1 - b2**t)) + self.eps)


def heavy_ball(grad, x0, n_steps=100, alpha=0.1, beta=0.5):
    x, x_prev = x0, x0
    for _ in range(n_steps):
        x, x_prev = x - alpha * grad(x) + beta * (x - x_prev), x
    return x


def fista(grad, x0, n_iter=100, step_size=0.1):
    x, y, a = x0.copy(), x0.copy(), 1.0
    trajectory = [x]
    for _ in range(n_iter):
        x_new = y - step_size * grad(y)
        a_new = (1 + np.sqrt(1 + 4 * a**2)) / 2
        y = x_new + (a - 1) / a_new * (x_new - x)
        x, a = x_new, a_new
        trajectory.append(x)
    return trajectory


def step_decay(grad, x0, n_iter=100, lr=0.1, gamma=0.5):
    x = x0
    xs = [x]
    for k in range(n_iter):
        if k == 10:
            lr = lr * gamma
        x = x - lr * grad(x)
        xs.append(x)
    return np.array(xs)


def normalized(df, start, iterations=50, learning_rate=0.05):
    w = np.array(start)
    history = [w]
    for _ in range(iterations):
        direction = df(w)
        w = w - learning_rate * direction / (np.linalg.norm(direction) + 1e-12)
        history.append(w)
    return history
