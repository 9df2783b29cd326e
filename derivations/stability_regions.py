"""Where gradient descent, the heavy ball, Nesterov and a defective Nesterov converge."""

from fractions import Fraction

import symopt

names = ["gradient_descent", "heavy_ball", "nesterov", "nesterov_new_velocity"]
regions = {name: symopt.stability(name) for name in names}
limits = [stable.region.limit for stable in regions.values()]
momenta = ["0", "1/2", "9/10", "99/100"]
margin = Fraction(1, 1000)


def bound(stable, mu):
    """The largest stable learning rate at curvature 1, checked on both sides."""
    momentum = {str(name): mu for name in stable.rule.hyperparameters if str(name) == "mu"}
    limit = stable.region.limit.subs(dict.fromkeys(stable.region.limit.free_symbols, mu))
    value = Fraction(int(limit.p), int(limit.q))
    fates = [
        stable.fate(curvature=1, eta=value + side, **momentum) for side in (-margin, 0, margin)
    ]
    if fates[0] != "converges" or fates[2] != "diverges":
        raise ValueError(f"{stable.rule.name} at momentum {mu}: {fates}")
    return value


document = symopt.compose(
    "Regions of stability",
    "On a quadratic each of these rules is a matrix per direction, and converges from every start "
    "exactly if the roots that x sees lie inside the unit circle. What that says of the learning "
    "rate times the curvature:",
    symopt.table(
        ["rule", "stable below", *(f"μ = {mu}" for mu in momenta)],
        [
            [stable.rule, stable.region.limit, *(bound(stable, mu) for mu in momenta)]
            for stable in regions.values()
        ],
        f"Largest learning rate times curvature, and its value at four momenta. Exact runs' roots "
        f"decide that {margin} below it the rule converges, and {margin} above it diverges.",
    ),
    symopt.prose(
        "As momentum tends to 1 the bound of the heavy ball tends to {}, that of Nesterov's rule "
        "to {}, and that of a copy of Nesterov's rule which updates its velocity too early to {}.",
        *(limit.subs(dict.fromkeys(limit.free_symbols, 1)) for limit in limits[1:]),
    ),
    *(stable.document().only("Where it is stable") for stable in regions.values()),
)
