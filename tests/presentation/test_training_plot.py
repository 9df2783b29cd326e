"""The two panels of training in batches."""

import numpy as np
import pytest

import symopt
from symopt import InputError

FIT = symopt.models.linear_regression.bind(X=[[1], [2], [3]], y=[0, 3, 1])


def test_panels_show_the_losses_by_iteration_and_by_epoch():
    runs = [symopt.run(rule, FIT.batches(size=2), [0, 0], 9) for rule in ("adam", "momentum")]
    figure = symopt.plot.training(*runs)
    left, right = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == ["iteration", "epoch"]
    for run, one, two in zip(runs, left.lines, right.lines, strict=True):
        assert np.array_equal(one.get_ydata(), run.losses())
        assert np.array_equal(two.get_ydata(), run.losses(by="epoch"))
    whole = symopt.plot.training(*runs, of="whole").axes[1]
    assert np.array_equal(whole.lines[0].get_ydata(), runs[0].losses(by="epoch", of="whole"))


def test_n3b_draws_its_five_rules_by_the_loss_that_the_note_prints(tmp_path):
    scene = symopt.plot.system("N3b")
    figure = scene.draw()
    assert [len(axes.lines) for axes in figure.axes] == [5, 5]
    w = scene.runs[0].x[0]
    batch = scene.runs[0].objective.at(1)
    errors = batch.data["X"] @ w[:2] + w[2] - batch.data["y"]
    assert np.isclose(figure.axes[0].lines[0].get_ydata()[0], np.mean(errors**2), rtol=1e-12)
    with pytest.raises(InputError, match="does not move"):
        scene.save(tmp_path / "n3b.gif")


def test_runs_that_are_not_in_batches_are_refused():
    with pytest.raises(InputError, match="not in batches"):
        symopt.plot.training(symopt.run("adam", FIT, [0, 0], 4))
    with pytest.raises(InputError, match="at least one run"):
        symopt.plot.training()
