"""Whole arrays are screened in seconds, and the screen accepts nothing that balls refute."""

import time
from fractions import Fraction
from operator import add, mul, sub, truediv

import numpy as np
import pytest

import symopt
from symopt.derivation.opaque import opaque_step
from symopt.errors import InputError
from symopt.execution import processors
from symopt.execution.arithmetic import precision
from symopt.program.rewrite import evaluation_forms
from symopt.verification import screen
from symopt.verification.ball_array import BallArray
from symopt.verification.replay import eta_of, profiles
from symopt.verification.rounding import PRECISION, Input, bound_outputs
from symopt.verification.screen import _Job, _part, screen_step

ADAM = {"eta": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
FORMATS = [np.float32, np.float64]


def arrays(count, dtype, seed=0):
    """Parameters, gradients and moments over many magnitudes; some gradients are zero."""
    rng = np.random.default_rng(seed)
    gradient = rng.standard_normal(count) * 10.0 ** rng.uniform(-9, 6, count)
    gradient[rng.random(count) < 0.05] = 0
    point = rng.standard_normal(count) * 10.0 ** rng.uniform(-6, 2, count)
    m = gradient * rng.uniform(-1, 1, count)
    v = gradient**2 * 10.0 ** rng.uniform(-2, 2, count)
    return [array.astype(dtype) for array in (point, gradient, m, v)]


def adam(x, g, m, v, t, inside=False, order="stated"):
    c = x.dtype.type
    c1, c2 = 1 - 0.9**t, 1 - 0.999**t
    m = c(0.9) * m + c(1 - 0.9) * g
    v = c(0.999) * v + c(1 - 0.999) * (g * g)
    if inside:
        return x - c(1e-3) * (m / c(c1)) / np.sqrt(v / c(c2) + c(1e-8))
    if order == "torch":
        return x - c(1e-3 / c1) * m / (np.sqrt(v) / c(c2**0.5) + c(1e-8))
    if order == "folded":
        return x - c(1e-3 * c2**0.5 / c1) * m / (np.sqrt(v) + c(1e-8 * c2**0.5))
    return x - c(1e-3) * (m / c(c1)) / (np.sqrt(v / c(c2)) + c(1e-8))


@pytest.mark.parametrize("order", ["stated", "torch", "folded"])
@pytest.mark.parametrize("dtype", FORMATS)
def test_orders_of_evaluation_are_consistent(dtype, order):
    x, g, m, v = arrays(5000, dtype)
    after = adam(x, g, m, v, 7, order=order)
    result = screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM)
    assert result, str(result)
    assert result.screened + result.decided_by_balls == 5000
    assert 0 < result.eta <= 1


@pytest.mark.parametrize("dtype", FORMATS)
def test_another_rule_is_refuted(dtype):
    x, g, m, v = arrays(5000, dtype)
    after = adam(x, g, m, v, 7, inside=True)
    result = screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM)
    assert result.status == "refuted"
    assert result.observed == float(after[result.index])
    exact = adam(*(array[result.index].astype(np.float64) for array in (x, g, m, v)), 7)
    assert float(result.expected) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("dtype", FORMATS)
def test_one_wrong_element_is_found(dtype):
    x, g, m, v = arrays(5000, dtype)
    after = adam(x, g, m, v, 7)
    right = after[1234]
    after[1234] *= dtype(1.01)
    result = screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM)
    assert (result.status, result.index) == ("refuted", 1234)
    assert float(result.expected) == pytest.approx(float(right), rel=1e-6)


#: Rules with roots, maxima, branches, signs and products, and the state they need.
RULES = [
    "adam", "adam_epsilon_inside", "adamw", "amsgrad_pytorch", "rmsprop", "adagrad", "lion",
    "momentum_pytorch", "adadelta_pytorch", "gradient_descent", "rmsprop_centered_momentum", "yogi",
]  # fmt: skip


DYADIC = {
    "eta": 0.125, "mu": 0.875, "rho": 0.875, "beta1": 0.875, "beta2": 1 - 2.0**-6,
    "epsilon": 2.0**-7, "lamda": 0.125, "beta": 0.75,
}  # fmt: skip


def few_bits(count, dtype, seed):
    """Numbers of few bits, zeros and powers of two: many operations on them are exact."""
    rng = np.random.default_rng(seed)

    def some(low, high):
        return (rng.integers(low, high, count) * 2.0 ** rng.integers(-6, 6, count)).astype(dtype)

    return some(-4, 5), some(-4, 5), some(-4, 5), some(0, 5)


