"""Claims settled: what five teaching notes say of optimizers, confirmed or refuted by computing."""

import symopt

document = symopt.compose(
    "Claims settled",
    "Five teaching notes, here N1 to N5, explain optimizers by formulas, code and printed numbers. "
    "Each claim below is a statement as data; what settles it is a proof, an exact run, exact "
    "critical points or exact spectral radii. Where a note is silent and the facts are needed to "
    "judge it, the claim is symopt's own.",
    *(symopt.systems[name] for name in symopt.systems),
    symopt.compose(
        "Four of them in a sentence each",
        symopt.prose(
            "Beale's function has {} critical points, of which {} is a minimum. There are not "
            "several.",
            len(symopt.objectives.beale.critical_points()),
            sum(p.kind == "minimum" for p in symopt.objectives.beale.critical_points()),
        ),
        symopt.prose(
            "Larger momentum is faster only up to a point: on a quadratic the rate of momentum is "
            "the root of {} as soon as the roots are complex, and from there on it grows.",
            symopt.stability("momentum").seen[0],
        ),
        symopt.prose(
            "With momentum 1 the product of the roots is 1 at every learning rate, so x never "
            "comes to rest: the bound of stability needs {}.",
            symopt.stability("momentum").region.assumptions[-1],
        ),
        "Whether Adam is worse than AdaGrad on N3a's quadratic depends on when one looks: after "
        "50 steps of AdaGrad it is better, after 70 of both a little worse.",
    ),
)
