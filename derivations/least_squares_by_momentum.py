"""Least squares by momentum: every step in closed form, and the limit proved to be the solution."""

import sympy

import symopt
from symopt.presentation.objective_page import objective_document

data = [(-1, 1), (1, 8), (2, 9), (2, 11)]
loss = symopt.Objective(
    " + ".join(f"(a + ({p})*b - {q})**2/{len(data)}" for p, q in data),
    variables="a b",
    title="Mean squared error of a line",
    start=(0, 0),
)
hyper = {"eta": "1/4", "mu": "1/4"}
form = symopt.closed_form("momentum", loss, [0, 0], **hyper)
stable = symopt.stability("momentum")
curvatures = [motion.direction.curvature for motion in form.motions]

# The normal equations, solved by themselves, are what the limit is compared with.
columns = sympy.Matrix([[1, p] for p, _ in data])
targets = sympy.Matrix([q for _, q in data])
solution = (columns.T * columns).LUsolve(columns.T * targets)
rest = [sum(motion.rest * motion.direction.vector[i] for motion in form.motions) for i in range(2)]
if rest != list(solution):
    raise ValueError(f"momentum rests at {rest}, the least-squares solution is {solution}")
exact = symopt.run("momentum", loss, [0, 0], 40, "rational", **hyper)
rows = []
for step in (0, 1, 2, 5, 10, 20, 40):
    point = form.value(step)
    if tuple(exact.x[step]) != point:
        raise ValueError(f"the closed form and the exact run differ at step {step}")
    rows.append([step, *point, exact.values[step]])

document = symopt.compose(
    "Least squares by momentum",
    symopt.prose(
        "A line is fitted to the points {}, {}, {}, {} by momentum, with exact numbers throughout. "
        "The notes ran such a fit for a thousand steps and printed where it ended; where it must "
        "end, and how it gets there, are formulas.",
        *data,
    ),
    objective_document(loss, "brief"),
    symopt.compose(
        "Every step",
        symopt.prose("With {} for learning rate and momentum:", tuple(hyper.values())),
        *form.document().blocks,
    ),
    symopt.compose(
        "The limit is the solution",
        "Where the directions rest, put together, is what the normal equations say:",
        symopt.table(
            ["", "point of rest", "solution of the normal equations"],
            [[n, r, s] for n, r, s in zip(loss.variables, rest, solution, strict=True)],
        ),
        symopt.table(
            ["curvature", "from every start", "largest root"],
            [
                [c, f"it {stable.fate(curvature=c, **hyper)}", stable.rate_at(curvature=c, **hyper)]
                for c in curvatures
            ],
            "The fate of each direction, decided exactly by the criterion of Jury.",
        ),
        symopt.table(
            ["t", "a", "b", "mean squared error"],
            rows,
            "The closed form; at each of these steps it equals the exact run as a fraction.",
        ),
    ),
)
