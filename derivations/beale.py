"""The Beale function: its gradient by the chain rule, and why it has one minimum, not several."""

import sympy

import symopt

beale = symopt.objectives.beale
x1, x2 = beale.variables
first, second = map(sympy.expand, beale.gradient)
derived = symopt.derive("gradient_descent", beale, steps=1, eta="1/1000")

# The first derivative is linear in x1. Where its slope is not 0, x1 follows from x2, and the
# second derivative becomes a quotient of polynomials in x2 alone.
slope, constant = sympy.Poly(first, x1).all_coeffs()
squares = sum(2 * (x2**power - 1) ** 2 for power in (1, 2, 3))
reduced = sympy.factor(second.subs(x1, -constant / slope))
factors = [factor for factor, _ in sympy.factor_list(sympy.numer(reduced))[1]]
points = beale.critical_points()


def signs():
    """The second derivatives decide the kind: a minimum has both positive, a saddle does not."""
    hessian = sympy.Matrix(2, 2, lambda i, j: beale.hessian[i, j])
    for point in points:
        here = hessian.subs(dict(zip(beale.variables, point.point, strict=True)))
        yield point.kind, here[0, 0], here.det()


roots = [sympy.Poly(factor, x2).count_roots() for factor in factors]
if sum(roots) + 1 != len(points):
    raise ValueError(f"{sum(roots)} roots beside (0, 1), but {len(points)} critical points")

document = symopt.compose(
    "Beale: one minimum, two saddles",
    *derived.blocks,
    symopt.compose(
        "Why there are no other critical points",
        symopt.prose(
            "The derivative d with respect to {} is linear in it, and its slope s is a sum of "
            "squares:",
            x1,
        ),
        symopt.equations(
            ("d", first), (None, slope * x1 + constant), ("s", slope), (None, squares)
        ),
        symopt.prose(
            "The sum of squares is 0 at {} = 1 alone. There the other derivative is {}, so one "
            "critical point is {}. Everywhere else {} follows from {}; put into the other "
            "derivative it leaves a quotient whose numerator has these factors:",
            x2,
            second.subs(x2, 1),
            (0, 1),
            x1,
            x2,
        ),
        symopt.table(
            ["factor", "its real roots"],
            list(zip(factors, roots, strict=True)),
            "Counted exactly, by Sturm's theorem.",
        ),
        symopt.prose(
            "Factors that the denominator shares belong to {} = 1 and are canceled. Each real root "
            "is one point, so there are {} in all. What each of them is, the second derivatives "
            "say:",
            x2,
            len(points),
        ),
        symopt.table(
            ["kind", "second derivative along the first variable", "determinant of the Hessian"],
            list(signs()),
            "Both positive: a minimum. A negative determinant: a saddle.",
        ),
    ),
)
