"""The contract of models with data: every entry of ``symopt.models``, by one table."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

import symopt
from symopt.statement.array.entries import evaluate
from symopt.statement.array.scalar import SYMBOLIC
from symopt.verification.array.gradient import prove_gradient

MODELS = list(symopt.models)


def on_data(model, samples=3, features=2):
    """The model on small rational data that are exact in binary64."""
    rng = np.random.default_rng(7)
    given = {}
    for leaf in model.data:
        shape = tuple({"n": samples, "d": features}.get(dim, 2) for dim in leaf.shape)
        if leaf.op == "labels":
            given[leaf.name] = np.arange(samples) % 3
        else:
            given[leaf.name] = rng.integers(-8, 9, shape) / 8
    sizes = {name: 2 for name in model.sizes if name not in ("n", "d")}
    told = {dim for leaf in model.data for dim in leaf.shape}
    classes = {node.shape[1] for node in _nodes(model) if node.op == "onehot"}
    return model.bind(given, **{k: v for k, v in sizes.items() if k not in told | classes})


def _nodes(model):
    from symopt.statement.array.expression import order

    return order(model.loss)


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_in_matrix_form_is_proved_on_small_sizes(name):
    proof = prove_gradient(symopt.models[name])
    assert proof.status == "proved", proof.reason
    assert proof.entries >= len(symopt.models[name].parameters)


@pytest.mark.parametrize("name", MODELS)
def test_a_gradient_with_another_sign_is_not_proved(name):
    model = symopt.models[name]
    wrong = {key: -part if i == 0 else part for i, (key, part) in enumerate(model.gradient.items())}
    proof = prove_gradient(model, wrong)
    assert proof.status == "undecided"
    assert proof.open


@pytest.mark.parametrize("name", MODELS)
def test_the_kernel_computes_the_scalar_objective(name):
    """The loss and every partial derivative, against SymPy's expression over the entries."""
    bound = on_data(symopt.models[name])
    scalar = bound.scalar()
    assert scalar.variables == bound.variables
    theta = np.random.default_rng(1).integers(-8, 9, bound.dimension) / 8
    slopes = [scalar.expression.diff(symbol) for symbol in scalar.variables]
    compute = sympy.lambdify(scalar.variables, [scalar.expression, *slopes], "numpy", cse=True)
    value, *expected = map(float, compute(*theta))
    assert bound.value(theta) == pytest.approx(value, rel=1e-13)
    assert list(bound.gradient(theta)) == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_survive_the_way_through_one_vector(name):
    bound = on_data(symopt.models[name])
    theta = np.arange(bound.dimension) / 4
    parts = bound.unflatten(theta)
    assert list(parts) == [leaf.name for leaf in bound.parameters]
    assert np.array_equal(bound.flatten(parts), theta)


@pytest.mark.parametrize("name", MODELS)
def test_the_title_source_and_note_say_what_it_is(name):
    model = symopt.models[name]
    assert model.source is not None
    assert model.title
    assert model.note
    assert name in symopt.models


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_the_objective_on_those_samples(name):
    bound = on_data(symopt.models[name])
    theta = np.linspace(-1, 1, bound.dimension)
    chosen = bound.rows([2, 0])
    again = {k: v[[2, 0]] if v.ndim and len(v) == 3 else v for k, v in bound.data.items()}
    open_sizes = {k: v for k, v in bound.sizes.items() if k != "n"}
    assert chosen.value(theta) == symopt.models[name].bind(again, **open_sizes).value(theta)


def test_an_entry_is_found_by_name_and_a_near_miss_is_helped():
    with pytest.raises(
        symopt.UnknownNameError, match=r"no model named 'rigde'[.] Did you mean 'rid"
    ):
        _ = symopt.models.rigde


def test_entries_are_those_of_the_statement():
    model = symopt.models.linear_regression.sized(n=1, d=1)
    leaves = {leaf.name: np.full(leaf.shape, 3, dtype=object) for leaf in model.parameters}
    leaves |= {"X": np.full((1, 1), 2, dtype=object), "y": np.full((1,), 4, dtype=object)}
    assert evaluate({"L": model.loss}, leaves, SYMBOLIC)["L"].item() == (2 * 3 + 3 - 4) ** 2


@pytest.mark.parametrize("name", MODELS)
def test_kernels_agree_with_certified_balls(name):
    """Float64 and float32 lie where a few units in the last place of the terms put them."""
    bound = on_data(symopt.models[name])
    theta = np.random.default_rng(3).integers(-8, 9, bound.dimension) / 8
    balls = bound.gradient(theta, "ball")
    assert all(ball.rel_accuracy_bits() > 100 or ball == 0 for ball in balls)
    exact = np.array([float(ball.mid()) for ball in balls])
    scale = np.abs(exact).max()
    assert np.abs(bound.gradient(theta) - exact).max() <= 2**-46 * scale
    assert np.abs(bound.gradient(theta, "float32") - exact).max() <= 2**-17 * scale
    assert abs(bound.value(theta) - float(bound.value(theta, "ball").mid())) < 1e-13


def test_fractions_where_there_are_no_transcendental_functions():
    bound = symopt.models.ridge.bind(X=[["1/3", 2], [1, 1]], y=[1, 2], lam="1/7")
    assert list(bound.gradient(["1/2", 1, 3], "rational")) == [
        Fraction(254, 63), Fraction(467, 42), Fraction(20, 3)
    ]  # fmt: skip
    with pytest.raises(symopt.InexactError, match="exp has no rational value"):
        on_data(symopt.models.logistic_regression).gradient([1, 1, 1], "rational")
    with pytest.raises(symopt.InputError, match="no arithmetic 'decimal'"):
        bound.value([0, 0, 0], "decimal")
