"""Optimizers that no audit table reaches, as installed, against their statements and a rival.

What lives in ``optax.contrib``, what needs an argument that is not a number, and what a framework
computes partly in single precision, so that only single precision can be held to the statement.
"""

import importlib

import numpy as np
import pytest

from symopt import Implementation, verify

pytestmark = pytest.mark.frameworks

ADAM = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 0.01}
DECAYED = {**ADAM, "lamda": 0.1}
_CODE = {"b1": 0.9, "b2": 0.99, "eps": 0.01}

#: Function of optax.contrib, its arguments, rule, hyperparameters, and a rule that it is not.
CONTRIBUTED = [
    ("acprop", (0.1,), {**_CODE, "eps_root": 0.02}, "acprop", {**ADAM, "epsilon_root": 0.02},
     "adabelief_optax"),
    ("ademamix", (0.1,), {**_CODE, "b3": 0.999, "alpha": 5.0, "weight_decay": 0.1}, "ademamix",
     {**DECAYED, "beta3": 0.999, "alpha": 5.0}, "adamw_optax"),
    ("simplified_ademamix", (0.1,),
     {**_CODE, "alpha": 2.0, "eps_root": 0.02, "weight_decay": 0.1}, "ademamix_simplified",
     {**DECAYED, "alpha": 2.0, "epsilon_root": 0.02}, "adamw_optax"),
    ("adopt", (0.1,), _CODE, "adopt", ADAM, "adopt_unclipped"),
    ("adopt", (0.1,), {**_CODE, "use_clipping": False}, "adopt_unclipped", ADAM, "adopt"),
    ("adopt", (0.1,), {**_CODE, "nesterov": True}, "adopt_nesterov", ADAM, "adopt"),
    ("dog", (1.0, ("distance", 0.1)), {"eps": 0.01}, "dog",
     {"eta": 1.0, "r_epsilon": 0.1, "epsilon": 0.01}, "dowg"),
    ("dowg", (1.0,), {"eps": 0.01}, "dowg_optax", {"eta": 1.0, "epsilon": 0.01}, "dog"),
    ("schedule_free_sgd", (0.1,), {"b1": 0.9}, "schedule_free_sgd", {"eta": 0.1, "beta": 0.9},
     "momentum_ema"),
    ("schedule_free_adamw", (0.1,), {**_CODE, "weight_decay": 0.1}, "schedule_free_adamw", DECAYED,
     "schedule_free_adamw_keras_decayed"),
    ("prodigy", (1.0, (0.9, 0.99)), {"eps": 0.01, "estim_lr0": 0.1, "weight_decay": 0.1},
     "prodigy", {**DECAYED, "eta": 1.0, "d0": 0.1}, "d_adaptation_adam"),
    ("dadapt_adamw", (1.0, (0.9, 0.99)), {"eps": 0.01, "estim_lr0": 0.1, "weight_decay": 0.1},
     "d_adaptation_adam", {**DECAYED, "eta": 1.0, "d0": 0.1}, "prodigy"),
]  # fmt: skip

#: Transformation of optax, its arguments, rule and hyperparameters besides eta, and a rival.
CHAINED = [
    ("clip", (0.5,), "gradient_descent_clipped_coordinates", {"delta": 0.5},
     "gradient_descent_clipped"),
    ("clip_by_block_rms", (0.5,), "gradient_descent_clipped_rms", {"delta": 0.5},
     "gradient_descent_clipped"),
    ("clip_by_global_norm", (0.5,), "gradient_descent_clipped", {"delta": 0.5},
     "gradient_descent_clipped_pytorch"),
    ("adaptive_grad_clip", (0.1,), "gradient_descent_clipped_relative",
     {"delta": 0.1, "epsilon": 1e-3}, "gradient_descent_clipped"),
    ("normalize_by_update_norm", (1.0, 0.01), "gradient_descent_normalized", {"epsilon": 0.01},
     "sign_descent"),
    ("scale_by_param_block_norm", (0.01,), "gradient_descent_relative_norm", {"epsilon": 0.01},
     "gradient_descent_relative_rms"),
    ("scale_by_param_block_rms", (0.01,), "gradient_descent_relative_rms", {"epsilon": 0.01},
     "gradient_descent_relative_norm"),
    ("ema", (0.9,), "momentum_ema_corrected", {"beta": 0.9}, "momentum_ema"),
]  # fmt: skip


def shared(rule, hyper):
    """Those of the hyperparameters that a rule has."""
    import symopt

    known = {entry.name for entry in symopt.rules[rule].parameters}
    return {name: value for name, value in hyper.items() if name in known}


def holds(code, rule, hyper, rival):
    found = verify(code, rule, **hyper)
    assert found, found.reason
    assert verify(code, rival, **shared(rival, hyper)).status == "refuted"


def named(row):
    return f"{row[0]}-{row[3] if len(row) == 6 else row[2]}"


@pytest.mark.parametrize(
    ("name", "arguments", "settings", "rule", "hyper", "rival"),
    CONTRIBUTED,
    ids=map(named, CONTRIBUTED),
)
def test_what_is_contributed_to_optax_is_its_rule(name, arguments, settings, rule, hyper, rival):
    contrib = pytest.importorskip("optax.contrib")
    make = getattr(contrib, name)
    holds(Implementation.from_optax(lambda: make(*arguments, **settings)), rule, hyper, rival)


