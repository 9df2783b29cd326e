"""Frameworks, run here and now, against the rules that they follow and those they do not.

Every row runs one framework's optimizer in float64 with its own automatic differentiation, and the
stated rule with the same binary64 hyperparameters, on Beale's function from (1, 1.5) and on the
parabola w^2/2. The framework must agree with its rule and with no rival.

The bound. A framework evaluates the same formulas in another order (m + (1 - beta)(g - m) for
beta m + (1 - beta) g, sqrt(v) / sqrt(c) for sqrt(v / c), coefficients multiplied beforehand): a
few roundings of 1.1e-16 a step, seen as up to 6e-16 of the point. Twelve steps add them up, and on
Beale's function they are no contractions, so early roundings grow. RAdam loses to cancellation:
half a unit of beta2^6 is 4e-11 of its rho_6 - 4, so 1e-11 of a step of 0.002. All of that stays
below 1e-12 of the point (the largest seen is 1.5e-13, RAdam's). A rival that differs in substance
parts from the framework by 1e-9 or more, three orders above: epsilon is 0.01, so that its place
shows even where gradients are near 100.
"""

import math

import numpy as np
import pytest

import symopt

pytestmark = pytest.mark.frameworks

AGREE = 1e-12
DIFFER = 1e-9
STEPS = 12
BEALE = symopt.Objective(
    "(3/2 - x + x*y)**2 + (9/4 - x + x*y**2)**2 + (21/8 - x + x*y**3)**2", variables="x y"
)
HALF_SQUARE = symopt.Objective("w**2/2", variables="w")
PROBLEMS = {"beale": (BEALE, [1.0, 1.5], 1e-3), "parabola": (HALF_SQUARE, [1.0], 0.1)}


