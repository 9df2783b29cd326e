"""Hand-written C, compiled at run time where a compiler is found; and what its operations cost."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .problem import SETTINGS, START
from .timing import Absent, interleave

__all__ = ["FLAGS", "batch", "compiler", "latencies", "trajectory"]

#: Never -Ofast: it would set flush-to-zero for the whole process. Without errno, roots of lanes
#: are one instruction; it changes no result.
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC")
STRICT = ("-ffp-contract=off",)
SOURCE = r"""
#include <math.h>
#define EACH(body) for (int d = 0; d < 2; d++) { body }
#define GRADIENT(x, y) \
    double xy = x * y, y2 = y * y, y3 = y2 * y; \
    double a = 1.5 - x + xy, b = 2.25 - x + x * y2, c = 2.625 - x + x * y3; \
    double gx = 2 * (a * (y - 1) + b * (y2 - 1) + c * (y3 - 1)); \
    double gy = 2 * (a * x + b * (2 * xy) + c * (3 * (x * y2)));

void momentum(long steps, const double *start, double *path, const double *conf) {
    double x = start[0], y = start[1], vx = 0, vy = 0, eta = conf[0], mu = conf[1];
    for (long t = 0; t < steps; t++) {
        GRADIENT(x, y)
        vx = mu * vx - eta * gx;
        vy = mu * vy - eta * gy;
        x += vx;
        y += vy;
        path[2 * t] = x;
        path[2 * t + 1] = y;
    }
}

#define MOMENTS(p, m, v, g) \
    m = beta1 * m + (1 - beta1) * g; \
    v = beta2 * v + (1 - beta2) * (g * g); \
    p = p - eta * (m / c1[t]) / (sqrt(v / c2[t]) + epsilon);

void adam(long steps, const double *start, double *path, const double *conf,
          const double *c1, const double *c2) {
    double x = start[0], y = start[1], mx = 0, my = 0, vx = 0, vy = 0;
    double eta = conf[0], beta1 = conf[1], beta2 = conf[2], epsilon = conf[3];
    for (long t = 0; t < steps; t++) {
        GRADIENT(x, y)
        MOMENTS(x, mx, vx, gx)
        MOMENTS(y, my, vy, gy)
        path[2 * t] = x;
        path[2 * t + 1] = y;
    }
}

/* A batch: v and r are the state of one coordinate p, g is its derivative. */
#define BLOCK 512
#define BATCH(name, UPDATE) \
void name##_batch(long steps, long n, double *x, double *y, double eta, double a1, double a2, \
                  double epsilon, const double *c1, const double *c2, int threads) { \
    _Pragma("omp parallel for schedule(static) num_threads(threads)") \
    for (long first = 0; first < n; first += BLOCK) { \
        double vx[BLOCK] = {0}, vy[BLOCK] = {0}, rx[BLOCK] = {0}, ry[BLOCK] = {0}; \
        long count = n - first < BLOCK ? n - first : BLOCK; \
        for (long t = 0; t < steps; t++) { \
            _Pragma("omp simd") \
            for (long i = 0; i < count; i++) { \
                double p = x[first + i], q = y[first + i]; \
                GRADIENT(p, q) \
                UPDATE(p, vx[i], rx[i], gx) \
                UPDATE(q, vy[i], ry[i], gy) \
                x[first + i] = p; \
                y[first + i] = q; \
            } \
        } \
    } \
}
#define DESCENT(p, v, r, g) p = p - eta * g;
#define MOMENTUM(p, v, r, g) v = a1 * v - eta * g; p = p + v;
#define ADAGRAD(p, v, r, g) r = r + g * g; p = p - eta * g / (sqrt(r) + epsilon);
#define RMSPROP(p, v, r, g) \
    r = a1 * r + (1 - a1) * (g * g); \
    p = p - eta * g / (sqrt(r) + epsilon);
#define ADAM(p, v, r, g) \
    v = a1 * v + (1 - a1) * g; \
    r = a2 * r + (1 - a2) * (g * g); \
    p = p - eta * (v / c1[t]) / (sqrt(r / c2[t]) + epsilon);