def extremes(count, dtype, seed):
    """Zeros, subnormal numbers, powers of two, and numbers whose squares over- or underflow."""
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    least, most = info.minexp - info.nmant, info.maxexp

    def some():
        ranges = [
            (least, least + 30), (least // 2 - 5, least // 2 + 5), (most // 2 - 4, most // 2 + 2),
            (most - 6, most), (-20, 20), (-20, 20),
        ]  # fmt: skip
        kind = rng.integers(0, len(ranges), count)
        exponent = np.array([rng.integers(*ranges[k]) for k in kind])
        part = np.where(rng.random(count) < 0.2, 1.0, 1 + rng.random(count))
        part[rng.random(count) < 0.15] = 0
        return np.minimum(np.ldexp(part, exponent), float(info.max))

    x, g, m, v = (some() for _ in range(4))
    return [
        array.astype(dtype) for array in (x, *(a * rng.choice([-1, 1], count) for a in (g, m)), v)
    ]


def job_of(name, form, values, x, g, m, v):
    """The job of a step at t = 3, with any state there is."""
    rule = symopt.rules[name]
    step = opaque_step(rule, 1)
    known = {entry.name: float(entry.default) for entry in rule.parameters}
    known |= {key: value for key, value in values.items() if key in known}
    fixed = {key: Fraction(value) for key, value in known.items()}
    job = _Job(rule, step, form, fixed, 3, 10)
    for label, array in (("x", x), ("g", g), ("after", x)):
        job.take(label, array)
    second = {"v", "v_max", "vmax", "v_hat", "s", "u", "delta", "D"}
    state = {slot: (v if slot in second else m) for slot, index in step.slots if index == 0}
    del state["x"]
    job.take_state(state)
    return job


#: How many bounds away from the exact numbers the observed ones are.
AROUND = [0.0, 0.5, 0.9, 0.98, 1.02, 1.1, 2.0]
AT_THE_BOUND = [0.0, 0.99, 0.995, 0.998, 0.999, 1.001, 1.002, 1.005]


def compare(name, form, data, values, seed, distances=AROUND):
    """Etas of the screen and of the balls, at numbers so many bounds from the exact ones."""
    count = len(data[0])
    job = job_of(name, form, values, *data)
    forms = evaluation_forms(job.program, job.step.scalars)
    choose = np.random.default_rng(seed)
    pairs = []
    with np.errstate(all="ignore"), precision(PRECISION):
        for profile in profiles(form, powers=job.step.program.has("pow")):
            _, program = forms[choose.integers(len(forms))]
            bounds, seen = [], []
            for index in range(count):
                inputs = dict(job.constants)
                inputs |= {
                    key: Input(float(array[index])) for key, array in job.arrays.items()
                }  # fmt: skip
                bounds.append(bound_outputs(program, inputs, job.step.scalars, profile)["x", 0])
                radius = float(bounds[-1].radius.mid()) if bounds[-1].radius.is_finite() else 0.0
                away = choose.choice(distances)
                away *= choose.choice([-1, 1])
                seen.append(float((bounds[-1].value + radius * away).mid()))
            # In float32 the observed numbers need not be float32 for this comparison.
            job.arrays["after"] = np.array(seen)
            screened = job._etas(program, np.arange(count), profile)
            balls = [
                eta_of(value, bound) if bound.radius.is_finite() else np.nan
                for value, bound in zip(seen, bounds, strict=True)
            ]
            pairs.append((screened, np.array(balls)))
    return (np.concatenate(part) for part in zip(*pairs, strict=True))


def check_safety(name, form, count, seed):
    dtype = np.dtype(form).type
    usual, exact = arrays(count, dtype, seed), few_bits(count, dtype, seed)
    extreme = extremes(count, dtype, seed)
    for data, values, distances in (
        (usual, {}, AROUND), (usual, {}, AT_THE_BOUND), (exact, DYADIC, AROUND),
        (extreme, {}, AT_THE_BOUND),
    ):  # fmt: skip
        screened, balls = compare(name, form, data, values, seed, distances)
        # The screen's eta is an upper bound of the balls', but for what their own 192 bits round
        # up in an eta of about 0: it accepts nothing that they refute.
        decided = ~np.isnan(screened) & ~np.isnan(balls)
        assert np.all(screened[decided] >= balls[decided] - 2.0**-150)
        accepted = screened <= 1
        assert not np.any(balls[accepted] > 1)
        if data is not exact:  # dyadic steps round nothing
            assert np.any(balls > 1)
        if data is usual:  # and it is sharp enough to leave little to them
            assert np.mean(accepted) > 0.9 * np.mean(balls < 0.999)


@pytest.mark.parametrize("form", ["float32", "float64"])
@pytest.mark.parametrize("name", RULES)
def test_what_balls_refute_the_screen_never_accepts(name, form):
    check_safety(name, form, 60, 1)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["float32", "float64"])
