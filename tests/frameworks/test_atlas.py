"""The atlas of the optimizers of installed frameworks."""

import json

import pytest

from symopt.errors import InputError
from symopt.verification import atlas as module
from symopt.verification.atlas import Atlas, atlas
from symopt.verification.lift.counts import Lifted
from symopt.verification.lift.jax_code import lift_jax
from symopt.verification.lift.torch_code import lift_torch

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")
optax = pytest.importorskip("optax")


def row(framework, name, rule):
    return Lifted(framework, name, rule, False, "", 0.0)


def refused(framework, name, reason):
    return Lifted(framework, name, None, False, reason, 0.0)


@pytest.fixture
def made(monkeypatch):
    rows = {
        "torch": (
            row("torch", "Adam(foreach=False)", lift_torch(torch.optim.Adam)),
            row("torch", "Adadelta(foreach=False)", lift_torch(torch.optim.Adadelta)),
            refused("torch", "LBFGS()", "closure"),
        ),
        "optax": (
            row("optax", "adam", lift_jax(optax.adam)),
            row("optax", "rprop", lift_jax(optax.rprop)),
        ),
    }
    monkeypatch.setattr(module, "lift_counts", lambda framework, progress: rows[framework])
    return atlas(("torch", "optax"))


def test_an_optimizer_is_named_by_the_rule_that_it_is_proved_to_be(made):
    places = {place.configuration: place for place in made.places}
    assert places["adam"].status == "rule"
    assert places["adam"].stated == "adam"
    assert places["Adam(foreach=False)"].stated == "adam"
    assert places["Adadelta(foreach=False)"].stated == "adadelta_pytorch"


def test_the_defect_of_optax_rprop_comes_out_by_itself(made):
    place = next(place for place in made.places if place.configuration == "rprop")
    assert place.stated != "rprop"
    assert place.stated == "rprop_optax" or place.difference


def test_namesakes_of_two_frameworks_are_compared(made):
    assert [(pair.verdict, pair.text) for pair in made.pairs] == [
        ("proved", "equal at every step, by induction")
    ]


def test_refusals_keep_their_reason(made):
    place = next(place for place in made.places if place.status == "refused")
    assert place.reason == "closure"
    assert "LBFGS(): closure" in made.markdown()


def test_the_page_and_the_data_say_the_same(made):
    data = json.loads(made.json())
    assert len(data["places"]) == len(made.places)
    assert "| torch | 3 | 2 | 0 | 0 | 1 |" in made.markdown()
    assert isinstance(made, Atlas)


def test_an_unknown_framework_is_refused():
    with pytest.raises(InputError, match="Did you mean"):
        atlas(("torsch",))
