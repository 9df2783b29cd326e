"""The network at full size for one step: kernels within certified balls of every entry."""

import numpy as np
import pytest

import symopt
from symopt.execution.array.kernel import array_kernel
from symopt.verification.digits import bounds

pytestmark = pytest.mark.slow


def test_the_gradient_of_n2_lies_within_its_bounds_of_certified_balls():
    """softmax, exp and log in balls: what the float64 value and its bound claim is true."""
    fit = symopt.systems.N2.fit("B, momentum")
    bound, start = fit.on.objective, fit.on.start()
    made = symopt.run("gradient_descent", bound, start, 1, "ball", eta="1/10")
    balls = made.gradients[0]
    for form, kernel_dtype in (("float64", np.float64), ("float32", np.float32)):
        kernel = array_kernel(bound, kernel_dtype)
        theta = bound.flatten(start).astype(kernel_dtype)
        got = kernel.gradient_at(theta)
        found = symopt.enclose_gradient(bound, start, form)
        value = np.concatenate([found[name].value.ravel() for name in bound.slices])
        own = np.concatenate([found[name].own.ravel() for name in bound.slices])
        error = np.concatenate([found[name].error.ravel() for name in bound.slices])
        for ball, computed, middle, radius, admitted in zip(
            balls, got, value, own, error, strict=True
        ):
            low, high = map(float, bounds(ball))
            assert abs(low - middle) <= radius + 1e-30
            assert abs(high - middle) <= radius + 1e-30
            assert abs(float(computed) - low) <= admitted + 1e-30
    half = symopt.check_gradient(bound, start, got / 2)
    assert half.status == "refuted"
