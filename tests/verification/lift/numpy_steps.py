"""Functions that make one step, in the shapes that people write."""

from math import sqrt

import numpy as np


def sgd(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    w -= config["learning_rate"] * dw
    return w, config


def sgd_momentum(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config.get("velocity", np.zeros_like(w))
    v = config["momentum"] * v - config["learning_rate"] * dw
    next_w = w + v
    config["velocity"] = v
    return next_w, config


def adam_config(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-3)
    config.setdefault("beta1", 0.9)
    config.setdefault("beta2", 0.999)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("m", np.zeros_like(w))
    config.setdefault("v", np.zeros_like(w))
    config.setdefault("t", 0)
    config["t"] += 1
    config["m"] = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    config["v"] = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw**2
    mt = config["m"] / (1 - config["beta1"] ** config["t"])
    vt = config["v"] / (1 - config["beta2"] ** config["t"])
    return w - config["learning_rate"] * mt / (np.sqrt(vt) + config["epsilon"]), config


def momentum_step(x, g, v, lr=0.1, mu=0.9):
    v = mu * v + g
    return x - lr * v, v


def adam_step(x, g, m, v, t, lr=1e-3, b1=0.9, b2=0.999, eps=1e-8):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    x = x - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    return x, m, v


def list_sgd(params, grads, lr, weight_decay=0.0):
    for p, g in zip(params, grads):
        p -= lr * (g + weight_decay * p)


def scalar_rmsprop(w, grad, s, lr=0.01, beta=0.9, eps=1e-8):
    s = beta * s + (1 - beta) * grad * grad
    w = w - lr * grad / (sqrt(s) + eps)
    return w, s


def sign_step(x, grad, lr=0.01):
    if grad > 0:
        return x - lr
    if grad < 0:
        return x + lr
    return x


def warmup(x, g, t, lr=0.1, warmup_steps=4):
    rate = lr * t / warmup_steps if t < warmup_steps else lr
    return x - rate * g
