"""What the arguments of people's code are, by their names and defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from symopt.errors import LiftError
from symopt.statement.numbers import exact
from symopt.verification.target import CONFIGURATION_NAMES, STEP_NAMES

__all__ = ["COUNTS", "Configuration", "Settings", "is_setting", "role", "settings_of", "typical"]

PARAMETERS = frozenset({
    "params", "param", "parameters", "parameter", "p", "x", "w", "W", "theta", "weights", "weight",
    "vars", "variables", "point", "theta_t", "x_t", "w_t", "values", "var",
})  # fmt: skip
GRADIENTS = frozenset({
    "grads", "grad", "g", "gradients", "gradient", "dw", "dx", "dW", "dtheta", "dparams", "grad_w",
    "g_t", "d_w", "grad_x", "nabla", "gradient_vector", "grad_values", "dp",
})  # fmt: skip
TIMES = frozenset({
    "t", "step", "iteration", "iter", "it", "i", "k", "timestep", "n_step", "step_num", "epoch",
})  # fmt: skip
#: What people call the number of steps, where it cannot be anything else.
COUNTS = frozenset(
    {*STEP_NAMES, "num_iters", "max_iters", "num_iterations", "max_iterations", "iters", "maxit",
     "max_steps", "nsteps", "niter", "n_iterations", "num_epochs", "iter_num", "N", "K", "nb_iter",
     "max_iteration", "n_epoch", "num_iter"}
) - {"n", "T"}  # fmt: skip
#: Settings that people give, with the values that stand in where code has no default.
_TYPICAL: dict[str, str] = {
    **dict.fromkeys(["lr", "learning_rate", "learn_rate", "alpha", "eta", "step_size", "stepsize",
                     "gamma_lr", "learningrate", "lrate", "step_length", "initial_lr"], "0.01"),
    **dict.fromkeys(["momentum", "mu", "mass", "beta", "rho", "gamma", "decay_rate", "nu",
                     "beta1", "b1", "beta_1", "decay", "rho_1", "friction"], "0.9"),
    **dict.fromkeys(["beta2", "b2", "beta_2", "beta3", "rho_2"], "0.999"),
    **dict.fromkeys(["eps", "epsilon", "fuzz", "delta", "stabilizer"], "1e-8"),
    **dict.fromkeys(["weight_decay", "wd", "lamda", "lambda_", "lambd", "lmbda", "l2", "reg",
                     "l2_reg", "l1", "decay_coef"], "0.01"),
    **dict.fromkeys(["clip", "clip_norm", "max_norm", "clipnorm", "clip_value", "clipvalue",
                     "threshold", "max_grad_norm", "grad_clip"], "1"),
    **dict.fromkeys(["dampening", "tau", "lr_decay", "learning_rate_decay", "tol", "tolerance",
                     "nesterov_mu", "trust", "trust_coefficient"], "0.1"),
}  # fmt: skip


def role(name: str) -> str:
    """``parameter``, ``gradient``, ``time`` or nothing, by what an argument is called."""
    if name in PARAMETERS:
        return "parameter"
    if name in GRADIENTS:
        return "gradient"
    return "time" if name in TIMES else ""


def is_setting(name: str) -> bool:
    """Whether people call a hyperparameter so."""
    return name.lower() in _TYPICAL


def typical(name: str) -> Fraction | None:
    """The value that stands in for a setting of this name where code has no default."""
    text = _TYPICAL.get(name.lower())
    return None if text is None else Fraction(text)


@dataclass
class Settings:
    """The settings of code: hyperparameters with exact values, and what is left as it is.

    ``groups`` are tuples of hyperparameters, such as ``betas``.
    """

    hyper: dict[str, Fraction] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    #: Hyperparameters that live in a dictionary of settings, and are no arguments.
    inside: set[str] = field(default_factory=set)
    #: Whether the code has a stopping test of its own.
    stops: bool = False

    def arguments(self, value: Callable[[str], Any]) -> dict[str, Any]:
        """The keyword arguments, given what each hyperparameter is."""
        grouped = {name for names in self.groups.values() for name in names}
        own = [name for name in self.hyper if name not in grouped | self.inside]
        made = {name: value(name) for name in own}
        made.update(
            {key: tuple(value(name) for name in names) for key, names in self.groups.items()}
        )
        return {**made, **self.fixed}

    def without(self, names: frozenset[str]) -> Settings:
        """The same with some hyperparameters left at their values."""
        fixed = {name: _number(self.hyper[name]) for name in names}
        hyper = {name: value for name, value in self.hyper.items() if name not in names}
        return Settings(hyper, self.groups, {**self.fixed, **fixed}, self.notes, self.inside)

    @property
    def whole(self) -> frozenset[str]:
        """Hyperparameters whose values are whole numbers: they may be counts."""
        grouped = {name for names in self.groups.values() for name in names}
        return frozenset(
            name
            for name, value in self.hyper.items()
            if value.denominator == 1 and name not in grouped and not is_setting(name)
        )


def _number(value: Fraction) -> Any:
    return int(value) if value.denominator == 1 else float(value)


class Configuration(dict[str, Any]):
    """A dictionary of settings that answers what the code asks for.

    A setting becomes a hyperparameter with the code's own default; ``value`` gives its number in
    the world at hand, ``steps`` the number of steps. Anything else is kept as in a dictionary.
    """

    def __init__(
        self, settings: Settings, value: Callable[[str], Any], steps: int | None = None
    ) -> None:
        super().__init__()
        self._settings = settings
        self._value = value
        self._steps = steps

    def _answer(self, key: str, default: Any, asked: bool) -> Any:
        if self._steps is not None and (key in COUNTS or key in ("n", "T")):
            return self._steps
        if key in self._settings.hyper:
            return self._value(key)
        known = getattr(default, "known", default)
        number = _is_numeric(known) and not isinstance(known, bool)
        if number and (is_setting(key) or isinstance(default, float) or known.denominator != 1):
            self._settings.hyper[key] = exact(known)
            self._settings.inside.add(key)
            return self._value(key)
        if not asked:
            return default
        stands_in = typical(key)
        if stands_in is None:
            raise LiftError(f"the code reads the setting {key!r}, which has no default; give it")
        self._settings.hyper[key] = stands_in
        self._settings.inside.add(key)
        self._settings.notes.append(f"{key} has no default in the code; {stands_in} stands in")
        return self._value(key)

    def __missing__(self, key: str) -> Any:
        return self._answer(key, None, True)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else self._answer(key, default, False)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = self._answer(key, default, False)
        return self[key]


def settings_of(
    parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any], what: str
) -> Settings:
    """The settings among the parameters of a function, with values given by the user.

    Raises :class:`~symopt.errors.LiftError` for an argument that must be given.
    """
    settings = Settings()
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        stated = name in given or parameter.default is not parameter.empty
        value = given.get(name, parameter.default)
        if not stated:
            typical = _TYPICAL.get(name.lower())
            if typical is None:
                raise LiftError(f"{what} needs the argument {name}; give {name}=...")
            settings.hyper[name] = Fraction(typical)
            settings.notes.append(f"{name} has no default in the code; {typical} stands in")
        elif isinstance(value, bool) or not _is_numeric(value):
            group = _group(name, value)
            if group:
                settings.hyper.update(group)
                settings.groups[name] = tuple(group)
            elif name in given:
                settings.fixed[name] = value
        elif isinstance(value, float) or is_setting(name):
            settings.hyper[name] = exact(value)
        elif name in given or name in STEP_NAMES or name in CONFIGURATION_NAMES:
            settings.fixed[name] = value
        elif role(name) != "time":
            settings.hyper[name] = exact(value)
    strange = [name for name in given if name not in parameters]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if strange and not takes_any:
        raise LiftError(f"{what} takes no argument {strange[0]!r}")
    for name in strange:
        if isinstance(given[name], float):
            settings.hyper[name] = exact(given[name])
        else:
            settings.fixed[name] = given[name]
    return settings


def _is_numeric(value: Any) -> bool:
    if isinstance(value, float):
        return abs(value) < float("inf")
    return isinstance(value, (int, Fraction))


def _group(name: str, value: Any) -> dict[str, Fraction]:
    """``betas=(0.9, 0.999)`` as beta1 and beta2."""
    if not isinstance(value, (tuple, list)) or not value:
        return {}
    if not all(isinstance(part, float) for part in value):
        return {}
    base = name[:-1] if name.endswith("s") else f"{name}_"
    return {f"{base}{index}": exact(part) for index, part in enumerate(value, 1)}
