"""Softmax regression: the gradient in matrix form, and a small fit whose every number is exact."""

import symopt

model = symopt.models.softmax_regression
rows, labels = [[0, 1], [2, 1], [1, 0], [3, 2]], [0, 2, 1, 2]
fit = model.bind(X=rows, y=labels)
start = [0] * fit.dimension
run = symopt.run("gradient_descent", fit, start, 3, "ball", eta="1/2")

document = symopt.compose(
    "Softmax regression in matrix form",
    *symopt.derive(model).blocks,
    symopt.compose(
        "A small fit",
        symopt.prose(
            "Four samples of two features, three classes, from zero by gradient descent with "
            "learning rate 1/2. The losses are certified: balls with at least 120 exact bits."
        ),
        symopt.table(
            ["t", "loss"],
            [[t, value.str(15, radius=False)] for t, value in enumerate(run.values)],
            "At zero all classes are equally likely: the loss is log 3.",
        ),
    ),
)
