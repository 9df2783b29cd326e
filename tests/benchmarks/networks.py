"""Training steps of networks: symopt's kernels against torch, by autograd and by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

import symopt

from .frameworks import optional
from .race import Candidate, race
from .tables import Results
from .timing import Absent

__all__ = [
    "AUTOGRAD", "BY_HAND", "COMPILED", "FUSED", "OURS", "TORCH", "Case", "add_tables", "cases",
]  # fmt: skip

OURS, COMPILED = "symopt.run", "symopt.run, new state by llvm"
AUTOGRAD = "torch autograd, torch.optim"
FUSED, BY_HAND = "torch autograd, fused", "torch, gradient by hand, fused"
#: The ways to train with torch.
TORCH = (AUTOGRAD, FUSED, BY_HAND)
RULES = {
    "momentum_pytorch": {"eta": 0.03125, "mu": 0.875},
    "adam": {"eta": 0.0009765625, "beta1": 0.875, "beta2": 0.998046875, "epsilon": 2.0**-27},
}


@dataclass(frozen=True)
class Case:
    """A network on uniform data, a rule, and how many steps of which batches it makes."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    samples: int
    rule: str
    steps: int
    dtype: str = "float32"
    batch: int | None = None
    threads: int = 1

    @property
    def key(self) -> str:
        widths = "-".join(map(str, self.sizes))
        per = f"batches of {self.batch} of" if self.batch else "all"
        short = "Adam" if self.rule == "adam" else "SGD momentum"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{widths}, {per} {self.samples}, {short}, {self.dtype}, {threads}"

    @cached_property
    def made(self) -> tuple[Any, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """The bound objective, the data, and the start."""
        rng = np.random.default_rng(0)
        X = rng.random((self.samples, self.sizes[0])).astype(self.dtype)
        y = rng.integers(0, self.sizes[-1], self.samples)
        start = {}
        for layer, (inputs, outputs) in enumerate(pairwise(self.sizes), start=1):
            reach = inputs**-0.5
            start[f"W{layer}"] = rng.uniform(-reach, reach, (inputs, outputs)).astype(self.dtype)
            start[f"b{layer}"] = rng.uniform(-reach, reach, outputs).astype(self.dtype)
        bound = symopt.network(self.sizes, self.activations).bind(X=X, y=y)
        return bound, X, y, start

    def compared(self, theta: np.ndarray) -> np.ndarray:
        """What has to agree: all parameters in float64; in float32 the loss that they have."""
        if self.dtype == "float64":
            return theta
        return np.asarray(self.made[0].value(theta.astype(np.float64)))


def _ours(case: Case, backend: str = "auto") -> np.ndarray:
    bound, _, _, start = case.made
    objective = bound if case.batch is None else bound.batches(size=case.batch)
    made = symopt.run(
        case.rule, objective, start, case.steps, case.dtype, record="final", backend=backend,
        **RULES[case.rule],
    )  # fmt: skip
    return np.asarray(made.x[-1])


def _compiled(case: Case) -> Callable[[], np.ndarray]:
    optional("llvmlite")
    return partial(_ours, case, "llvm")


def _optimizer(case: Case, parameters: list[Any], fused: bool) -> Any:
    torch, conf = optional("torch"), RULES[case.rule]
    if case.rule == "adam":
        betas = (conf["beta1"], conf["beta2"])
        return torch.optim.Adam(
            parameters, lr=conf["eta"], betas=betas, eps=conf["epsilon"], fused=fused
        )
    return torch.optim.SGD(parameters, lr=conf["eta"], momentum=conf["mu"], fused=fused)


def _batches(case: Case, X: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    size = case.batch or case.samples
    while True:
        for first in range(0, case.samples, size):
            yield X[first : first + size], y[first : first + size]


def _torch(case: Case, way: str) -> Callable[[], np.ndarray]:
    torch = optional("torch")
    _, X, y, start = case.made
    layers = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}

    def autograd() -> np.ndarray:
        modules: list[Any] = []
        for i, (inputs, outputs) in enumerate(pairwise(case.sizes)):
            linear = torch.nn.Linear(inputs, outputs)
            linear.weight.data = torch.tensor(start[f"W{i + 1}"].T.copy())
            linear.bias.data = torch.tensor(start[f"b{i + 1}"])
            modules += [linear, *(layers[name]() for name in case.activations[i : i + 1])]
        net = torch.nn.Sequential(*modules)
        optimizer = _optimizer(case, list(net.parameters()), way == FUSED)
        loss = torch.nn.functional.cross_entropy
        feed = _batches(case, torch.tensor(X), torch.tensor(y))
        for _ in range(case.steps):
            batch, labels = next(feed)
            optimizer.zero_grad()
            loss(net(batch), labels).backward()
            optimizer.step()
        parts = [part.detach().numpy().T.ravel() for part in net.parameters()]
        return np.concatenate(parts)

    def by_hand() -> np.ndarray:
        parts = {name: torch.tensor(part).requires_grad_() for name, part in start.items()}
        optimizer = _optimizer(case, list(parts.values()), True)
        depth, act = len(case.sizes) - 1, {"relu": torch.relu_, "sigmoid": torch.sigmoid_}
        hot = torch.tensor(np.eye(case.sizes[-1], dtype=case.dtype)[y])
        feed = _batches(case, torch.tensor(X), hot)
        with torch.no_grad():
            for _ in range(case.steps):
                batch, targets = next(feed)
                inputs = [batch]
                for layer in range(1, depth + 1):
                    z = torch.addmm(parts[f"b{layer}"], inputs[-1], parts[f"W{layer}"])
                    if layer < depth:
                        inputs.append(act[case.activations[layer - 1]](z))
                delta = torch.softmax(z, 1).sub_(targets).div_(len(batch))
                for layer in range(depth, 0, -1):
                    a = inputs[layer - 1]
                    parts[f"W{layer}"].grad = a.T @ delta
                    parts[f"b{layer}"].grad = delta.sum(0)
                    if layer > 1:
                        delta = delta @ parts[f"W{layer}"].T
                        if case.activations[layer - 2] == "relu":
                            delta *= a > 0
                        else:
                            delta *= a * (1 - a)
                optimizer.step()
        return np.concatenate([part.detach().numpy().ravel() for part in parts.values()])

    return by_hand if way == BY_HAND else autograd


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """That many threads for torch and for NumPy's matrix products."""
    with ExitStack() as stack:
        with suppress(Absent):
            stack.enter_context(optional("threadpoolctl").threadpool_limits(count))
        with suppress(Absent):
            torch = optional("torch")
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(count)
        yield


def _race(results: Results, case: Case, rounds: int) -> None:
    table = race(
        results,
        case.key,
        f"Training a network {case.key}, {case.steps} steps",
        [
            Candidate(OURS, lambda: partial(_ours, case), case.compared),
            Candidate(COMPILED, partial(_compiled, case), case.compared),
            *(Candidate(way, partial(_torch, case, way), case.compared) for way in TORCH),
        ],
        baseline=OURS,
        reference=lambda: case.compared(_ours(case)),
        scale=1e6 / case.steps,
        unit="µs a step",
        rounds=rounds,
        clock=time.perf_counter,
    )
    results.add(table)


def cases(quick: bool = False) -> list[Case]:
    small, large = ((20, 13, 8, 3), ("relu", "sigmoid")), ((784, 256, 10), ("relu",))
    if quick:
        return [Case(*small, 20, rule, 3, "float64", size) for rule in RULES for size in (None, 8)]
    dtypes = ("float32", "float64")
    found = [Case(*small, 500, rule, 300, dtype) for rule in RULES for dtype in dtypes]
    found += [Case(*small, 500, rule, 300, batch=50) for rule in RULES]
    found += [Case(*large, 128, rule, 20, threads=n) for rule in RULES for n in (1, 2)]
    return [*found, Case(*large, 128, "adam", 20, "float64")]


def add_tables(results: Results, quick: bool = False) -> None:
    for case in cases(quick):
        with _threads(case.threads):
            _race(results, case, 3 if quick else 5)