@pytest.mark.parametrize("name", RULES)
def test_what_balls_refute_the_screen_never_accepts_on_many(name, form):
    check_safety(name, form, 750, 2)


def test_the_first_step_starts_from_the_state_of_the_rule():
    x, g, _, _ = arrays(2000, np.float64)
    zero = np.zeros_like(x)
    assert screen_step("adam", x, g, adam(x, g, zero, zero, 1), **ADAM)
    with pytest.raises(InputError, match="as it was before step 2"):
        screen_step("adam", x, g, x, t=2, **ADAM)


def test_what_is_not_a_number_is_not_consistent():
    x, g, m, v = arrays(100, np.float64)
    after = adam(x, g, m, v, 7)
    after[5] = np.nan
    result = screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM)
    assert (result.status, result.index) == ("refuted", 5)
    g[7] = np.inf
    with np.errstate(invalid="ignore"):
        after = adam(x, g, m, v, 7)
    assert not screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM)


def test_what_cannot_be_screened_is_named():
    x = np.ones(4)
    with pytest.raises(InputError, match="no state 'u'"):
        screen_step("adam", x, x, x, {"u": x})
    with pytest.raises(InputError, match="has 3 elements"):
        screen_step("adam", x, x[:3], x)
    with pytest.raises(InputError, match="not all numbers are float32"):
        screen_step("adam", x / 3, x, x, dtype="float32")
    with pytest.raises(InputError, match="mixes coordinates"):
        screen_step("lamb", x, x, x)


@pytest.mark.parametrize("reference", [np.float64, np.longdouble])
def test_balls_of_arrays_hold_the_exact_results(reference):
    """Sums that cancel, to zero also, and numbers that float64 has not."""
    rng = np.random.default_rng(3)
    some = rng.standard_normal(300) * 2.0 ** rng.integers(-500, 500, 300)
    other = np.where(rng.random(300) < 0.5, some, rng.standard_normal(300))
    other *= rng.choice([1.0, -1.0, 1 + 2.0**-50], 300)
    some[::7] = 0.0
    numbers = [[Fraction(float(n)) for n in part] for part in (some, other)]
    a, b = (BallArray(part.astype(reference), np.zeros(300)) for part in (some, other))
    twice = a * b
    for made, exact in (
        (a + b, lambda p, q: p + q),
        (a - b, lambda p, q: p - q),
        (twice + a, lambda p, q: p * q + p),
        (twice - a * b, lambda p, q: Fraction(0)),
        ((twice + a) / b - (b * b).root(), lambda p, q: (p * q + p) / q - abs(q)),
    ):
        for index, (p, q) in enumerate(zip(*numbers, strict=True)):
            off = abs(exact_number(made.middle[index]) - exact(p, q))
            assert off <= Fraction(float(made.radius[index])), (index, p, q)
        size = np.abs(some) * (1 + np.abs(other)) + np.abs(other) + 1
        assert np.all(made.radius <= 1e-14 * size)
    assert np.all((a + b).radius[a.zero] == 0)
    assert np.all((a - a).radius == 0)


def test_balls_of_arrays_hold_the_results_of_all_that_they_hold():
    """At both ends of every operand; a root, by the squares of the ends of its ball."""
    rng = np.random.default_rng(4)
    middles = rng.standard_normal((2, 200)) * 2.0 ** rng.integers(-60, 60, (2, 200))
    radii = np.abs(middles) * rng.choice([0.0, 2.0**-40, 2.0**-8, 0.4], (2, 200))
    a, b = (BallArray(*pair) for pair in zip(middles, radii, strict=True))
    roots = abs(a).root()
    for index in range(200):
        ends = [
            [Fraction(float(m)) + sign * Fraction(float(r)) for sign in (-1, 1)]
            for m, r in zip(middles[:, index], radii[:, index], strict=True)
        ]
        for make in (add, sub, mul, truediv):
            made = make(a, b).at(np.array([index]))
            center, radius = (Fraction(float(n[0])) for n in (made.middle, made.radius))
            assert all(abs(make(p, q) - center) <= radius for p in ends[0] for q in ends[1])
        center, radius = (Fraction(float(n[index])) for n in (roots.middle, roots.radius))
        for end in ends[0]:
            assert max(center - radius, 0) ** 2 <= abs(end) <= (center + radius) ** 2
        for ball, numbers in zip((a, b), ends, strict=True):
            assert Fraction(float(ball.above_zero[index])) <= min(abs(n) for n in numbers)


