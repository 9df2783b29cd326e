"""Whole loops in the shapes that people write. Nothing here knows of symopt."""

import math

import numpy as np


def gd(df_dx, x0, conf_para=None):
    if conf_para is None:
        conf_para = {}
    conf_para.setdefault("n_iter", 1000)
    conf_para.setdefault("learning_rate", 0.001)
    x_traj = [x0]
    for _ in range(conf_para["n_iter"]):
        dfdx = df_dx(x_traj[-1])
        x_traj.append(x_traj[-1] - conf_para["learning_rate"] * dfdx)
    return x_traj


def gd_momentum(df_dx, x0, conf_para=None):
    if conf_para is None:
        conf_para = {}
    conf_para.setdefault("n_iter", 1000)
    conf_para.setdefault("learning_rate", 0.001)
    conf_para.setdefault("momentum", 0.7)
    x_traj = [x0]
    v = np.zeros_like(x0)
    for _ in range(conf_para["n_iter"]):
        v = conf_para["momentum"] * v - conf_para["learning_rate"] * df_dx(x_traj[-1])
        x_traj.append(x_traj[-1] + v)
    return x_traj


def adam(grad, x0, n_iter=100, alpha=0.02, beta1=0.8, beta2=0.999, eps=1e-8):
    x = x0.copy()
    m = [0.0 for _ in range(x0.shape[0])]
    v = [0.0 for _ in range(x0.shape[0])]
    for t in range(n_iter):
        g = grad(x)
        for i in range(x.shape[0]):
            m[i] = beta1 * m[i] + (1.0 - beta1) * g[i]
            v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] ** 2
            mhat = m[i] / (1.0 - beta1 ** (t + 1))
            vhat = v[i] / (1.0 - beta2 ** (t + 1))
            x[i] = x[i] - alpha * mhat / (math.sqrt(vhat) + eps)
    return x


def gradient_descent(gradient, start, learn_rate, n_iter=50, tolerance=1e-06):
    vector = start
    for _ in range(n_iter):
        diff = -learn_rate * gradient(vector)
        if np.all(np.abs(diff) <= tolerance):
            break
        vector = vector + diff
    return vector


def scalar_while(df, x0, lr=0.1, max_iter=100):
    x = x0
    i = 0
    history = [x]
    while i < max_iter:
        x = x - lr / math.sqrt(i + 1) * df(x)
        history.append(x)
        i += 1
    return history


def nesterov(grad, x0, steps=50, lr=0.01, momentum=0.9):
    x = np.array(x0, dtype=float)
    v = np.zeros_like(x)
    path = [x.copy()]
    for k in range(steps):
        lookahead = x + momentum * v
        v = momentum * v - lr * grad(lookahead)
        x = x + v
        path.append(x.copy())
        if k % 10 == 0:
            print(f"step {k}: {x}")
    return np.array(path)


def stream(grad, x, lr=0.1):
    while True:
        x = x - lr * grad(x)
        yield x
