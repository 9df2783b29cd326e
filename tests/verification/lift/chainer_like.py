"""Update rules in the shape that Chainer gave them. Nothing here knows of symopt.

Written for these tests from the published formulas: a rule has ``hyperparam`` (with a parent that
holds defaults), ``state`` by name, a count ``t``, and changes ``param.data`` by ``param.grad``.
"""

import math

import numpy


class _Hyperparameter:
    """Settings, and where else to look for them."""

    def __init__(self, parent=None):
        self._parent = parent

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._parent, name)

    def get_dict(self):
        known = {} if self._parent is None else self._parent.get_dict()
        known.update((k, v) for k, v in self.__dict__.items() if k != "_parent")
        return known


class _UpdateRule:
    def __init__(self, parent_hyperparam):
        self.state = None
        self.t = 0
        self.enabled = True
        self.hyperparam = _Hyperparameter(parent_hyperparam)

    def init_state(self, param):
        pass

    def update(self, param):
        if not self.enabled:
            return
        self.t += 1
        if self.state is None:
            self.state = {}
            self.init_state(param)
        self.update_core(param)

    def update_core(self, param):
        if param.grad is None:
            return
        self.update_core_cpu(param)


def _defaults(**values):
    made = _Hyperparameter()
    for name, value in values.items():
        setattr(made, name, value)
    return made


_sgd = _defaults(lr=0.01)
_momentum = _defaults(lr=0.01, momentum=0.9)
_adagrad = _defaults(lr=0.001, eps=1e-8)
_rmsprop = _defaults(lr=0.01, alpha=0.99, eps=1e-8, eps_inside_sqrt=False)
_graves = _defaults(lr=1e-4, alpha=0.95, momentum=0.9, eps=1e-4)
_adadelta = _defaults(rho=0.95, eps=1e-6)
_smorms3 = _defaults(lr=0.001, eps=1e-16)
_adam = _defaults(
    alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, eta=1.0, weight_decay_rate=0.0, amsgrad=False
)


class SGDRule(_UpdateRule):
    def __init__(self, parent_hyperparam=None, lr=None):
        super().__init__(parent_hyperparam or _sgd)
        if lr is not None:
            self.hyperparam.lr = lr

    def update_core_cpu(self, param):
        param.data -= self.hyperparam.lr * param.grad


class MomentumSGDRule(_UpdateRule):
    def __init__(self, parent_hyperparam=None, lr=None, momentum=None):
        super().__init__(parent_hyperparam or _momentum)
        if lr is not None:
            self.hyperparam.lr = lr
        if momentum is not None:
            self.hyperparam.momentum = momentum

    def init_state(self, param):
        self.state["v"] = numpy.zeros_like(param.data)

    def update_core_cpu(self, param):
        v = self.state["v"]
        v *= self.hyperparam.momentum
        v -= self.hyperparam.lr * param.grad
        param.data += v


class CorrectedMomentumSGDRule(MomentumSGDRule):
    """The rate is applied to the velocity."""

    def update_core_cpu(self, param):
        v = self.state["v"]
        v *= self.hyperparam.momentum
        v -= param.grad
        param.data += self.hyperparam.lr * v


class NesterovAGRule(MomentumSGDRule):
    def update_core_cpu(self, param):
        v = self.state["v"]
        mu, lr = self.hyperparam.momentum, self.hyperparam.lr
        v *= mu
        v -= lr * param.grad
        param.data += mu * mu * v
        param.data -= (1 + mu) * lr * param.grad


class AdaGradRule(_UpdateRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam or _adagrad)

    def init_state(self, param):
        self.state["h"] = numpy.zeros_like(param.data)

    def update_core_cpu(self, param):
        h = self.state["h"]
        h += param.grad * param.grad
        param.data -= self.hyperparam.lr * param.grad / (numpy.sqrt(h) + self.hyperparam.eps)


