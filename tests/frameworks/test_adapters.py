"""Framework optimizers as implementations: what is driven, recorded, recognized and refused."""

import functools
import importlib.util
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from symopt import Implementation, InputError, MissingExtraError, verify
from symopt.verification.adapters import recognized, required
from symopt.verification.implementation import ImplementationError, to_format

pytestmark = pytest.mark.frameworks


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def optax():
    return pytest.importorskip("optax")


# -- PyTorch -----------------------------------------------------------------------------------
def test_torch_is_driven_with_our_gradients_and_reports_its_points(torch):
    code = Implementation.from_torch(lambda own: torch.optim.SGD(own, lr=0.125, momentum=0.5))
    seen = code.observe([1.0, -2.0], [[2.0, 4.0], [8.0, 0.0]])
    assert seen.points.tolist() == [[1, -2], [0.75, -2.5], [-0.375, -2.75]]
    assert [question.point.tolist() for question in seen.questions] == [[1, -2], [0.75, -2.5]]
    assert seen.state["b"].tolist() == [[2, 4], [9, 2]]


@pytest.mark.parametrize(
    ("name", "settings", "names"),
    [
        ("Adam", {"amsgrad": True}, {"m", "v", "v_max"}),
        ("RMSprop", {"momentum": 0.5, "centered": True}, {"v", "g_bar", "b"}),
        ("Adadelta", {}, {"E", "D"}),
        ("Adagrad", {}, {"G"}),
        ("Adamax", {}, {"m", "u"}),
        ("NAdam", {}, {"m", "v", "Pi"}),
    ],
)
def test_torchs_hidden_state_is_seen_under_the_rules_names(torch, name, settings, names):
    code = Implementation.from_torch(lambda own: getattr(torch.optim, name)(own, **settings))
    seen = code.observe([1.0, 2.0], [[1.0, 2.0]] * 3)
    assert set(seen.state) == names
    assert all(len(rows) == 3 for rows in seen.state.values())


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_torch_follows_adam_in_every_dtype(torch, dtype):
    code = Implementation.from_torch(lambda own: torch.optim.Adam(own, lr=0.1), dtype)
    verdict = verify(code, "adam", eta=0.1)
    assert verdict.status in ("consistent", "proved")
    assert verdict.profile.startswith(dtype)
    assert verify(code, "adam_epsilon_inside", eta=0.1).status == "refuted"


def test_points_in_bfloat16_are_bfloat16_numbers(torch):
    code = Implementation.from_torch(lambda own: torch.optim.Adam(own, lr=0.1), "bfloat16")
    seen = code.observe([0.1, 3.0], [[0.3, 0.7]] * 4)
    assert np.array_equal(to_format(seen.points, "bfloat16"), seen.points)
    answers = np.array([question.answer for question in seen.questions])
    assert np.array_equal(to_format(answers, "bfloat16"), answers)


def test_our_rounding_to_bfloat16_is_torchs(torch):
    values = np.random.default_rng(1).standard_normal(4000).astype(np.float32)
    values = np.concatenate([values, values * 1e-39, [np.inf, -np.inf, 3.4e38, 0.0, 1.00390625]])
    values = values.astype(np.float32)
    theirs = torch.tensor(values).to(torch.bfloat16).float().numpy()
    assert np.array_equal(to_format(values, "bfloat16"), theirs)


def test_nadams_single_precision_product_is_a_profile_and_is_said(torch):
    assert torch.get_default_dtype() == torch.float32
    code = Implementation.from_torch(lambda own: torch.optim.NAdam(own, lr=0.1))
    verdict = verify(code, "nadam", eta=0.1)
    assert verdict.status in ("consistent", "proved")
    assert verdict.profile == "float64, scalar state in float32"
    assert any("default dtype" in text for text in verdict.assumed)
    assert verify(code, "nadam_keras", eta=0.1).status == "refuted"


