"""The heavy ball on a quadratic after every step: two real roots, a double one, or two complex."""

import symopt

form = symopt.closed_form("heavy_ball")
settings = [("1/10", "1/10"), ("1/4", "1/4"), ("1/2", "9/10")]
steps = (1, 2, 5, 10, 20)


def row(eta, mu):
    values = {"eta": eta, "mu": mu, "lamda": 1, "x_0": 1}
    exact = symopt.run("heavy_ball", "half_square", [1], max(steps), "rational", eta=eta, mu=mu)
    found = [form.value(step, **values)[0] for step in steps]
    if found != [exact.x[step, 0] for step in steps]:
        raise ValueError("the closed form and the exact run differ")
    return [f"eta = {eta}, mu = {mu}", *form.kinds(**values), *found]


document = symopt.compose(
    "The heavy ball after every step",
    "On half a curvature times a square the heavy ball is a recurrence of order two. Its roots "
    "decide what is seen: a slow and a fast decay, the double root between them, or a decaying "
    "oscillation. Each branch is proved by induction for all values of its letters.",
    *form.document().blocks,
    symopt.compose(
        "In numbers",
        symopt.table(
            ["setting", "roots", *(f"t = {step}" for step in steps)],
            [row(*setting) for setting in settings],
            "x after t steps from 1 at curvature 1, computed from the branch, and equal to the "
            "exact run of the rule as fractions.",
        ),
    ),
)
