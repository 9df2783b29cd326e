"""Animations show the runs step by step; the systems' pictures come from the systems' data."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from symopt.errors import InputError, MissingExtraError, OutputError
from symopt.execution.run import run
from symopt.presentation import canvas, drawing, plot
from symopt.presentation.plot.stage import Stage
from symopt.verification.accuracy import accuracy
from symopt.verification.systems import systems


@pytest.fixture(scope="module")
def two():
    return [run(rule, "elongated_bowl", steps=6, eta="1/10") for rule in ("momentum", "adam")]


@pytest.fixture(scope="module")
def cubic():
    return plot.system("N3d")


def stage(animation):
    return Stage(animation, canvas.figure(8.2, 5.2))


def test_a_frame_holds_the_points_up_to_its_step(two):
    made = stage(plot.animate(two))
    for step in (0, 1, 4, 6):
        list(made.at(step))
        assert made.clock.get_text() == f"step {step}"
        for actor, trajectory in zip(made.actors, two, strict=True):
            ((_, _, trail, head),) = actor.lanes
            assert np.array_equal(trail.get_xydata(), trajectory.x[: step + 1])
            assert np.array_equal(head.get_xydata(), trajectory.x[step : step + 1])
            assert actor.state.get_text() == f"f = {trajectory.values[step]:.4g}"


def test_a_frame_on_a_surface_holds_the_values_too(two):
    made = stage(plot.animate(two, view="surface"))
    list(made.at(3))
    ((_, _, trail, _),) = made.actors[0].lanes
    expected = np.column_stack([two[0].x, two[0].values])[:4]
    assert np.allclose(np.column_stack(trail.get_data_3d()), expected, rtol=1e-14)


def test_a_run_that_leaves_stands_still_and_says_so(cubic):
    made = stage(cubic.animate())
    momentum = made.actors[3]
    assert momentum.run.rule.title == "Momentum"
    list(made.at(15))
    left = momentum.leaves
    assert momentum.state.get_text() == f"left the picture after step {left}"
    assert len(momentum.lanes[0][2].get_data_3d()[0]) == left + 1
    list(made.at(40))
    assert momentum.state.get_text() == f"diverges at step {momentum.run.diverged_at}"
    assert np.isfinite(np.array(momentum.lanes[0][3].get_data_3d())).all()


def test_a_shorter_run_stays_at_its_end():
    runs = [run("adam", "beale", steps=steps, eta="1/10") for steps in (3, 8)]
    moving = plot.animate(runs)
    assert moving.steps == tuple(range(9))
    made = stage(moving)
    list(made.at(8))
    assert made.actors[0].state.get_text().endswith("(ends at 3)")


def test_long_runs_are_thinned_and_the_last_step_is_kept():
    moving = plot.animate(run("adam", "beale", steps=1001))
    assert len(moving.steps) <= 201
    assert moving.steps[0] == 0
    assert moving.steps[-1] == 1001
    assert plot.animate(run("adam", "beale", steps=10), every=4).steps == (0, 4, 8, 10)


def test_a_gif_has_a_frame_for_each_step_and_the_runs_own_colors(two, tmp_path):
    path = plot.save(plot.animate(two, milliseconds=40), tmp_path / "a.gif")
    with Image.open(path) as moving:
        assert moving.n_frames == 7
        assert moving.info["duration"] == 40
        moving.seek(3)
        pixels = np.array(moving.convert("RGB")).reshape(-1, 3)
    present = {tuple(pixel) for pixel in np.unique(pixels, axis=0).tolist()}
    for index in (0, 1):
        color = tuple(round(255 * part) for part in to_rgb(drawing.color(index)))
        assert color in present
    assert (255, 255, 255) in present
    assert [each.name for each in tmp_path.iterdir()] == ["a.gif"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_mp4_is_written_by_ffmpeg(two, tmp_path):
    path = plot.animate(two).save(tmp_path / "a.mp4")
    assert path.read_bytes()[4:8] == b"ftyp"


def test_without_ffmpeg_an_mp4_is_refused_with_the_way_out(two, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"ffmpeg.*write a \.gif"):
        plot.animate(two).save(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_frames_that_are_none_are_refused(two, tmp_path):
    with pytest.raises(InputError, match="no frame is left"):
        plot.animate(two, every=0)
    with pytest.raises(InputError, match="milliseconds"):
        plot.animate(two, milliseconds=0)
    with pytest.raises(InputError, match="nothing moves"):
        plot.animate(run("adam", "beale", steps=3, record="final"))
    with pytest.raises(InputError, match="at least one"):
        plot.animate()
    with pytest.raises(InputError, match="no view"):
        plot.animate(two, view="globe")
    with pytest.raises(InputError, match="a surface has two variables"):
        plot.animate(run("adam", "half_square", steps=3), view="surface")
    with pytest.raises(InputError, match=r"\.gif or \.mp4"):
        plot.animate(two).save(tmp_path / "a.png")
    with pytest.raises(OutputError, match="no folder"):
        plot.animate(two).save(tmp_path / "nowhere" / "a.gif")


def test_runs_that_are_nowhere_near_the_window_are_refused():
    lost = run("gradient_descent", "beale", ["1e100", "1e100"], 3)
    assert lost.diverged_at is not None
    for draw in (plot.trajectory, plot.animate, lambda made: plot.surface("beale", made)):
        with pytest.raises(InputError, match="no run has a point near the window"):
            draw(lost)


@pytest.mark.parametrize(("name", "on"), [
    ("N3a", None), ("N3c", None), ("N3d", "cubic"), ("N3d", "elongated_bowl"), ("N3d", "saddle"),
])  # fmt: skip
def test_a_systems_picture_runs_what_the_system_states(name, on):
    scene = plot.system(name, on)
    stated = [systems[name].run(label) for label in scene.picture.runs]
    assert len(stated) == (4 if name == "N3c" else 5)
    for made, given in zip(scene.runs, stated, strict=True):
        assert (made.rule.name, made.objective.name) == (given.rule, given.objective)
        assert made.steps == given.steps
        assert [float(value) for value in made.x0] == [float(value) for value in given.start]
        for key, value in given.hyperparameters.items():
            assert float(made.hyperparameters[key]) == float(value)


def test_n3a_is_five_paths_on_contours_with_the_minimum_starred():
    axes = plot.system("N3a").draw()
    paths = [line for line in axes.lines if len(line.get_xdata()) > 10]
    assert [len(line.get_xdata()) - 1 for line in paths] == [20, 50, 50, 50, 20]
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert star.get_xydata().tolist() == [[0, 0]]
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 5), (-2, 5))


def test_n3c_is_two_by_two_and_cut_at_seven():
    figure = plot.system("N3c").draw()
    assert {axes.get_subplotspec().get_geometry()[:2] for axes in figure.axes} == {(2, 2)}
    for axes in figure.axes:
        assert axes.collections[0].levels[-1] == 7
        assert axes.get_xlim() == axes.get_ylim() == (-10, 10)


def test_n3d_moves_for_sixty_milliseconds_a_step_and_the_saddle_is_cut(cubic):
    moving = cubic.animate()
    assert (moving.view, moving.milliseconds, len(moving.steps)) == ("surface", 60, 151)
    assert moving.window == ((-3, 3), (-3, 3))
    axes = plot.system("N3d", "saddle").draw()
    assert axes.get_zlim() == (-3, 2)
    assert axes.get_xlim() == (-1, 2)


def test_systems_without_that_picture_are_refused():
    with pytest.raises(InputError, match="N1 has no picture; N3a, N3b, N3c, N3d have"):
        plot.system("N1")
    with pytest.raises(InputError, match=r"no picture on 'cubik'.*Did you mean 'cubic'"):
        plot.system("N3d", "cubik")
    with pytest.raises(InputError, match="takes no ax="):
        plot.system("N3c").draw(ax=object())


def test_everything_that_is_drawn_can_say_what_it_shows(two, cubic):
    runs = plot.caption(two)
    assert plot.caption(plot.animate(two)) == runs
    assert plot.caption(cubic) == cubic.caption
    assert plot.caption(cubic).startswith("N3d: Gradient descent (η = 0.01); AdaGrad")
    assert plot.caption(accuracy(two[0], one_step=False)) == plot.caption(two[0])
    found = plot.stability_map("momentum", curvature=(1, 4))
    assert plot.caption(found) == (
        "Momentum: where it converges on a quadratic at curvature λ = 1, 4, over η and μ; exactly "
        "where 0 < η λ < 2 (1 + μ)."
    )
