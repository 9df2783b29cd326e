"""scikit-learn's bundled data through the public API, against LAPACK, scikit-learn and PyTorch."""

from fractions import Fraction

import numpy as np
import pytest

import symopt
from symopt.array import ArrayObjective, data, frobenius, mean, parameter, square

pytestmark = pytest.mark.frameworks

datasets = pytest.importorskip("sklearn.datasets")
linear_model = pytest.importorskip("sklearn.linear_model")
torch = pytest.importorskip("torch")

ALPHA = Fraction(1, 4)


@pytest.fixture(scope="module")
def diabetes():
    return datasets.load_diabetes(return_X_y=True)


def ulps(observed, exact):
    """How far floats are from exact numbers, in units of the last place of these."""
    pairs = zip(observed, exact, strict=True)
    return [float(abs(Fraction(float(a)) - e)) / np.spacing(abs(float(e))) for a, e in pairs]


def test_least_squares_on_diabetes_is_solved_in_fractions_and_lapack_is_ulps_away(diabetes):
    X, y = diabetes
    loss = symopt.quadratic_loss(symopt.models.linear_regression.bind(X=X, y=y))
    exact = loss.minimizer
    assert loss.gradient(exact) == (0,) * 11
    columns = np.c_[X, np.ones(len(X))]
    lapack = np.linalg.lstsq(columns, y, rcond=None)[0]
    found = ulps(lapack, exact)
    # Backward stable: at most a modest multiple of the condition number in units of rounding.
    assert 0 < max(found) < 100 * np.linalg.cond(columns) ** 2
    assert loss.value(exact) < loss.value([Fraction(v) for v in lapack.tolist()])
    nearest = [Fraction(float(v)) for v in exact]
    assert loss.value(nearest) < loss.value([Fraction(v) for v in lapack.tolist()])


def test_ridge_of_scikit_learn_is_ulps_from_the_exact_minimizer(diabetes):
    X, y = diabetes
    n = len(y)
    stated = symopt.models.ridge.bind(X=X, y=y, lam=ALPHA / n)
    exact = symopt.quadratic_loss(stated).minimizer
    fitted = linear_model.Ridge(alpha=float(ALPHA)).fit(X, y)
    found = ulps([*fitted.coef_, fitted.intercept_], exact)
    assert 0 < max(found) < 1e5
    other = symopt.quadratic_loss(symopt.models.ridge.bind(X=X, y=y, lam=ALPHA)).minimizer
    assert max(ulps([*fitted.coef_, fitted.intercept_], other)) > 1e12


def test_lasso_of_scikit_learn_has_the_support_that_exact_optimality_conditions_prove(diabetes):
    """Signs s on a support S: A_SS w = c_S - lam*s, and |A w - c| < lam elsewhere, in fractions."""
    from flint import fmpq, fmpq_mat

    X, y = diabetes
    fitted = linear_model.Lasso(alpha=float(ALPHA), tol=1e-12, max_iter=100_000).fit(X, y)
    half = symopt.quadratic_loss(symopt.models.linear_regression_half.bind(X=X, y=y))
    signs = [*np.sign(fitted.coef_).astype(int).tolist(), 0]
    support = [i for i, s in enumerate(signs) if s or i == 10]
    assert 3 < len(support) < 11

    def to_fmpq(value):
        return fmpq(value.numerator, value.denominator)

    size = len(support)
    matrix = fmpq_mat(size, size, [to_fmpq(half.matrix[i][j]) for i in support for j in support])
    right = fmpq_mat(size, 1, [to_fmpq(half.linear[i] - ALPHA * signs[i]) for i in support])
    solved = matrix.solve(right)
    exact = [Fraction(0)] * 11
    for row, i in enumerate(support):
        exact[i] = Fraction(int(solved[row, 0].p), int(solved[row, 0].q))
    slopes = half.gradient(exact)
    for i, slope in enumerate(slopes):
        if i == 10:
            assert slope == 0
        elif i in support:
            assert slope == -ALPHA * signs[i]
            assert exact[i] * signs[i] > 0
        else:
            assert abs(slope) < ALPHA
    # So this is the minimizer of the stated lasso; scikit-learn's differs by its stopping rule.
    stated = symopt.models.lasso.bind(X=X, y=y, lam=ALPHA)
    own = [*fitted.coef_.tolist(), float(fitted.intercept_)]
    assert np.allclose([float(v) for v in exact], own, rtol=1e-6)
    assert stated.value([float(v) for v in exact]) <= stated.value(own) * (1 + 1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["iris", "digits"])
