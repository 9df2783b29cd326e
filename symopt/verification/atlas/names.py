"""How frameworks name optimizers: settings, code paths, and the stated rule of the same name."""

from __future__ import annotations

import re
from typing import NamedTuple

from symopt.statement.library import rules

__all__ = ["Called", "bare", "called", "nearest"]

#: Frameworks' names for what has another name in the library.
_NAMES = {
    "sgd": "momentum", "signsgd": "sign_descent", "scale": "gradient_descent",
    "trace": "momentum_buffer", "rss": "adagrad", "belief": "adabelief", "rms": "rmsprop",
}  # fmt: skip
#: Switches that choose the code that runs, and not what it computes.
_PATHS = {
    "foreach": ("single tensors", "foreach"), "capturable": ("", "capturable"),
    "differentiable": ("", "differentiable"), "fused": ("", "fused"),
}  # fmt: skip


class Called(NamedTuple):
    """A configuration in parts: ``Adam(amsgrad=True, foreach=False)``."""

    name: str
    settings: tuple[tuple[str, str], ...]
    path: str


def called(configuration: str) -> Called:
    """The parts of a configuration's text.

    >>> called("Adam(amsgrad=True, foreach=False)")
    Called(name='Adam', settings=(('amsgrad', 'True'),), path='single tensors')
    >>> called("contrib.muon")
    Called(name='contrib.muon', settings=(), path='')
    """
    name, _, inside = configuration.partition("(")
    settings: list[tuple[str, str]] = []
    path: list[str] = []
    for part in re.split(r",\s*(?![^(\[{]*[)\]}])", inside.removesuffix(")")):
        key, equals, value = part.partition("=")
        if key in _PATHS and value in ("True", "False"):
            path.append(_PATHS[key][value == "True"])
        elif part:
            settings.append((key, value) if equals else ("", key))
    return Called(name, tuple(settings), " ".join(filter(None, path)))


def bare(name: str) -> str:
    """The optimizer's name alone, in small letters.

    >>> bare("RMSprop"), bare("scale_by_rms"), bare("contrib.scale_by_adopt")
    ('rmsprop', 'rms', 'adopt')
    """
    alone = name.rpartition(".")[2].lower().removesuffix("optimizer")
    return alone.removeprefix("scale_by_").replace("sign_sgd", "signsgd")


def nearest(name: str) -> str:
    """The stated rule that the name promises, or nothing.

    >>> nearest("Adam"), nearest("scale_by_belief"), nearest("clip")
    ('adam', 'adabelief', '')
    """
    known = _NAMES.get(bare(name), bare(name))
    return known if known in rules else ""