def test_nadam_with_the_default_dtype_in_double_needs_no_such_profile(torch):
    torch.set_default_dtype(torch.float64)
    try:
        code = Implementation.from_torch(lambda own: torch.optim.NAdam(own, lr=0.1))
        verdict = verify(code, "nadam", eta=0.1)
    finally:
        torch.set_default_dtype(torch.float32)
    assert verdict
    assert verdict.profile == "float64"


def test_only_what_keeps_scalars_in_single_precision_is_granted_it(torch):
    """A learning rate off by 1e-9 is no rounding to float32 unless the code is known to round."""
    code = Implementation.from_torch(lambda own: torch.optim.Adam(own, lr=0.1 * (1 + 1e-9)))
    assert verify(code, "adam", eta=0.1).status == "refuted"


def test_a_maker_that_fails_or_returns_something_else_is_named(torch):
    with pytest.raises(ImplementationError, match=r"could not be made: ValueError.*lr|learning"):
        Implementation.from_torch(lambda own: torch.optim.Adam(own, lr=-1.0))
    with pytest.raises(InputError, match="returned int"):
        Implementation.from_torch(lambda own: 3)
    with pytest.raises(InputError, match="float16"):
        Implementation.from_torch(torch.optim.Adam, "float16")


def test_a_torch_optimizer_that_needs_a_closure_is_undecided_and_quoted(torch):
    verdict = verify(torch.optim.LBFGS, "gradient_descent")
    assert verdict.status == "undecided"
    assert "closure" in verdict.reason


# -- recognized by their type -----------------------------------------------------------------
def test_a_torch_class_partial_and_instance_are_recognized(torch):
    parameter = torch.nn.Parameter(torch.zeros(3, dtype=torch.float32))
    given = [
        functools.partial(torch.optim.AdamW, lr=0.1, weight_decay=0.1),
        torch.optim.AdamW([parameter], lr=0.1, weight_decay=0.1),
    ]
    for one in given:
        assert verify(one, "adamw", eta=0.1, lamda=0.1).status in ("consistent", "proved")
        assert verify(one, "adamw", eta=0.1, lamda=0.2).status == "refuted"
    assert recognized(given[1]).format == "float32"
    assert parameter.tolist() == [0, 0, 0]
    assert verify(torch.optim.Adagrad, "adagrad").status in ("consistent", "proved")


def test_a_gradient_transformation_is_recognized(optax):
    assert verify(optax.adam(0.1), "adam", eta=0.1).status in ("consistent", "proved")
    chain = optax.chain(optax.trace(0.9), optax.scale(-0.1))
    assert verify(chain, "momentum_buffer", eta=0.1, mu=0.9).status in ("consistent", "proved")


def test_scikit_learns_classes_and_instances_are_recognized():
    module = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    given = [module.SGDOptimizer, module.SGDOptimizer([np.zeros(2)], learning_rate_init=0.1)]
    for one in given:
        assert verify(one, "nesterov_keras", eta=0.1).status in ("consistent", "proved")
        assert verify(one, "nesterov_new_velocity", eta=0.1).status == "refuted"


def test_other_objects_are_left_to_the_other_constructors():
    assert recognized(lambda params: None) is None
    assert recognized(3) is None


# -- optax -------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_optax_follows_momentum_in_every_dtype(optax, dtype):
    code = Implementation.from_optax(lambda: optax.sgd(0.1, momentum=0.9), dtype)
    verdict = verify(code, "momentum_buffer", eta=0.1, mu=0.9)
    assert verdict.status in ("consistent", "proved")
    assert verdict.profile.startswith(dtype)
    assert verify(code, "momentum_ema", eta=0.1).status == "refuted"


def test_optaxs_hidden_state_is_seen_inside_chains(optax):
    seen = Implementation.from_optax(optax.adam(0.1)).observe([1.0], [[0.5]] * 2)
    assert seen.state["m"] == pytest.approx(np.array([[0.05], [0.095]]))
    assert seen.state["v"].shape == (2, 1)