class RMSpropRule(_UpdateRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam or _rmsprop)

    def init_state(self, param):
        self.state["ms"] = numpy.zeros_like(param.data)

    def update_core_cpu(self, param):
        hp, ms = self.hyperparam, self.state["ms"]
        ms *= hp.alpha
        ms += (1 - hp.alpha) * param.grad * param.grad
        denominator = numpy.sqrt(ms + hp.eps) if hp.eps_inside_sqrt else numpy.sqrt(ms) + hp.eps
        param.data -= hp.lr * param.grad / denominator


class RMSpropGravesRule(_UpdateRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam or _graves)

    def init_state(self, param):
        for name in ("n", "g", "delta"):
            self.state[name] = numpy.zeros_like(param.data)

    def update_core_cpu(self, param):
        n, g, delta = self.state["n"], self.state["g"], self.state["delta"]
        hp, grad = self.hyperparam, param.grad
        n *= hp.alpha
        n += (1 - hp.alpha) * grad * grad
        g *= hp.alpha
        g += (1 - hp.alpha) * grad
        delta *= hp.momentum
        delta -= hp.lr * grad / numpy.sqrt(n - g * g + hp.eps)
        param.data += delta


class AdaDeltaRule(_UpdateRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam or _adadelta)

    def init_state(self, param):
        self.state["msg"] = numpy.zeros_like(param.data)
        self.state["msdx"] = numpy.zeros_like(param.data)

    def update_core_cpu(self, param):
        grad, hp = param.grad, self.hyperparam
        msg, msdx = self.state["msg"], self.state["msdx"]
        msg *= hp.rho
        msg += (1 - hp.rho) * grad * grad
        dx = numpy.sqrt((msdx + hp.eps) / (msg + hp.eps)) * grad
        msdx *= hp.rho
        msdx += (1 - hp.rho) * dx * dx
        param.data -= dx


class SMORMS3Rule(_UpdateRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam or _smorms3)

    def init_state(self, param):
        self.state["mem"] = numpy.ones_like(param.data)
        self.state["g"] = numpy.zeros_like(param.data)
        self.state["g2"] = numpy.zeros_like(param.data)

    def update_core_cpu(self, param):
        mem, g, g2, grad = self.state["mem"], self.state["g"], self.state["g2"], param.grad
        r = 1 / (mem + 1)
        g = (1 - r) * g + r * grad
        g2 = (1 - r) * g2 + r * grad * grad
        x = g * g / (g2 + self.hyperparam.eps)
        param.data -= (
            grad * numpy.minimum(x, self.hyperparam.lr) / (numpy.sqrt(g2) + self.hyperparam.eps)
        )
        mem = 1 + mem * (1 - x)
        self.state["mem"], self.state["g"], self.state["g2"] = mem, g, g2


def _learning_rate(hp, t):
    if t == 0:
        raise RuntimeError("no step was made")
    fix1 = 1.0 - math.pow(hp.beta1, t)
    fix2 = 1.0 - math.pow(hp.beta2, t)
    return hp.alpha * math.sqrt(fix2) / fix1


class AdamRule(_UpdateRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam or _adam)

    def init_state(self, param):
        self.state["m"] = numpy.zeros_like(param.data)
        self.state["v"] = numpy.zeros_like(param.data)
        if self.hyperparam.amsgrad:
            self.state["vhat"] = numpy.zeros_like(param.data)

    @property
    def alpha_t(self):
        return _learning_rate(self.hyperparam, self.t)

    def update_core_cpu(self, param):
        hp, grad = self.hyperparam, param.grad
        m, v = self.state["m"], self.state["v"]
        m += (1 - hp.beta1) * (grad - m)
        v += (1 - hp.beta2) * (grad * grad - v)
        if hp.amsgrad:
            vhat = self.state["vhat"]
            numpy.maximum(vhat, v, out=vhat)
        else:
            vhat = v
        param.data -= hp.eta * (
            self.alpha_t * m / (numpy.sqrt(vhat) + hp.eps) + hp.weight_decay_rate * param.data
        )


class AMSGradRule(AdamRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam)
        self.hyperparam.amsgrad = True


class AdamWRule(AdamRule):
    def __init__(self, parent_hyperparam=None):
        super().__init__(parent_hyperparam)
        self.hyperparam.weight_decay_rate = 0.01
