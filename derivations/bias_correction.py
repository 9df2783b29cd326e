"""Bias correction derived: the weights of an average from 0 add up to 1 - beta^t, not to 1."""

import sympy

import symopt
from symopt.statement.source import Source
from symopt.symbols import beta, g, grad, x

kingma = Source("kingma2015adam", "section 3")
# The average is what moves here; what it averages are the gradients of any objective.
average = symopt.Rule(
    "Moving average", kingma, {beta: "9/10"}, {}, [(g, grad(x)), (x, beta * x + (1 - beta) * g)]
)
start = sympy.Symbol("x_0", real=True)
unrolled = symopt.unroll(average, steps=4)
points = [unrolled.closed_form(step).expressions[0].subs(start, 0) for step in range(1, 5)]
gradients = sympy.symbols("g1:5", real=True)
sums = [sum(point.coeff(each) for each in gradients) for point in points]


def weights(step):
    """What the gradients count after that many steps, the first one first."""
    return [beta ** (step - number) * (1 - beta) for number in range(1, step + 1)]


def weighted(step):
    return sum(weight * each for weight, each in zip(weights(step), gradients, strict=False))


# A gradient that never changes is that of a linear objective; there the average is, for every t:
constant = symopt.closed_form(average, "c*x", x0=[0])
first, later = (
    symopt.unroll(rule, steps=1).closed_form(1).expressions[0].subs(start, 0)
    for rule in ("momentum_ema", "momentum_ema_corrected")
)

document = symopt.compose(
    "Why Adam divides by 1 - beta^t",
    symopt.prose(
        "Adam averages gradients, and squares of gradients, with weights that fall by a factor {} "
        "per step, and starts both averages at 0 {}. What does the start do to the average?",
        beta,
        kingma,
    ),
    average,
    symopt.compose(
        "The weights of the first steps",
        "Unrolled from 0, the average is a sum of the gradients that the steps have read:",
        symopt.equations(
            *(
                line
                for n, point in enumerate(points, 1)
                for line in [(f"x_{n}", point), (None, weighted(n), "gradient by gradient")]
            )
        ),
        "The weights add up to",
        symopt.equations(
            *((sum(weights(n)), sums[n - 1], f"after step {n}") for n in (1, 2, 3, 4))
        ),
        "so the average is too small, as if the missing weight had seen gradients of 0.",
    ),
    symopt.compose(
        "For every step",
        symopt.prose(
            "Let every gradient be the same number {}: the average should be {}. The moving "
            "average is linear in its state and the gradient, so its value after every step has a "
            "closed form, and is proved by induction.",
            sympy.Symbol("c"),
            sympy.Symbol("c"),
        ),
        constant,
        symopt.prose(
            "The first {} values are {}, and the share of the constant that the average has "
            "reached is the sum of its weights. Divided by it the average is right at once: that "
            "is the bias correction.",
            3,
            tuple(constant.at(n)[0] for n in (1, 2, 3)),
        ),
    ),
    symopt.compose(
        "What it changes",
        symopt.prose(
            "With the moving average as a direction, the first step is {} without the correction "
            "and {} with it. In Adam both averages are corrected:",
            sympy.expand(first),
            sympy.simplify(later),
        ),
        *symopt.compare("adam", "adam_uncorrected", objective="elongated_bowl", steps=1, eta="1/10")
        .without("Pictures", "What was checked")
        .blocks,
    ),
)
