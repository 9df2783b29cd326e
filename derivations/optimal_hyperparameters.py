"""The best hyperparameters for curvatures from m to L, with the proof that nothing is better."""

import symopt

names = ["gradient_descent", "heavy_ball", "nesterov"]
regions = [symopt.stability(name) for name in names]
conditions = [10, 100, 10000]
best = [stable.optimum() for stable in regions]

document = symopt.compose(
    "Optimal hyperparameters",
    "A quadratic whose curvatures lie between m and L is as slow as its slowest direction. For "
    "three rules the hyperparameters that make the slowest direction fastest are known; here they "
    "are derived, each with the identities that prove a bound for every choice and that the bound "
    "is attained.",
    symopt.table(
        ["rule", "rate", *(f"L/m = {condition}" for condition in conditions)],
        [
            [stable.rule, found.rate, *(found.at(1, c)[1].evalf(6) for c in conditions)]
            for stable, found in zip(regions, best, strict=True)
        ],
        "By how much a step shrinks the distance in the long run at the best hyperparameters.",
    ),
    *(
        stable.document().only("One step as a matrix", "The best hyperparameters")
        for stable in regions
    ),
)