def test_midpoints_that_are_shortened_stay_in_their_balls():
    rng = np.random.default_rng(5)
    wide = rng.standard_normal(200).astype(np.longdouble) / np.longdouble(3)
    short = BallArray(wide, 0.0).short
    off = [
        abs(exact_number(w) - Fraction(float(s))) for w, s in zip(wide, short.middle, strict=True)
    ]
    assert any(off)
    assert all(o <= Fraction(float(r)) for o, r in zip(off, short.radius, strict=True))


def test_a_part_of_the_bound_has_the_least_slope():
    slope = BallArray(np.array([-4.0, 1.0, np.nan]), np.array([1.0, 2.0, 0.0]))
    parts = _part(slope, 8.0)
    assert 23.999 < parts[0] <= 24
    assert list(parts[1:]) == [0, 0]


@pytest.mark.parametrize(("bits", "fit"), [(52, False), (63, True), (105, False), (112, True)])
def test_float64_needs_numbers_that_are_longer_and_rounded_as_ieee_says(monkeypatch, bits, fit):
    """No longdouble beyond float64 (52), and pairs of float64 (105), are refused."""
    x = np.linspace(-1, 1, 50)
    monkeypatch.setattr(screen, "EXTENDED_BITS", bits)
    assert screen_step("gradient_descent", *(a.astype("f4") for a in (x, x, x * 0)), eta=1.0)
    if fit:
        assert screen_step("gradient_descent", x, x, x * 0, eta=1.0)
    else:
        with pytest.raises(InputError, match="float64 arrays cannot be screened"):
            screen_step("gradient_descent", x, x, x * 0, eta=1.0)


def exact_number(value):
    """A number of any binary format as a fraction."""
    high = float(value)
    return Fraction(high) + Fraction(float(value - type(value)(high)))


def test_a_product_below_float64_is_not_zero():
    tiny = BallArray(np.array([2.0**-600], np.longdouble), 0.0)
    product = tiny * tiny
    assert product.size[0] == 0
    assert not product.zero[0]


def test_threads_change_nothing(monkeypatch):
    x, g, m, v = arrays(5000, np.float64)
    after = adam(x, g, m, v, 7, order="torch")
    monkeypatch.setattr(screen, "BLOCK", 1000)
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(processors, "usable", lambda threads=threads: threads)
        found.append(screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM))
    assert found[0]
    assert found[0] == found[1] == found[2]


def test_a_failure_on_a_thread_is_the_callers(monkeypatch):
    monkeypatch.setattr(processors, "usable", lambda: 2)
    with pytest.raises(ZeroDivisionError), np.errstate(all="raise"):
        processors.side_by_side(lambda part: 1 // part, [1, 0, 2, 3])
    with pytest.raises(FloatingPointError), np.errstate(all="raise"):
        processors.side_by_side(lambda part: np.float64(1) / part, [1.0, 0.0])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", FORMATS)
def test_a_million_elements_take_seconds(dtype):
    x, g, m, v = arrays(10**6, dtype)
    after = adam(x, g, m, v, 7, order="torch")
    began = time.perf_counter()
    assert screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM)
    assert time.perf_counter() - began < 30


@pytest.mark.frameworks
@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(
    "way",
    ["loop", *(pytest.param(way, marks=pytest.mark.study) for way in ("foreach", "fused"))],
)
def test_adam_of_torch_on_a_million_elements(name, way):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    form = getattr(torch, name)
    x = torch.randn(10**6, dtype=form).requires_grad_()
    options = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
    optimizer = torch.optim.Adam([x], lr=1e-3, betas=(0.9, 0.999), eps=1e-8, **options[way])
    state = {}
    for t in (1, 2):
        x.grad = torch.randn(10**6, dtype=form) * 10 ** (torch.rand(10**6, dtype=form) * 6 - 5)
        before, gradient, memory = x.detach().clone(), x.grad.clone(), state
        optimizer.step()
        result = screen_step("adam", before, gradient, x, state, t=t, **ADAM)
        assert result, str(result)
        kept = optimizer.state[x]
        state = {"m": kept["exp_avg"].clone(), "v": kept["exp_avg_sq"].clone()}
    wrong = screen_step("adam_epsilon_inside", before, gradient, x, memory, t=2, **ADAM)
    # With scalars in bfloat16, 1 - beta2^2 may be 0: nothing is bounded then.
    assert wrong.status == ("undecided" if name == "bfloat16" else "refuted"), str(wrong)