def test_jax_keeps_its_own_setting_of_64_bits(optax):
    import jax

    before = jax.config.jax_enable_x64
    Implementation.from_optax(optax.adam(0.1)).observe([1.0], [[0.5]])
    assert jax.config.jax_enable_x64 == before


def test_powers_that_jax_multiplies_are_a_profile_of_their_own(optax):
    """XLA squares and multiplies for whole exponents; RAdam's rho_6 - 4 magnifies the roundings."""
    code = Implementation.from_optax(optax.radam(0.1, b2=0.999))
    verdict = verify(code, "radam_optax", eta=0.1, beta2=0.999)
    assert verdict.status in ("consistent", "proved")
    assert verdict.profile == "float64, powers by multiplication"


def test_something_else_than_a_transformation_is_refused(optax):
    with pytest.raises(InputError, match="was given int"):
        Implementation.from_optax(3)
    with pytest.raises(InputError, match="float16"):
        Implementation.from_optax(optax.sgd(0.1), "float16")


# -- scikit-learn ------------------------------------------------------------------------------
def test_scikit_learn_is_driven_and_its_velocity_seen():
    module = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    make = functools.partial(
        module.SGDOptimizer, learning_rate_init=0.125, momentum=0.5, nesterov=False
    )
    seen = Implementation.from_sklearn(make).observe([1.0], [[2.0], [8.0]])
    assert seen.points.tolist() == [[1], [0.75], [-0.375]]
    assert seen.state["v"].tolist() == [[-0.25], [-1.125]]


# -- Keras, whose backend is chosen once per process -------------------------------------------
KERAS = """
import keras, symopt
from symopt import Implementation, verify
assert keras.config.floatx() == "float32"
make = lambda: keras.optimizers.Adam(0.1, epsilon=1e-7)
for dtype in ("float64", "float32"):
    code = Implementation.from_keras(make, dtype)
    verdict = verify(code, "adam_epsilon_hat", eta=0.1, epsilon=1e-7)
    assert verdict.status in ("consistent", "proved"), verdict
    assert verdict.profile.startswith(dtype)
    assert any("{backend}" in text for text in verdict.assumed)
    assert verify(code, "adam", eta=0.1, epsilon=1e-7).status == "refuted"
assert keras.config.floatx() == "float32"
verdict = verify(make(), "adam_epsilon_hat", eta=0.1, epsilon=1e-7)
assert verdict.status in ("consistent", "proved"), verdict
assert verdict.profile == "float64, hyperparameters rounded to float32"
try:
    Implementation.from_keras(3)
except symopt.InputError as error:
    assert "was given int" in str(error)
else:
    raise AssertionError("3 was taken")
print("done")
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_keras_follows_the_folded_adam_on(backend):
    # Keras is not imported here: it would choose a backend for this process.
    if not all(importlib.util.find_spec(name) for name in ("keras", backend)):
        pytest.skip(f"needs keras and {backend}")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KERAS.replace("{backend}", backend))],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr


# -- what is not installed ---------------------------------------------------------------------
def test_a_missing_package_names_the_extra():
    with pytest.raises(MissingExtraError, match=r"pip install 'symopt\[torch\]'"):
        required("no_such_module_anywhere", "PyTorch", "torch")
    blocked = (
        "import sys; sys.modules['torch'] = None\n"
        "import symopt\n"
        "try:\n    symopt.Implementation.from_torch(lambda own: own)\n"
        "except symopt.MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", blocked], capture_output=True, text=True, check=True, timeout=120
    )
    assert "symopt[torch]" in done.stdout


def test_symopt_imports_no_framework():
    code = (
        "import sys, symopt; symopt.verify; symopt.Implementation\n"
        "import symopt.verification.audit\n"
        "print(sorted({'torch', 'jax', 'optax', 'sklearn', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
