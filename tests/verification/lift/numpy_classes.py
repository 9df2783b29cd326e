"""Optimizer classes in the shapes that people write. Nothing here knows of symopt."""

import math

import numpy as np


class SGD:
    """Dictionaries of parameters, as in many course notes."""

    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for key in params.keys():
            params[key] -= self.lr * grads[key]


class Momentum:
    """State made at the first call."""

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        if self.v is None:
            self.v = {}
            for key, val in params.items():
                self.v[key] = np.zeros_like(val)
        for key in params.keys():
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


class Nesterov:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        if self.v is None:
            self.v = {}
            for key, val in params.items():
                self.v[key] = np.zeros_like(val)
        for key in params.keys():
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]
            params[key] += self.momentum * self.momentum * self.v[key]
            params[key] -= (1 + self.momentum) * self.lr * grads[key]


class AdaGrad:
    def __init__(self, lr=0.01):
        self.lr = lr
        self.h = None

    def update(self, params, grads):
        if self.h is None:
            self.h = {}
            for key, val in params.items():
                self.h[key] = np.zeros_like(val)
        for key in params.keys():
            self.h[key] += grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


class RMSprop:
    def __init__(self, lr=0.01, decay_rate=0.99):
        self.lr = lr
        self.decay_rate = decay_rate
        self.h = None

    def update(self, params, grads):
        if self.h is None:
            self.h = {}
            for key, val in params.items():
                self.h[key] = np.zeros_like(val)
        for key in params.keys():
            self.h[key] *= self.decay_rate
            self.h[key] += (1 - self.decay_rate) * grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


class Adam:
    """Folded learning rate, lerp form."""

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m = None
        self.v = None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = {}, {}
            for key, val in params.items():
                self.m[key] = np.zeros_like(val)
                self.v[key] = np.zeros_like(val)
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for key in params.keys():
            self.m[key] += (1 - self.beta1) * (grads[key] - self.m[key])
            self.v[key] += (1 - self.beta2) * (grads[key] ** 2 - self.v[key])
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) + 1e-7)


class AdamHat:
    """Bias-corrected averages by name."""

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.learning_rate = learning_rate
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.t = 0
        self.m = self.v = 0

    def update(self, w, grad):
        self.t += 1
        self.m = self.beta_1 * self.m + (1 - self.beta_1) * grad
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * np.power(grad, 2)
        m_hat = self.m / (1 - self.beta_1**self.t)
        v_hat = self.v / (1 - self.beta_2**self.t)
        return w - self.learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


class AMSGrad:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        self.params = params
        self.lr, self.betas, self.eps = lr, betas, eps
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        self.v_max = [np.zeros_like(p) for p in params]

    def step(self, grads):
        b1, b2 = self.betas
        for i, (p, g) in enumerate(zip(self.params, grads)):
            self.m[i] = b1 * self.m[i] + (1 - b1) * g
            self.v[i] = b2 * self.v[i] + (1 - b2) * g * g
            self.v_max[i] = np.maximum(self.v_max[i], self.v[i])
            p -= self.lr * self.m[i] / (np.sqrt(self.v_max[i]) + self.eps)