@pytest.mark.parametrize(
    ("name", "arguments", "rule", "hyper", "rival"), CHAINED, ids=map(named, CHAINED)
)
def test_a_transformation_before_a_gradient_step(name, arguments, rule, hyper, rival):
    optax = pytest.importorskip("optax")
    make = getattr(optax, name)
    code = Implementation.from_optax(lambda: optax.chain(make(*arguments), optax.scale(-0.1)))
    holds(code, rule, {"eta": 0.1, **hyper}, rival)


def test_optax_keeps_what_was_projected_nonnegative():
    optax = pytest.importorskip("optax")
    code = Implementation.from_optax(
        lambda: optax.chain(optax.sgd(0.1), optax.keep_params_nonnegative())
    )
    holds(code, "gradient_descent_nonnegative", {"eta": 0.1}, "gradient_descent")


def test_sophia_of_optax_with_squared_gradients_uses_them_one_step_late():
    optax = pytest.importorskip("optax")
    contrib = pytest.importorskip("optax.contrib")
    jax = pytest.importorskip("jax")
    squares = optax.GradientTransformation(
        lambda params: (), lambda g, state, params=None: (jax.tree.map(lambda a: a * a, g), state)
    )
    code = Implementation.from_optax(
        lambda: contrib.sophia(
            0.1, 0.9, 0.99, 1e-8, 0.1, gamma=0.5, update_interval=1, hessian_diagonal_fn=squares
        )
    )
    hyper = {**DECAYED, "epsilon": 1e-8, "gamma": 0.5}
    holds(code, "sophia_optax", hyper, "sophia")


def test_the_second_optimistic_adam_scales_both_parts():
    optax = pytest.importorskip("optax")
    code = Implementation.from_optax(
        lambda: optax.optimistic_adam_v2(0.1, alpha=0.9, beta=0.8, **_CODE)
    )
    holds(code, "optimistic_adam_v2", {**ADAM, "alpha": 0.9, "omega": 0.8}, "optimistic_adam_optax")


def test_optimistic_adam_with_its_optimism():
    optax = pytest.importorskip("optax")
    with pytest.warns(DeprecationWarning, match="optimistic_adam_v2"):
        code = Implementation.from_optax(optax.optimistic_adam(0.1, optimism=0.05, **_CODE))
    holds(code, "optimistic_adam_optax", {**ADAM, "omega": 0.05}, "nadam_optax")


# What a framework computes in single precision, whatever the parameters are


def test_madgrad_of_optax_in_single_precision():
    """The root of its integer counter is a float32."""
    contrib = pytest.importorskip("optax.contrib")
    code = Implementation.from_optax(
        lambda: contrib.madgrad(0.125, momentum=0.875, eps=2.0**-7), "float32"
    )
    holds(code, "madgrad_optax", {"eta": 0.125, "mu": 0.875, "epsilon": 2.0**-7}, "madgrad")


def test_asgd_of_pytorch_in_single_precision():
    """Its learning rate is a float32 tensor."""
    torch = pytest.importorskip("torch")
    code = Implementation.from_torch(
        lambda params: torch.optim.ASGD(params, lr=0.125, lambd=0.125, alpha=0.75, t0=2.0),
        "float32",
    )
    hyper = {"eta": 0.125, "lamda": 0.125, "alpha": 0.75, "t0": 2.0}
    holds(code, "asgd", hyper, "gradient_descent_l2")


def test_muon_of_optax_on_one_column():
    optax = pytest.importorskip("optax")
    contrib = pytest.importorskip("optax.contrib")
    jax = pytest.importorskip("jax")
    numpy = jax.numpy

    def column():
        inner = contrib.muon(0.1, beta=0.9, eps=1e-3, weight_decay=0.1)

        def init(params):
            return inner.init(params[:, None])

        def update(gradient, state, params):
            step, state = inner.update(gradient[:, None], state, params[:, None])
            return numpy.reshape(step, params.shape), state

        return optax.GradientTransformation(init, update)

    code = Implementation.from_optax(column)
    hyper = {"eta": 0.1, "beta": 0.9, "epsilon": 1e-3, "lamda": 0.1}
    holds(code, "muon_optax", hyper, "muon")


@pytest.mark.parametrize("shape", [(1, -1), (-1, 1)])
def test_muon_of_tinygrad_on_one_row_or_column(shape):
    tiny = pytest.importorskip("tinygrad")
    optim = importlib.import_module("tinygrad.nn.optim")

    def drive(x0, oracle, steps):
        with tiny.helpers.Context(TRAINING=1, DEV="PYTHON"):
            parameter = tiny.Tensor(x0.reshape(shape), device="PYTHON").realize()
            optimizer = optim.Muon([parameter], lr=0.125, momentum=0.875, weight_decay=0.125)
            points = [parameter.numpy().reshape(-1).copy()]
            for _ in range(steps):
                gradient = np.reshape(oracle(points[-1]), shape)
                parameter.grad = tiny.Tensor(gradient, device="PYTHON").realize()
                optimizer.step()
                points.append(parameter.numpy().reshape(-1).copy())
        return points

    code = Implementation("tinygrad Muon", drive, np.float32)
    hyper = {"eta": 0.125, "mu": 0.875, "lamda": 0.125, "epsilon": 1e-7}
    holds(code, "muon_tinygrad", hyper, "momentum_buffer")