def test_softmax_gradients_of_kernel_and_torch_lie_within_the_derived_bound(name, dtype):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    fit = symopt.models.softmax_regression.bind(X=X, y=y)
    rng = np.random.default_rng(0)
    theta = (rng.standard_normal(fit.dimension) / 8).astype(dtype).astype(np.float64)
    parts = {
        key: torch.tensor(part, dtype=getattr(torch, dtype), requires_grad=True)
        for key, part in fit.unflatten(theta).items()
    }
    inputs = torch.tensor(X, dtype=getattr(torch, dtype))
    loss = torch.nn.functional.cross_entropy(inputs @ parts["W"] + parts["b"], torch.tensor(y))
    loss.backward()
    theirs = {key: part.grad.numpy() for key, part in parts.items()}
    check = symopt.check_gradient(fit, theta, theirs, value=loss.item())
    assert check.status == "consistent"
    if dtype == "float64":
        assert symopt.check_gradient(fit, theta, fit.gradient(theta))
    halved = {key: part / 2 for key, part in theirs.items()}
    assert symopt.check_gradient(fit, theta, halved).status == "refuted"


def test_logistic_gradient_on_two_irises_lies_within_the_bound():
    X, y = datasets.load_iris(return_X_y=True)
    fit = symopt.models.logistic_regression.bind(X=X[50:], y=y[50:] - 1)
    theta = np.array([0.25, -0.5, 1.0, 0.125, -2.0])
    assert symopt.check_gradient(fit, theta, fit.gradient(theta))
    assert not symopt.check_gradient(fit, theta, fit.gradient(theta) * (1 + 1e-9))


def test_adamw_is_not_l2_on_a_real_fit(diabetes):
    """Weight decay is a penalty for gradient descent, to the last digit, and not for Adam."""
    X, y = diabetes
    X, y = X[:40, :3], y[:40] / 128
    lam = Fraction(1, 16)
    A, t, w = data("X", "n", "d"), data("y", "n"), parameter("w", "d")
    plain = ArrayObjective(mean(square(A @ w - t)), (w,), (A, t), "Fit").bind(X=X, y=y)
    penalized = ArrayObjective(
        mean(square(A @ w - t)) + lam / 2 * frobenius(w), (w,), (A, t), "Penalized fit"
    ).bind(X=X, y=y)
    start, steps = [1, -1, "1/2"], 5
    eta = Fraction(1, 8)
    hyper = {"eta": eta, "lamda": lam}
    sgdw = symopt.run("gradient_descent_decoupled", plain, start, steps, "rational", **hyper)
    sgd = symopt.run("gradient_descent", penalized, start, steps, "rational", eta=eta)
    assert sgdw.x.tolist() == sgd.x.tolist()
    adamw = symopt.run("adamw", plain, start, 400, "ball", **hyper)
    adam = symopt.run("adam", penalized, start, 400, "ball", eta=eta)
    gaps = abs(adamw.floats() - adam.floats()).max(axis=1)
    assert gaps[0] == 0
    assert gaps[1] > 1e-3
    least = [float(v) for v in symopt.quadratic_loss(penalized).minimizer]
    assert np.abs(adam.floats()[-1] - least).max() < np.abs(adamw.floats()[-1] - least).max() / 10


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_n4_by_torch_ends_at_the_exact_solution_and_follows_its_rule(dtype):
    stated = symopt.systems["N4"].runs[0]
    fit = stated.target
    kind = getattr(torch, dtype)
    X, y = (torch.tensor(fit.data[name], dtype=kind) for name in ("X", "y"))

    def train(start, steps):
        layer = torch.nn.Linear(1, 1, dtype=kind)
        with torch.no_grad():
            layer.weight[:] = torch.tensor(start["w"])
            layer.bias[:] = torch.tensor(start["b"])
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
        for _ in range(steps):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(layer(X)[:, 0], y).backward()
            optimizer.step()
            yield layer.weight.detach().numpy()[0].copy(), layer.bias.detach().numpy()[0].copy()

    code = symopt.Implementation.from_training(train, fit, x0=[0, 0], steps=25, dtype=dtype)
    assert symopt.verify(code, "momentum_pytorch", eta=0.1, mu=0.9).status == "consistent"
    other = symopt.verify(code, "nesterov_pytorch", eta=0.1, mu=0.9)
    assert other.status == "refuted"
    w, b = list(train({"w": np.zeros(1, dtype), "b": np.zeros((), dtype)}, 1000))[-1]
    exact = symopt.quadratic_loss(fit).minimizer
    unit = 2.0**-52 if dtype == "float64" else 2.0**-23
    # Where the updates stop is a few units off: the gradient there is rounding alone.
    off = max(abs(Fraction(float(v)) / e - 1) for v, e in zip((w[0], b), exact, strict=True))
    assert off < 16 * unit
