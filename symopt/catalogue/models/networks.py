"""Networks: the small one of a teaching post, and a classifier of one hidden layer."""

from symopt.statement.array.network import network as _network
from symopt.statement.source import Source

_SOURCE = Source("bishop2006pattern", "eqs. (5.24), (5.25), (5.53) and (5.56)")

network = _network(
    ["d", "h1", "h2", "K"],
    ["relu", "sigmoid"],
    title="Network of two hidden layers",
    source=_SOURCE,
    note="Linear, ReLU, linear, sigmoid, linear, mean cross-entropy.",
)

network_one_hidden_layer = _network(
    ["d", "h", "K"],
    ["relu"],
    title="Network of one hidden layer",
    source=_SOURCE,
    note="Linear, ReLU, linear, mean cross-entropy.",
)
