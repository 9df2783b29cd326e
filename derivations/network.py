"""The backward pass of a small network derived, proved, and checked at full size."""

import symopt

network = symopt.models.network

# N2's own data and start: 500 samples, 20-13-8-3.
fit = symopt.systems.N2.fit("B, momentum").on
bound, start = fit.objective, fit.start()
rows = []
for form in ("float32", "float64"):
    exact = symopt.enclose_gradient(bound, start, form)
    for name in ("W1", "b1", "W2", "b2", "W3", "b3"):
        part = exact[name]
        largest = float(abs(part.value).max())
        rows.append([name, form, f"{largest:.6e}", f"{float(part.error.max()):.1e}"])

document = symopt.compose(
    "The backward pass of a network",
    symopt.prose(
        "A network is stated layer by layer, and differentiated layer by layer from the loss down. "
        "The formulas follow from the statement, and so do the kernels that run it."
    ),
    *symopt.derive(network).blocks,
    symopt.prose(
        "Where a ReLU switches the proof keeps both sides by a symbol that is 0 or 1, so that "
        "every region of signs is proved at once, and the convention at the switch itself."
    ),
    symopt.compose(
        "What rounding can do to it",
        symopt.prose(
            "At full size (500 samples, 20, 13, 8, 3) other code is compared with these formulas "
            "by a bound that follows from them: no order of summation in the format can be "
            "farther from the exact gradient. There is no tolerance."
        ),
        symopt.table(
            ["", "computed in", "largest entry", "largest rounding error"],
            rows,
            "By symopt.check_gradient code is consistent within these errors, and else refuted.",
        ),
    ),
)