def beale(p):
    x, y = p[0], p[1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def half_square(p):
    return 0.5 * p[0] * p[0]


FUNCTIONS = {"beale": beale, "parabola": half_square}


def stated(rule, problem, hyper):
    """The rule's points, with the learning rate that belongs to the problem."""
    objective, start, rate = PROBLEMS[problem]
    rule = symopt.rules.resolve(rule)
    names = {entry.name for entry in rule.parameters}
    given = {"eta": rate, **hyper}
    given = {name: value for name, value in given.items() if name in names}
    return symopt.run(rule, objective, start, STEPS, **given).x


def distance(left, right):
    return float(np.max(np.abs(left - right) / np.abs(right)))


def judge(points, rule, rivals, problem, hyper):
    assert points.dtype == np.float64
    assert points.shape == (STEPS + 1, len(PROBLEMS[problem][1]))
    assert distance(points, stated(rule, problem, hyper)) < AGREE
    for rival in rivals:
        apart = distance(points, stated(rival, problem, hyper))
        assert apart > DIFFER, f"{rival} cannot be told apart: {apart}"


def table(rows):
    problems = [pytest.param(problem, row, id=f"{row[0]}-{problem}") for row in rows
                for problem in PROBLEMS]  # fmt: skip
    return pytest.mark.parametrize(("problem", "row"), problems)


E = 0.01
B2 = {"beta1": 0.9, "beta2": 0.999, "epsilon": E}

# rule, the framework's optimizer as (name, arguments besides the rate), hyperparameters, rivals
TORCH = [
    ("gradient_descent", ("SGD", {}), {}, []),
    ("gradient_descent_l2", ("SGD", {"weight_decay": 0.1}), {"lamda": 0.1},
     ["gradient_descent", "gradient_descent_unscaled_decay"]),
    ("momentum_pytorch", ("SGD", {"momentum": 0.9}), {"mu": 0.9}, ["momentum_ema", "nesterov"]),
    ("momentum", ("SGD", {"momentum": 0.9}), {"mu": 0.9}, []),
    ("heavy_ball", ("SGD", {"momentum": 0.9}), {"mu": 0.9}, []),
    ("momentum_pytorch", ("SGD", {"momentum": 0.9, "dampening": 0.5}), {"mu": 0.9, "tau": 0.5},
     ["momentum_dampening_documented", "momentum"]),
    ("momentum_pytorch_l2", ("SGD", {"momentum": 0.9, "weight_decay": 0.1}),
     {"mu": 0.9, "lamda": 0.1}, ["sgdw_timm", "sgdw", "sgdw_constant_decay"]),
    ("nesterov_pytorch", ("SGD", {"momentum": 0.9, "nesterov": True}), {"mu": 0.9},
     ["nesterov", "nesterov_new_velocity", "nesterov_full_velocity", "momentum"]),
    ("nesterov_bengio", ("SGD", {"momentum": 0.9, "nesterov": True}), {"mu": 0.9}, []),
    ("adagrad", ("Adagrad", {"eps": E}), {"epsilon": E},
     ["adagrad_epsilon_inside", "adagrad_without_epsilon", "adagrad_keras"]),
    ("adagrad_pytorch", ("Adagrad", {"eps": E, "lr_decay": 0.1}), {"epsilon": E, "kappa": 0.1},
     ["adagrad"]),
    ("adadelta_pytorch", ("Adadelta", {"rho": 0.9, "eps": E}), {"rho": 0.9, "epsilon": E},
     ["adadelta_scaled_accumulator", "adadelta_new_accumulator", "adadelta"]),
    ("rmsprop", ("RMSprop", {"alpha": 0.9, "eps": E}), {"rho": 0.9, "epsilon": E},
     ["rmsprop_epsilon_inside", "rmsprop_autograd", "rmsprop_tensorflow", "rmsprop_centered"]),
    ("rmsprop_centered", ("RMSprop", {"alpha": 0.9, "eps": E, "centered": True}),
     {"rho": 0.9, "epsilon": E}, ["rmsprop", "rmsprop_centered_epsilon_inside"]),
    ("rmsprop_momentum", ("RMSprop", {"alpha": 0.9, "eps": E, "momentum": 0.5}),
     {"rho": 0.9, "epsilon": E, "mu": 0.5}, ["rmsprop", "rmsprop_momentum_inside"]),
    ("rmsprop_centered_momentum",
     ("RMSprop", {"alpha": 0.9, "eps": E, "centered": True, "momentum": 0.5}),
     {"rho": 0.9, "epsilon": E, "mu": 0.5}, ["rmsprop_centered", "rmsprop_graves"]),
    ("adam", ("Adam", {"eps": E}), B2,
     ["adam_epsilon_inside", "adam_epsilon_hat", "adam_epsilon_minus", "adam_uncorrected"]),
    ("adam_l2", ("Adam", {"eps": E, "weight_decay": 0.1}), {**B2, "lamda": 0.1},
     ["adam", "adamw", "adamw_decay_after"]),
    ("adamw", ("AdamW", {"eps": E, "weight_decay": 0.1}), {**B2, "lamda": 0.1},
     ["adam_l2", "adamw_decay_after", "adamw_paper", "adamw_chainer", "adamw_constant_decay"]),
    ("amsgrad_pytorch", ("Adam", {"eps": E, "amsgrad": True, "betas": (0.9, 0.5)}),
     {**B2, "beta2": 0.5}, ["amsgrad", "amsgrad_optax", "amsgrad_keras"]),
    ("nadam", ("NAdam", {"eps": E}), B2,
     ["nadam_keras", "nadam_optax", "nadam_timm", "nadam_dozat", "adam"]),
    ("radam_pytorch", ("RAdam", {"eps": E}), B2,
     ["radam", "radam_epsilon", "radam_optax", "radam_waiting"]),
    ("adamax_pytorch", ("Adamax", {"eps": E}), B2, ["adamax", "adamax_keras", "adamax_paddle"]),
]  # fmt: skip


@pytest.fixture
def torch():
    """PyTorch, float64 throughout: NAdam keeps its product of momenta in the default dtype."""
    module = pytest.importorskip("torch")
    before = module.get_default_dtype()
    module.set_default_dtype(module.float64)
    yield module
    module.set_default_dtype(before)


def torch_points(torch, problem, make, adjust=None):
    _, start, _ = PROBLEMS[problem]
    parameter = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = make([parameter])
    points = [parameter.detach().numpy().copy()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        FUNCTIONS[problem](parameter).backward()
        if adjust is not None:
            adjust(parameter)
        optimizer.step()
        points.append(parameter.detach().numpy().copy())
    return np.array(points)


@table(TORCH)
def test_pytorch_follows(torch, problem, row):
    rule, (name, arguments), hyper, rivals = row
    rate = PROBLEMS[problem][2]
    points = torch_points(
        torch, problem, lambda own: getattr(torch.optim, name)(own, lr=rate, **arguments)
    )
    judge(points, rule, rivals, problem, hyper)


def test_pytorchs_nadam_keeps_single_precision_unless_told_otherwise():
    torch = pytest.importorskip("torch")
    assert torch.get_default_dtype() == torch.float32
    points = torch_points(torch, "parabola", lambda own: torch.optim.NAdam(own, lr=0.1, eps=E))
    apart = distance(points, stated("nadam", "parabola", B2))
    assert AGREE < apart < 1e-6


@pytest.mark.parametrize(
    ("rule", "kind", "rival"),
    [
        ("gradient_descent_clipped_pytorch", 2.0, "gradient_descent_clipped_largest"),
        ("gradient_descent_clipped_largest", math.inf, "gradient_descent_clipped_pytorch"),
    ],
)
def test_pytorch_clips(torch, rule, kind, rival):
    def clip(parameter):
        torch.nn.utils.clip_grad_norm_([parameter], 5.0, norm_type=kind)

    points = torch_points(torch, "beale", lambda own: torch.optim.SGD(own, lr=1e-3), adjust=clip)
    judge(points, rule, [rival, "gradient_descent"], "beale", {"delta": 5.0})


def optax_rows():
    return [
        ("gradient_descent", lambda o, lr: o.sgd(lr), {}, []),
        ("momentum_buffer", lambda o, lr: o.sgd(lr, momentum=0.9), {"mu": 0.9}, ["nesterov"]),
        ("nesterov_buffer", lambda o, lr: o.sgd(lr, momentum=0.9, nesterov=True), {"mu": 0.9},
         ["nesterov", "nesterov_new_velocity", "nesterov_full_velocity"]),
        ("momentum_ema", lambda o, lr: o.chain(o.ema(0.9, debias=False), o.scale(-lr)),
         {"beta": 0.9}, ["momentum"]),
        ("adagrad_optax", lambda o, lr: o.adagrad(lr, eps=E), {"epsilon": E},
         ["adagrad", "adagrad_epsilon_inside", "adagrad_tensorflow"]),
        ("adagrad_epsilon_inside",
         lambda o, lr: o.adagrad(lr, initial_accumulator_value=0.0, eps=E), {"epsilon": E},
         ["adagrad"]),
        ("adadelta_pytorch", lambda o, lr: o.adadelta(lr, rho=0.9, eps=E),
         {"rho": 0.9, "epsilon": E}, ["adadelta_scaled_accumulator", "adadelta_new_accumulator"]),
        ("rmsprop_epsilon_inside", lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E),
         {"rho": 0.9, "epsilon": E}, ["rmsprop", "rmsprop_tensorflow"]),
        ("rmsprop", lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, eps_in_sqrt=False),
         {"rho": 0.9, "epsilon": E}, ["rmsprop_epsilon_inside"]),
        ("rmsprop_tensorflow", lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, initial_scale=1.0),
         {"rho": 0.9, "epsilon": E}, ["rmsprop_epsilon_inside", "rmsprop_autograd"]),
        ("rmsprop_tensorflow_centered",
         lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, initial_scale=1.0, centered=True),
         {"rho": 0.9, "epsilon": E}, ["rmsprop_centered_epsilon_inside"]),
        ("rmsprop_autograd",
         lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, initial_scale=1.0, eps_in_sqrt=False),
         {"rho": 0.9, "epsilon": E}, ["rmsprop", "rmsprop_tensorflow"]),
        ("rmsprop_bias_corrected",
         lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, bias_correction=True),
         {"rho": 0.9, "epsilon": E}, ["rmsprop_epsilon_inside"]),
        ("rmsprop_centered_epsilon_inside",
         lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, centered=True),
         {"rho": 0.9, "epsilon": E}, ["rmsprop_centered", "rmsprop_epsilon_inside"]),
        ("rmsprop_momentum_inside", lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, momentum=0.5),
         {"rho": 0.9, "epsilon": E, "mu": 0.5}, ["rmsprop_momentum", "rmsprop_graves"]),
        ("rmsprop_graves",
         lambda o, lr: o.rmsprop(lr, decay=0.9, eps=E, momentum=0.5, centered=True),
         {"rho": 0.9, "epsilon": E, "mu": 0.5}, ["rmsprop_centered_momentum"]),
        ("adam", lambda o, lr: o.adam(lr, eps=E), B2, ["adam_epsilon_inside", "adam_epsilon_hat"]),
        ("adam_epsilon_inside", lambda o, lr: o.adam(lr, eps=0.0, eps_root=E), B2, ["adam"]),
        ("adam_eps_root", lambda o, lr: o.adam(lr, eps=E, eps_root=0.02),
         {**B2, "epsilon_root": 0.02}, ["adam", "adam_epsilon_inside"]),
        ("adamw_optax", lambda o, lr: o.adamw(lr, eps=E, weight_decay=0.1),
         {**B2, "lamda": 0.1}, ["adam_l2", "adamw_decay_after", "adamw_paper"]),
        ("amsgrad_optax", lambda o, lr: o.amsgrad(lr, b2=0.5, eps=E), {**B2, "beta2": 0.5},
         ["amsgrad_pytorch", "amsgrad_optax_raw_second_moment"]),
        ("amsgrad_optax_raw_second_moment",
         lambda o, lr: o.chain(
             o.scale_by_amsgrad(b2=0.5, eps=E, bias_correction_nu=False), o.scale(-lr)),
         {**B2, "beta2": 0.5}, ["amsgrad_optax", "amsgrad_pytorch"]),
        ("amsgrad_optax_uncorrected",
         lambda o, lr: o.chain(
             o.scale_by_amsgrad(
                 b2=0.5, eps=E, bias_correction_mu=False, bias_correction_nu=False),
             o.scale(-lr)),
         {**B2, "beta2": 0.5}, ["amsgrad", "amsgrad_optax_raw_second_moment"]),
        ("nadam_optax", lambda o, lr: o.nadam(lr, eps=E), B2,
         ["nadam", "nadam_keras", "nadam_timm", "nadam_dozat"]),
        ("radam_optax", lambda o, lr: o.radam(lr, eps=E), B2, ["radam_pytorch", "radam_waiting"]),
        ("adamax_pytorch", lambda o, lr: o.adamax(lr, eps=E), B2,
         ["adamax_keras", "adamax_paddle"]),
        ("lion", lambda o, lr: o.lion(lr, b1=0.9, b2=0.99, weight_decay=0.1),
         {"beta1": 0.9, "beta2": 0.99, "lamda": 0.1}, ["lion_l2"]),
        ("yogi_optax", lambda o, lr: o.yogi(lr, eps=E), B2,
         ["yogi", "yogi_tensorflow_addons", "yogi_squared_sign"]),
        ("adabelief_optax", lambda o, lr: o.adabelief(lr, eps=E, eps_root=0.02),
         {**B2, "epsilon_root": 0.02}, ["adabelief", "adam"]),
        ("lamb", lambda o, lr: o.lamb(lr, eps=E, weight_decay=0.1), {**B2, "lamda": 0.1},
         ["lamb_keras", "adamw"]),
    ]  # fmt: skip