BATCH(gradient_descent, DESCENT)
BATCH(momentum, MOMENTUM)
BATCH(adagrad, ADAGRAD)
BATCH(rmsprop, RMSPROP)
BATCH(adam, ADAM)

/* Each operation waits for the one before; c is not known to the compiler. */
double chain_add(long n, double x, double c) { while (n--) x = x + c; return x; }
double chain_mul(long n, double x, double c) { while (n--) x = x * c; return x; }
double chain_div(long n, double x, double c) { while (n--) x = c / x; return x; }
double chain_sqrt(long n, double x, double c) { while (n--) x = sqrt(x) * c; return x; }
"""


@lru_cache(maxsize=1)
def compiler() -> str | None:
    """The C compiler's path: ``$CC``, or what is found under the usual names."""
    names = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


@lru_cache(maxsize=4)
def library(*flags: str) -> ctypes.CDLL:
    """The source above as a shared library; with ``-fopenmp`` also its threads."""
    found = compiler()
    if found is None:
        raise Absent("no C compiler found")
    folder = Path(tempfile.mkdtemp(prefix="benchmark"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source, made = folder / "kernels.c", folder / "kernels.so"
    source.write_text(SOURCE)
    command = [found, *FLAGS, *flags, str(source), "-o", str(made), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Absent(f"{' '.join(command[:-4])}: {done.stderr.strip().splitlines()[-1]}")
    return ctypes.CDLL(str(made))


def _at(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _unbiased(steps: int, beta1: float, beta2: float) -> list[np.ndarray]:
    """The bias corrections as tables: a running product falls into denormals at step 6725."""
    return [np.array([1 - beta**t for t in range(1, steps + 1)]) for beta in (beta1, beta2)]


def trajectory(rule: str, steps: int, *flags: str) -> Any:
    function = getattr(library(*flags), rule)
    function.restype = None
    conf = SETTINGS[rule]
    tables = _unbiased(steps, conf["beta1"], conf["beta2"]) if rule == "adam" else []
    start, numbers = np.array(START), np.array(list(conf.values()))

    def run() -> np.ndarray:
        path = np.empty((steps + 1, 2))
        path[0] = start
        function(ctypes.c_long(steps), _at(start), _at(path[1:]), _at(numbers), *map(_at, tables))
        return path

    return run


def batch(threads: int, rule: str = "adam", settings: Any = None) -> Any:
    """The last points of a batch, as a function of the starts and the number of steps."""
    function = getattr(library(*STRICT, "-fopenmp"), f"{rule}_batch")
    function.restype = None
    conf = settings or SETTINGS[rule]
    first = next((conf[name] for name in ("mu", "rho", "beta1") if name in conf), 0.0)
    second = conf.get("beta2", 0.0)
    numbers = [conf["eta"], first, second, conf.get("epsilon", 0.0)]

    def run(starts: np.ndarray, steps: int) -> np.ndarray:
        x, y = starts[:, 0].copy(), starts[:, 1].copy()
        tables = _unbiased(steps, first, second)
        function(ctypes.c_long(steps), ctypes.c_long(len(x)), _at(x), _at(y),
                 *map(ctypes.c_double, numbers), *map(_at, tables), threads)  # fmt: skip
        return np.stack((x, y), axis=1)

    return run


@lru_cache(maxsize=1)
def latencies(count: int = 200_000, rounds: int = 7) -> dict[str, float]:
    """Nanoseconds from an operand to the result: measured on chains of one operation each."""
    made = library(*STRICT)
    start = {"add": (0.0, 1e-3), "mul": (1.0, 1 - 1e-9), "div": (1.3, 1.7), "sqrt": (1.3, 1.1)}
    chains = {}
    for name, (x, c) in start.items():
        function = getattr(made, f"chain_{name}")
        function.restype = ctypes.c_double
        arguments = (ctypes.c_long(count), ctypes.c_double(x), ctypes.c_double(c))
        chains[name] = lambda function=function, arguments=arguments: function(*arguments)
    timed = interleave(chains, rounds, time.process_time)
    found = {name: min(timing.samples) / count * 1e9 for name, timing in timed.items()}
    found["sqrt"] -= found["mul"]
    return found
