"""The same runs with torch, optax and CasADi, each in the way that suits it best."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .problem import SETTINGS, START, beale, gradient, shared_gradient
from .timing import Absent

__all__ = ["casadi_map", "optax_batch", "optax_scan", "torch_batch", "torch_loop"]


def optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Absent("not installed") from None


def _torch_optimizer(rule: str, parameters: list[Any], fused: bool) -> Any:
    torch, conf = optional("torch"), SETTINGS[rule]
    if rule == "momentum":
        return torch.optim.SGD(parameters, lr=conf["eta"], momentum=conf["mu"], fused=fused)
    betas = (conf["beta1"], conf["beta2"])
    return torch.optim.Adam(
        parameters, lr=conf["eta"], betas=betas, eps=conf["epsilon"], fused=fused
    )


def torch_loop(rule: str, steps: int, way: str) -> Callable[[], np.ndarray]:
    """``way``: gradients by ``autograd``; ``analytic`` ones; or these with the ``fused`` step."""
    torch = optional("torch")

    def run() -> np.ndarray:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
        optimizer = _torch_optimizer(rule, [p], way == "fused")
        path = [START]
        if way != "autograd":
            p.grad = torch.zeros_like(p)
        for _ in range(steps):
            if way == "autograd":
                optimizer.zero_grad()
                beale(*p).backward()
            else:
                slopes = gradient(*path[-1])
                p.grad = torch.tensor(slopes, dtype=torch.float64)
            optimizer.step()
            path.append(p.tolist())
        torch.set_num_threads(threads)
        return np.array(path)

    return run


def torch_batch(threads: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Adam's fused step on the coordinates of all starts, with the analytic gradient."""
    torch = optional("torch")

    def run(starts: np.ndarray, steps: int) -> np.ndarray:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        points = [torch.tensor(column).requires_grad_() for column in starts.T]
        optimizer = _torch_optimizer("adam", points, True)
        with torch.no_grad():
            for _ in range(steps):
                for point, slope in zip(points, shared_gradient(*points), strict=True):
                    point.grad = slope
                optimizer.step()
        torch.set_num_threads(before)
        return np.stack([point.detach().numpy() for point in points], axis=1)

    return run


def _double_precision(jax: Any) -> Any:
    if callable(getattr(jax, "enable_x64", None)):
        return jax.enable_x64(True)
    return importlib.import_module("jax.experimental").enable_x64(True)


def _optax_steps(rule: str, steps: int, keep: bool) -> Callable[[Any], Any]:
    """From a point to the point after each step, or after the last, as jax traces it."""
    jax, optax, conf = optional("jax"), optional("optax"), SETTINGS[rule]
    if rule == "momentum":
        made = optax.sgd(conf["eta"], conf["mu"])
    else:
        made = optax.adam(conf["eta"], conf["beta1"], conf["beta2"], conf["epsilon"])
    slope = jax.grad(lambda p: beale(p[0], p[1]))

    def step(carry: Any, _: Any) -> Any:
        point, state = carry
        change, state = made.update(slope(point), state)
        point = optax.apply_updates(point, change)
        return (point, state), (point if keep else None)

    def run(start: Any) -> Any:
        (last, _), path = jax.lax.scan(step, (start, made.init(start)), None, length=steps)
        return path if keep else last

    return run


def optax_scan(rule: str, steps: int) -> Callable[[], np.ndarray]:
    jax = optional("jax")
    with _double_precision(jax):
        compiled = jax.jit(_optax_steps(rule, steps, True)).lower(np.array(START)).compile()

    def run() -> np.ndarray:
        with _double_precision(jax):
            return np.vstack([[START], np.asarray(compiled(np.array(START)))])

    return run


def optax_batch() -> Callable[[np.ndarray, int], np.ndarray]:
    """``vmap`` and ``jit``; jax takes what cores there are."""
    jax = optional("jax")
    compiled: dict[tuple[int, int], Any] = {}

    def run(starts: np.ndarray, steps: int) -> np.ndarray:
        with _double_precision(jax):
            key = (len(starts), steps)
            if key not in compiled:
                mapped = jax.vmap(_optax_steps("adam", steps, False))
                compiled[key] = jax.jit(mapped).lower(starts).compile()
            return np.asarray(compiled[key](starts))

    return run


def casadi_map(rule: str, steps: int, with_compiler: bool) -> Callable[[], np.ndarray]:
    """``mapaccum`` of one step; bias corrections come in as a table, as in the C code."""
    casadi, conf = optional("casadi"), SETTINGS[rule]
    if with_compiler:
        from .c_code import compiler

        if compiler() is None:
            raise Absent("no C compiler found")
    x, y = casadi.SX.sym("x"), casadi.SX.sym("y")
    point = casadi.vertcat(x, y)
    slope = casadi.gradient(beale(x, y), point)
    m, v, unbias = (casadi.SX.sym(name, 2) for name in ("m", "v", "unbias"))
    table = np.ones((2, steps))
    if rule == "momentum":
        m_new, v_new = conf["mu"] * m - conf["eta"] * slope, v
        moved = point + m_new
    else:
        m_new = conf["beta1"] * m + (1 - conf["beta1"]) * slope
        v_new = conf["beta2"] * v + (1 - conf["beta2"]) * slope**2
        root = casadi.sqrt(v_new / unbias[1])
        moved = point - conf["eta"] * (m_new / unbias[0]) / (root + conf["epsilon"])
        times = np.arange(1, steps + 1)
        table = 1 - np.array([[conf["beta1"]], [conf["beta2"]]]) ** times
    before, after = casadi.vertcat(point, m, v), casadi.vertcat(moved, m_new, v_new)
    options = {}
    if with_compiler:
        flags = "-O3 -march=native -ffp-contract=off"
        options = {"jit": True, "compiler": "shell", "jit_options": {"flags": flags}}
    one = casadi.Function("step", [before, unbias], [after])
    whole = one.mapaccum("path", steps, options)
    start = np.array([*START, 0, 0, 0, 0])

    def run() -> np.ndarray:
        return np.vstack([[START], np.asarray(whole(start, table))[:2].T])

    return run