@pytest.fixture
def optax():
    """Optax on JAX with 64 bits."""
    jax = pytest.importorskip("jax")
    module = pytest.importorskip("optax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield module
    jax.config.update("jax_enable_x64", before)


@table(optax_rows())
def test_optax_follows(optax, problem, row):
    import jax
    import jax.numpy as jnp

    rule, make, hyper, rivals = row
    _, start, rate = PROBLEMS[problem]
    transform = make(optax, rate)
    point = jnp.array(start, dtype=jnp.float64)
    state = transform.init(point)
    gradient = jax.grad(FUNCTIONS[problem])
    points = [np.asarray(point)]
    for _ in range(STEPS):
        updates, state = transform.update(gradient(point), state, point)
        point = optax.apply_updates(point, updates)
        points.append(np.asarray(point))
    judge(np.array(points), rule, rivals, problem, hyper)


SKLEARN = [
    ("momentum", ("SGDOptimizer", {"momentum": 0.9, "nesterov": False}), {"mu": 0.9},
     ["momentum_ema", "nesterov_keras"]),
    ("nesterov_keras", ("SGDOptimizer", {"momentum": 0.9, "nesterov": True}), {"mu": 0.9},
     ["nesterov", "nesterov_new_velocity", "nesterov_full_velocity", "momentum"]),
    ("adam_epsilon_hat", ("AdamOptimizer", {"epsilon": E}), B2,
     ["adam", "adam_epsilon_inside", "adam_epsilon_minus"]),
]  # fmt: skip


@table(SKLEARN)
def test_scikit_learn_follows(problem, row):
    module = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    rule, (name, arguments), hyper, rivals = row
    _, start, rate = PROBLEMS[problem]
    point = np.array(start)
    optimizer = getattr(module, name)([point], learning_rate_init=rate, **arguments)
    points = [point.copy()]
    for _ in range(STEPS):
        optimizer.update_params([point], [slope(problem, point)])
        points.append(point.copy())
    judge(np.array(points), rule, rivals, problem, hyper)


def slope(problem, point):
    """The gradient by hand: scikit-learn brings none of its own."""
    if problem == "parabola":
        return point.copy()
    x, y = point
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return np.array(
        [
            2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1),
            2 * a * x + 4 * b * x * y + 6 * c * x * y**2,
        ]
    )
