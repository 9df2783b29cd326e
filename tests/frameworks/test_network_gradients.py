"""The network's backward pass against torch autograd: the rounding bound decides, no tolerance."""

import itertools

import numpy as np
import pytest

import symopt
from symopt.verification.array.limits import ULPS

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")

ACTIVATIONS = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}


def trained(sizes, activations, samples, dtype, seed=0, scale=1.0):
    """A torch network, its data, and what autograd gives, in this package's layout."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    X = torch.tensor(rng.random((samples, sizes[0])) * scale, dtype=dtype)
    y = torch.tensor(rng.integers(0, sizes[-1], samples))
    layers = []
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        layers += [
            torch.nn.Linear(inputs, outputs),
            *(ACTIVATIONS[a]() for a in activations[i : i + 1]),
        ]
    net = torch.nn.Sequential(*layers).to(dtype)
    loss = torch.nn.functional.cross_entropy(net(X), y)
    loss.backward()
    linear = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    theta, gradient = {}, {}
    for i, layer in enumerate(linear, start=1):
        theta[f"W{i}"], theta[f"b{i}"] = (
            layer.weight.detach().numpy().T,
            layer.bias.detach().numpy(),
        )
        gradient[f"W{i}"], gradient[f"b{i}"] = layer.weight.grad.numpy().T, layer.bias.grad.numpy()
    bound = symopt.network(sizes, activations).bind(X=X.numpy(), y=y.numpy())
    return bound, theta, gradient, loss.item()


CASES = [
    pytest.param((20, 13, 8, 3), ("relu", "sigmoid"), 500, id="N2"),
    pytest.param((784, 256, 10), ("relu",), 128, id="784-256-10"),
    pytest.param((5, 7, 4), ("tanh",), 33, id="tanh"),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("sizes", "activations", "samples"), CASES)
def test_autograd_lies_within_the_rounding_bound(sizes, activations, samples, dtype):
    bound, theta, gradient, loss = trained(sizes, activations, samples, dtype)
    check = symopt.check_gradient(bound, theta, gradient, loss)
    assert check.status == "consistent", str(check)
    assert check.format == str(dtype).removeprefix("torch.")
    assert set(check.parts) == {"L", *gradient}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-3, 30.0])
def test_badly_scaled_data_are_consistent_too(scale, dtype):
    bound, theta, gradient, loss = trained(
        (20, 13, 8, 3), ("relu", "sigmoid"), 100, dtype, seed=3, scale=scale
    )
    assert symopt.check_gradient(bound, theta, gradient, loss), scale


def _broken(theta, gradient, bound):
    """Gradients with one mistake each, made of the right one."""
    yield "half", {**gradient, "W3": gradient["W3"] / 2}
    yield "sign", {**gradient, "b2": -gradient["b2"]}
    yield "sum for mean", {name: part * 500 for name, part in gradient.items()}
    yield "another bias", {**gradient, "b3": gradient["b3"][::-1].copy()}
    nudged = gradient["W2"].copy()
    nudged[0, 0] *= 1 + np.float32(2e-3)
    yield "one entry by 0.2 percent", {**gradient, "W2": nudged}
    lost = {**gradient, "W1": gradient["W1"].copy()}
    lost["W1"][0] = 0
    yield "a feature forgotten", lost
    broken = gradient["W1"].copy()
    broken[3, 4] = np.nan
    yield "nan", {**gradient, "W1": broken}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mistaken_gradient_is_refuted(dtype):
    bound, theta, gradient, _ = trained((20, 13, 8, 3), ("relu", "sigmoid"), 500, dtype)
    for what, wrong in _broken(theta, gradient, bound):
        check = symopt.check_gradient(bound, theta, wrong)
        assert check.status == "refuted", what
        assert check.eta > 1
    loss = bound.value(theta)
    assert (
        symopt.check_gradient(bound, theta, value=loss * 1.001, form=str(dtype)[6:]).status
        == "refuted"
    )


@pytest.mark.parametrize("name", list(symopt.models))
@pytest.mark.parametrize("form", ["float32", "float64"])
def test_every_model_is_consistent_with_its_own_kernel(name, form):
    """NumPy's kernels in either format, on data of which float32 rounds most."""
    from symopt.execution.array.kernel import array_kernel

    rng = np.random.default_rng(5)
    model = symopt.models[name]
    sizes = {"n": 40, "d": 6, "h": 5, "h1": 5, "h2": 4, "K": 3}
    small = model.sized(**{size: sizes[size] for size in model.sizes})
    given = {}
    for leaf in small.data:
        kind = rng.integers(0, 3, leaf.shape) if leaf.op == "labels" else rng.random(leaf.shape)
        given[leaf.name] = kind
    bound = small.bind(given)
    theta = rng.standard_normal(bound.dimension).astype(np.float32)
    kernel = array_kernel(bound, np.dtype(form).type)
    check = symopt.check_gradient(
        bound, theta.astype(np.float64), kernel.gradient_at(theta), kernel.value_at(theta), form
    )
    assert check.status == "consistent", str(check)