class AdaMax:
    def __init__(self, lr=0.002, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.beta1_t = 1.0
        self.m, self.u = 0.0, 0.0

    def step(self, x, g):
        self.beta1_t *= self.beta1
        self.m = self.beta1 * self.m + (1.0 - self.beta1) * g
        self.u = np.maximum(self.beta2 * self.u, np.abs(g))
        return x - self.lr / (1.0 - self.beta1_t) * self.m / self.u


class AdamW:
    """Decoupled decay that is off by default."""

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.weight_decay = weight_decay
        self.state = {}

    def step(self, params, grads):
        for name, p in params.items():
            if name not in self.state:
                self.state[name] = {"t": 0, "m": np.zeros_like(p), "v": np.zeros_like(p)}
            s = self.state[name]
            s["t"] += 1
            if self.weight_decay != 0:
                p *= 1 - self.lr * self.weight_decay
            g = grads[name]
            s["m"] = self.beta1 * s["m"] + (1 - self.beta1) * g
            s["v"] = self.beta2 * s["v"] + (1 - self.beta2) * g**2
            denom = np.sqrt(s["v"]) / math.sqrt(1 - self.beta2 ** s["t"]) + self.eps
            p -= self.lr / (1 - self.beta1 ** s["t"]) * s["m"] / denom


class AdaDelta:
    def __init__(self, rho=0.95, eps=1e-6):
        self.rho, self.eps = rho, eps
        self.E_g2 = None
        self.E_dx2 = None

    def update(self, params, grads):
        if self.E_g2 is None:
            self.E_g2 = [np.zeros(p.shape) for p in params]
            self.E_dx2 = [np.zeros(p.shape) for p in params]
        for i in range(len(params)):
            self.E_g2[i] = self.rho * self.E_g2[i] + (1 - self.rho) * grads[i] ** 2
            delta = -np.sqrt(self.E_dx2[i] + self.eps) / np.sqrt(self.E_g2[i] + self.eps) * grads[i]
            self.E_dx2[i] = self.rho * self.E_dx2[i] + (1 - self.rho) * delta**2
            params[i] += delta


class ClippedSGD:
    """Clipping by the norm of the whole gradient."""

    def __init__(self, lr=0.1, max_norm=1.0):
        self.lr, self.max_norm = lr, max_norm

    def update(self, params, grads):
        norm = np.linalg.norm(grads)
        if norm > self.max_norm:
            grads = grads * self.max_norm / norm
        return params - self.lr * grads


class TorchLike:
    """First momentum is the first gradient, as in torch."""

    def __init__(self, lr=0.1, momentum=0.9, dampening=0.1, nesterov=False):
        self.lr, self.momentum, self.dampening = lr, momentum, dampening
        self.nesterov = nesterov
        self.buf = None

    def step(self, x, grad):
        if self.buf is None:
            self.buf = grad.copy()
        else:
            self.buf = self.momentum * self.buf + (1 - self.dampening) * grad
        d = grad + self.momentum * self.buf if self.nesterov else self.buf
        x -= self.lr * d


class Lion:
    def __init__(self, lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.01):
        self.lr, self.beta1, self.beta2, self.weight_decay = lr, beta1, beta2, weight_decay
        self.m = None

    def __call__(self, w, g):
        if self.m is None:
            self.m = np.zeros_like(w)
        c = self.beta1 * self.m + (1 - self.beta1) * g
        w = w - self.lr * (np.sign(c) + self.weight_decay * w)
        self.m = self.beta2 * self.m + (1 - self.beta2) * g
        return w


class Rprop:
    def __init__(self, eta_plus=1.2, eta_minus=0.5, delta0=0.1, delta_max=50.0, delta_min=1e-6):
        self.eta_plus, self.eta_minus = eta_plus, eta_minus
        self.delta0, self.delta_max, self.delta_min = delta0, delta_max, delta_min
        self.prev = None

    def update(self, w, g):
        if self.prev is None:
            self.prev = np.zeros_like(w)
            self.delta = np.full_like(w, self.delta0)
        sign = np.sign(g * self.prev)
        grow = np.minimum(self.delta * self.eta_plus, self.delta_max)
        shrink = np.maximum(self.delta * self.eta_minus, self.delta_min)
        self.delta = np.where(sign > 0, grow, np.where(sign < 0, shrink, self.delta))
        self.prev = np.where(sign < 0, 0.0, g)
        return w - np.sign(self.prev) * self.delta


class LayerAdam:
    """A layer with weights and their gradients, and a decaying rate."""

    def __init__(self, learning_rate=0.001, decay=0.0, epsilon=1e-7, beta_1=0.9, beta_2=0.999):
        self.learning_rate = learning_rate
        self.current_learning_rate = learning_rate
        self.decay = decay
        self.iterations = 0
        self.epsilon = epsilon
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def pre_update_params(self):
        if self.decay:
            self.current_learning_rate = self.learning_rate * (
                1.0 / (1.0 + self.decay * self.iterations)
            )

    def update_params(self, layer):
        if not hasattr(layer, "weight_cache"):
            layer.weight_momentums = np.zeros_like(layer.weights)
            layer.weight_cache = np.zeros_like(layer.weights)
            layer.bias_momentums = np.zeros_like(layer.biases)
            layer.bias_cache = np.zeros_like(layer.biases)
        layer.weight_momentums = (
            self.beta_1 * layer.weight_momentums + (1 - self.beta_1) * layer.dweights
        )
        layer.bias_momentums = (
            self.beta_1 * layer.bias_momentums + (1 - self.beta_1) * layer.dbiases
        )
        weight_momentums_corrected = layer.weight_momentums / (
            1 - self.beta_1 ** (self.iterations + 1)
        )
        bias_momentums_corrected = layer.bias_momentums / (1 - self.beta_1 ** (self.iterations + 1))
        layer.weight_cache = (
            self.beta_2 * layer.weight_cache + (1 - self.beta_2) * layer.dweights**2
        )
        layer.bias_cache = self.beta_2 * layer.bias_cache + (1 - self.beta_2) * layer.dbiases**2
        weight_cache_corrected = layer.weight_cache / (1 - self.beta_2 ** (self.iterations + 1))
        bias_cache_corrected = layer.bias_cache / (1 - self.beta_2 ** (self.iterations + 1))
        layer.weights += (
            -self.current_learning_rate
            * weight_momentums_corrected
            / (np.sqrt(weight_cache_corrected) + self.epsilon)
        )
        layer.biases += (
            -self.current_learning_rate
            * bias_momentums_corrected
            / (np.sqrt(bias_cache_corrected) + self.epsilon)
        )

    def post_update_params(self):
        self.iterations += 1


class Optimizer:
    """A base class with parameters as objects."""

    def __init__(self, params, lr=0.01):
        self.params = list(params)
        self.lr = lr


class DataMomentum(Optimizer):
    def __init__(self, params, lr=0.01, momentum=0.9):
        super().__init__(params, lr)
        self.momentum = momentum
        self.velocity = {id(p): np.zeros_like(p.data) for p in self.params}

    def step(self):
        for p in self.params:
            v = self.velocity[id(p)]
            v *= self.momentum
            v += p.grad
            p.data -= self.lr * v


class KerasLike:
    def __init__(self, learning_rate=0.01, rho=0.9, epsilon=1e-7):
        self.learning_rate, self.rho, self.epsilon = learning_rate, rho, epsilon
        self.cache = {}

    def apply_gradients(self, grads_and_vars):
        for i, (grad, var) in enumerate(grads_and_vars):
            avg = self.cache.get(i, 0.0)
            avg = self.rho * avg + (1.0 - self.rho) * np.square(grad)
            self.cache[i] = avg
            var -= self.learning_rate * grad / (np.sqrt(avg) + self.epsilon)


class AveragedSGD:
    def __init__(self, lr=0.1, power=0.75):
        self.lr, self.power = lr, power
        self.k = 0
        self.z = None

    def step(self, w, g):
        if self.z is None:
            self.z = w.copy()
        self.k += 1
        self.z = self.z - self.lr * self.k ** (-self.power) * g
        return w + (self.z - w) / self.k


class TrustRatio:
    """A step scaled by the norms of weight and update."""

    def __init__(self, lr=0.01, trust_coefficient=0.001, weight_decay=1e-4):
        self.lr, self.trust_coefficient = lr, trust_coefficient
        self.weight_decay = weight_decay

    def update(self, w, g):
        g = g + self.weight_decay * w
        w_norm = np.sqrt(np.sum(w**2))
        g_norm = np.sqrt(np.sum(g**2))
        return w - self.lr * self.trust_coefficient * w_norm / (g_norm + 1e-9) * g


class Centralized:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, w, g):
        return w - self.lr * (g - g.mean())


class ValueClip:
    def __init__(self, lr=0.01, clip=0.5):
        self.lr, self.clip = lr, clip

    def update(self, w, g):
        w -= self.lr * np.clip(g, -self.clip, self.clip)
