"""The cubic: (0, 0) is its minimum, the saddle is (1/4, -1/2), and momentum overshoots it."""

import sympy

import symopt

cubic = symopt.objectives.cubic
x0, x1 = cubic.variables
first, second = cubic.gradient
derived = symopt.derive("momentum", cubic, steps=2, eta="1/100", mu="9/10")
(resting,) = sympy.solve(first, x1)
hessian = sympy.Matrix(2, 2, lambda i, j: cubic.hessian[i, j])
points = [(p, dict(zip(cubic.variables, p.point, strict=True))) for p in cubic.critical_points()]

document = symopt.compose(
    "The cubic: where its saddle is, and what momentum does there",
    *derived.blocks,
    symopt.compose(
        "Why these are all critical points",
        symopt.prose(
            "Where the first derivative is 0, {} is {}. There the second one is", x1, resting
        ),
        symopt.equations((second.subs(x1, resting), sympy.factor(second.subs(x1, resting)))),
        "which is 0 at two points, one for each factor. The eigenvalues of the Hessian there:",
        symopt.table(
            ["point", "f", "eigenvalues", "kind"],
            [
                [p.point, p.value, tuple(sorted(hessian.subs(at).eigenvals())), p.kind]
                for p, at in points
            ],
            "Both positive: a minimum. One of each sign: a saddle.",
        ),
    ),
    symopt.systems["N3d"],
)