def test_the_assumed_accuracy_of_functions_holds_of_the_libraries_at_hand():
    """float32 against float64, whose own error is a thousandth of a float32 ulp."""
    rng = np.random.default_rng(0)
    u = np.concatenate([rng.uniform(-30, 30, 200_000), rng.normal(0, 1e-3, 50_000)])
    u = u.astype(np.float32)
    for name in ("exp", "log", "tanh", "log1p"):
        at = np.abs(u) + np.float32(1e-20) if name in ("log", "log1p") else u
        exact = getattr(np, name)(at.astype(np.float64))
        for library in (np, torch):
            got = getattr(library, name)(at if library is np else torch.tensor(at))
            apart = np.abs(np.asarray(got, dtype=np.float64) - exact)
            assert (apart / np.spacing(np.abs(exact).astype(np.float32))).max() <= ULPS, name


def torch_run(fit, dtype, steps):
    """What torch.optim.SGD makes of N2's fit, in this package's layout, after each step."""
    bound, start = fit.on.objective, fit.on.start()
    data = fit.on.data()
    start = {**{name: data[name] for name in data if name[0] in "Wb"}, **start}
    X, y = torch.tensor(data["X"], dtype=dtype), torch.tensor(data["y"])
    parts = {
        name: torch.tensor(part, dtype=dtype, requires_grad=True) for name, part in start.items()
    }
    moved = [parts[name] for name in bound.slices]
    settings = {name: float(value) for name, value in fit.hyperparameters.items()}
    optimizer = torch.optim.SGD(moved, lr=settings["eta"], momentum=settings.get("mu", 0.0))
    made = []
    for _ in range(steps):
        optimizer.zero_grad()
        a1 = torch.relu(X @ parts["W1"] + parts["b1"])
        a2 = torch.sigmoid(a1 @ parts["W2"] + parts["b2"])
        torch.nn.functional.cross_entropy(a2 @ parts["W3"] + parts["b3"], y).backward()
        gradient = {name: part.grad.numpy().copy() for name, part in parts.items()}
        theta = {name: part.detach().numpy().copy() for name, part in parts.items()}
        made.append((theta, gradient))
        optimizer.step()
    return bound, made, [part.detach().numpy().copy() for part in moved]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_gradient_along_torchs_run_b_of_n2_lies_within_its_bound(dtype):
    fit = symopt.systems.N2.fit("B, momentum")
    bound, made, _ = torch_run(fit, dtype, 12)
    for step, (theta, gradient) in enumerate(made):
        check = symopt.check_gradient(bound, theta, gradient)
        assert check.status == "consistent", f"step {step}: {check}"


@pytest.mark.parametrize("label", ["A, one plain step", "B, momentum", "B, velocity form"])
def test_n2_is_what_torch_optim_does(label):
    """Both runs of the note, in float64, beside torch.optim.SGD itself."""
    fit = symopt.systems.N2.fit(label)
    steps = min(fit.steps, 20)
    bound, _, moved = torch_run(fit, torch.float64, steps)
    ours = symopt.run(fit.rule, bound, fit.on.start(), steps, **fit.hyperparameters).x[-1]
    assert ours == pytest.approx(
        np.concatenate([part.ravel() for part in moved]), rel=1e-11, abs=1e-13
    )
