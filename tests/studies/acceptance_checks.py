"""What acceptance checks of optimizers see: 18 altered Adams, and which of them survive.

Three checks as frameworks have them, written anew from their descriptions:

- *direction* (PyTorch): a random linear model with squared loss; after 20 steps the loss must be
  below where it started;
- *parabola* (optax): minimize the squared distance to a point of three coordinates with learning
  rate 0.1; after 10 000 steps the point must be reached to 3e-2;
- *Rosenbrock* (optax): the same on Rosenbrock's function from (0, 0);

and *symopt*: ``symopt.verify`` against the statement. Run it with
``python tests/studies/acceptance_checks.py [all]``; ``all`` tries every single-edit mutant of Adam.
The result for the eighteen::

    mutant of Adam                                direction   parabola Rosenbrock     symopt
    x: epsilon inside the root                            -          -          -   rejected
    x: without epsilon                                    -   rejected   rejected   rejected
    x: the sign of epsilon flipped                        -          -          -   rejected
    m_hat: without the factor 1/(1 - beta1**t)            -          -          -   rejected
    v_hat: without the factor 1/(1 - beta2**t)            -          -          -   rejected
    the counter starts at 2                               -          -          -   rejected
    m_hat: beta1**t with t + 1 for t                      -          -          -   rejected
    v_hat: beta2**t with t + 1 for t                      -          -          -   rejected
    beta1 and beta2 exchanged                             -   rejected   rejected   rejected
    m: beta2 in place of beta1                            -   rejected          -   rejected
    v: beta1 in place of beta2                            -          -          -   rejected
    m_hat: beta2 in place of beta1                        -          -   rejected   rejected
    m starts as g                                         -          -          -   rejected
    v starts as g**2                                      -          -          -   rejected
    v starts at 1, not at 0                               -          -          -   rejected
    m read before its update                              -   rejected   rejected   rejected
    v read before its update                       rejected   rejected   rejected   rejected
    g: twice the gradient                                 -          -          -   rejected
    rejected, of 18                                       1          5          5         18

Epsilon, corrections, start values and a doubled gradient pass all three; what is seen is what
stops convergence: a division of zero by zero, or decays that no longer belong together. Of all 64
mutants the four checks reject 25, 35, 41 and 64.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

import symopt
from symopt.testing import MutationScore, mutation_score
from symopt.verification.mutants import Mutant, mutants

#: The edits of the study, as ``mutants("adam")`` describes them.
EIGHTEEN = [
    "x: epsilon inside the root in epsilon + sqrt(v_hat)",
    "x: without epsilon in epsilon + sqrt(v_hat)",
    "x: the sign of epsilon flipped in epsilon + sqrt(v_hat)",
    "m_hat: without the factor 1/(1 - beta1**t)",
    "v_hat: without the factor 1/(1 - beta2**t)",
    "the counter starts at 2",
    "m_hat: beta1**t with t + 1 for t",
    "v_hat: beta2**t with t + 1 for t",
    "beta1 and beta2 exchanged",
    "m: beta2 in place of beta1",
    "v: beta1 in place of beta2",
    "m_hat: beta2 in place of beta1",
    "m starts as g",
    "v starts as g**2",
    "v starts at 1, not at 0",
    "m read before its update",
    "v read before its update",
    "g: twice the gradient",
]


def altered(everything: bool) -> list[Mutant]:
    found = list(mutants("adam"))
    if everything:
        return found
    named = {mutant.description: mutant for mutant in found}
    return [named[description] for description in EIGHTEEN]


def direction(make: Any) -> None:
    rng = np.random.default_rng(0)
    model, data = rng.standard_normal((10, 5)), rng.standard_normal(5)
    bias = rng.standard_normal(10)

    def loss(point: Any) -> float:
        weights, offset = point[:50].reshape(10, 5), point[50:]
        return float(np.sum((weights @ data + offset) ** 2))

    def gradient(point: Any) -> Any:
        weights, offset = point[:50].reshape(10, 5), point[50:]
        outer = 2 * (weights @ data + offset)
        return np.concatenate([np.outer(outer, data).ravel(), outer])

    x = np.concatenate([model.ravel(), bias])
    before, optimizer = loss(x), make(eta=0.001)
    for _ in range(20):
        x = optimizer.step(x, gradient)
    assert loss(x) < before, "the loss did not fall"


def _reaches(make: Any, start: Any, goal: Any, gradient: Any) -> None:
    x, optimizer = np.array(start), make(eta=0.1)
    for _ in range(10_000):
        x = optimizer.step(x, gradient)
    np.testing.assert_allclose(x, goal, rtol=3e-2, atol=3e-2)


def parabola(make: Any) -> None:
    goal = np.array([1.0, -1.0, 1.0])
    _reaches(make, [-1.0, 10.0, 1.0], goal, lambda x: 2 * (x - goal))


def rosenbrock(make: Any) -> None:
    def gradient(x: Any) -> Any:
        valley = x[1] - x[0] ** 2
        return np.array([-2 * (1 - x[0]) - 400 * x[0] * valley, 200 * valley])

    _reaches(make, [0.0, 0.0], [1.0, 1.0], gradient)


def statement(make: Any) -> bool:
    def run(grad: Any, x0: Any, steps: int) -> Any:
        optimizer, x = make(), x0
        for _ in range(steps):
            x = optimizer.step(x, grad)
            yield x

    return bool(symopt.verify(run, "adam", proof=False))


CHECKS = {
    "direction": direction, "parabola": parabola, "Rosenbrock": rosenbrock, "symopt": statement,
}  # fmt: skip


def scores(among: list[Mutant]) -> list[MutationScore]:
    return [mutation_score(check, "adam", among, name) for name, check in CHECKS.items()]


def main() -> None:
    among = altered("all" in sys.argv[1:])
    began = time.time()
    found = scores(among)
    print(f"{'mutant of Adam':56}" + "".join(f"{score.check:>11}" for score in found))
    for index, mutant in enumerate(among):
        marks = ["rejected" if score.outcomes[index].rejected else "-" for score in found]
        print(f"{mutant.description:56}" + "".join(f"{mark:>11}" for mark in marks))
    print(f"{f'rejected, of {len(among)}':56}" + "".join(f"{s.rejected:>11}" for s in found))
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
