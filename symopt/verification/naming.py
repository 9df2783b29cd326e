"""The hyperparameters of two rules under common names, where code calls them otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Symbol

from symopt.errors import SymoptError
from symopt.statement.rule import Rule
from symopt.statement.symbols import hyperparameter

__all__ = ["common_names", "renamed"]

#: What code calls the hyperparameters, and the letters that the catalogue may have for it.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "lr": ("eta",), "learning_rate": ("eta",), "learning_rate_init": ("eta",),
    "alpha": ("eta", "rho"), "step_size": ("eta",),
    "step": ("eta",), "rate": ("eta",), "momentum": ("mu", "beta"), "mom": ("mu", "beta"),
    "gamma": ("mu", "rho", "beta"), "mass": ("mu", "beta"), "nu": ("mu",), "m": ("mu",),
    "rho1": ("beta1",), "rho2": ("beta2",), "b1": ("beta1",), "b2": ("beta2",),
    "beta_1": ("beta1",), "beta_2": ("beta2",), "decay": ("rho", "mu"),
    "decay_rate": ("rho", "kappa"),
    "eps": ("epsilon",), "weight_decay": ("lamda",), "wd": ("lamda",), "dampening": ("tau",),
    "eps_root": ("epsilon_root",), "epsilon": ("epsilon_root",), "epsilon2": ("epsilon",),
    "epsilon_1": ("epsilon_root",), "epsilon_2": ("epsilon",), "min_norm": ("epsilon",),
    "d": ("delta",), "clip_threshold": ("delta",), "clipping_threshold": ("delta",),
    "beta_2_decay": ("beta2_decay",), "trust_coefficient": ("zeta",), "tcoef": ("zeta",),
    "optimism": ("omega",), "beta": ("omega",), "max_delta": ("delta",), "max_norm": ("delta",),
    "threshold": ("delta",), "clipping": ("delta",), "theta": ("zeta",),
    "adam_b1": ("beta1",), "adam_b2": ("beta2",), "adam_beta_1": ("beta1",),
    "adam_beta_2": ("beta2",), "adam_weight_decay": ("lamda",), "adam_lr_ratio": ("zeta",),
    "min_scale": ("epsilon",),
}  # fmt: skip


def renamed(rule: Rule, names: Mapping[Symbol, Symbol]) -> Rule | None:
    """The rule with other hyperparameter symbols; ``None`` where a default leaves its domain."""
    try:
        return Rule(
            title=rule.title,
            source=rule.source,
            hyperparameters={
                names.get(entry.symbol, entry.symbol): entry.default
                if entry.symbol in names
                else entry
                for entry in rule.parameters
            },
            state={symbol: value.xreplace(names) for symbol, value in rule.state.items()},
            update=[(target, value.xreplace(names)) for target, value in rule.update],
            defect=rule.defect,
            note=rule.note,
            name=rule.name,
            family=rule.family,
        )
    except SymoptError:
        return None


def common_names(first: Rule, second: Rule) -> tuple[Rule, Rule, dict[str, Symbol]]:
    """Both rules with the names that one of them lacks respelled as the other has them.

    A name is respelled only if the other rule does not have it, has the letter that it usually
    stands for, and this rule does not use that letter. The third value says what was renamed,
    by ``rule.name``.
    """
    told: dict[str, Symbol] = {}
    result = []
    for rule, other in ((first, second), (second, first)):
        own = {entry.name for entry in rule.parameters}
        theirs = {entry.name for entry in other.parameters}
        taken = own | {symbol.name for symbol in (*rule.state, *rule.temporaries)}
        names: dict[Symbol, Symbol] = {}
        for entry in rule.parameters:
            for letter in SPELLINGS.get(entry.name, ()) if entry.name not in theirs else ():
                if letter in theirs and letter not in taken:
                    names[entry.symbol] = hyperparameter(letter)
                    taken.add(letter)
                    break
        made = renamed(rule, names) if names else None
        if made is not None:
            told |= {f"{rule.name}.{old.name}": new for old, new in names.items()}
        result.append(made or rule)
    return result[0], result[1], told
