"""Pictures hold the data of the runs and say what was run; pixels are not looked at."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from symopt.errors import InputError, OutputError
from symopt.execution.run import run
from symopt.presentation import drawing, plot
from symopt.statement.library import objectives
from symopt.statement.objective import Objective


def drawn(axes, text):
    """The line of that legend text."""
    (line,) = [line for line in axes.lines if line.get_label() == text]
    return line


@pytest.fixture(scope="module")
def four():
    return [
        run("gradient_descent", "elongated_bowl", steps=30, eta="0.95"),
        run("momentum", "elongated_bowl", steps=30, eta="0.1"),
        run("adagrad", "elongated_bowl", steps=30, eta="1.5", epsilon="1e-7"),
        run("adam", "elongated_bowl", steps=30, eta="0.3"),
    ]


@pytest.fixture(scope="module")
def diverging():
    return run("momentum", "cubic", steps=150, eta="0.01")


def test_the_lines_are_the_trajectories(four):
    axes = plot.trajectory(*four)
    for trajectory in four:
        line = drawn(axes, trajectory.rule.title)
        assert np.array_equal(np.column_stack(line.get_data()), trajectory.x)


@pytest.mark.parametrize("arithmetic", ["rational", "ball", "float32"])
def test_every_arithmetic_is_drawn_by_its_nearest_floats(arithmetic):
    trajectory = run("momentum", "beale", steps=4, arithmetic=arithmetic)
    line = drawn(plot.trajectory(trajectory), "Momentum")
    assert np.array_equal(np.column_stack(line.get_data()), trajectory.floats())


def test_start_and_known_points_are_marked(four):
    axes = plot.trajectory(four)
    assert drawn(axes, "start").get_xydata().tolist() == [[-7, 2]]
    assert drawn(axes, "minimum").get_xydata().tolist() == [[0, 0]]
    assert drawn(axes, "minimum").get_marker() == "*"
    beale = plot.trajectory(run("adam", "beale", steps=3))
    marked = [line.get_xydata()[0].tolist() for line in beale.lines if line.get_marker() == "X"]
    assert marked == [[0, 1], [0.100538, -2.644514]]


def test_the_window_is_the_objectives_or_the_one_given(four):
    assert plot.trajectory(four).get_xlim() == (-10, 10)
    axes = plot.trajectory(four, window=[(-8, 1), ("-2", "2.5")])
    assert (axes.get_xlim(), axes.get_ylim()) == ((-8, 1), (-2, 2.5))
    with pytest.raises(InputError, match="one interval"):
        plot.trajectory(four, window=[(-8, 1)])


def test_an_objective_without_a_window_shows_its_paths():
    objective = Objective("x**2 + y**2", "x y")
    trajectory = run("gradient_descent", objective, x0=["40", "3"], steps=20, eta="1/10")
    axes = plot.trajectory(trajectory)
    for low, high, column in zip(
        *zip(axes.get_xlim(), axes.get_ylim(), strict=True), trajectory.x.T, strict=True
    ):
        assert low < column.min() < column.max() < high


def test_a_diverging_run_is_cut_and_the_legend_says_so(diverging):
    assert diverging.diverged_at is not None
    axes = plot.trajectory(diverging)
    (line,) = [line for line in axes.lines if line.get_label().startswith("Momentum")]
    count = len(line.get_xdata())
    assert 10 < count < diverging.diverged_at
    assert np.array_equal(np.column_stack(line.get_data()), diverging.x[:count])
    expected = f"diverges at step {diverging.diverged_at}, drawn to step {count - 1}"
    assert line.get_label() == f"Momentum ({expected})"
    # It is cut only once it is beyond the picture.
    assert abs(diverging.x[count]).max() > 3
    assert not np.isnan(np.column_stack(line.get_data())).any()


def test_one_variable_is_drawn_on_its_curve():
    trajectory = run("gradient_descent", "half_square", steps=5, eta="1/2")
    axes = plot.trajectory(trajectory)
    w, f = drawn(axes, "Gradient descent").get_data()
    assert w.tolist() == [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32]
    assert np.array_equal(f, w**2 / 2)
    curve = axes.lines[0].get_xydata()
    assert np.allclose(curve[:, 1], curve[:, 0] ** 2 / 2, rtol=1e-15)


def test_a_batch_is_drawn_lane_by_lane():
    starts = [[1.0, 2.0], [-3.0, 1.0], [2.0, -2.0]]
    trajectory = run("momentum", "elongated_bowl", x0=starts, steps=7)
    axes = plot.trajectory(trajectory)
    lanes = [line for line in axes.lines if len(line.get_xdata()) == 8]
    assert len(lanes) == 3
    for index, line in enumerate(lanes):
        assert np.array_equal(np.column_stack(line.get_data()), trajectory.x[:, index, :])


def test_labels_name_what_differs_between_runs_of_one_rule():
    runs = [run("adam", "beale", steps=3, eta=eta) for eta in ("0.1", "0.2")]
    assert drawing.labels(runs) == ["Adam, η = 0.1", "Adam, η = 0.2"]
    runs = [run("adam", "beale", steps=3, x0=start) for start in (["1", "1"], ["2", "1/3"])]
    assert drawing.labels(runs) == ["Adam, from (1, 1)", "Adam, from (2, 0.3333333333333333)"]
    runs = [run("adam", "beale", steps=3, arithmetic=name) for name in ("float64", "float32")]
    assert [text.split(", ")[-1] for text in drawing.labels(runs)] == ["float64", "float32"]
    runs = [run("adam", "beale", steps=steps) for steps in (3, 5)]
    assert drawing.labels(runs) == ["Adam, 3 steps", "Adam, 5 steps"]
    runs = [run("adam", name, steps=3) for name in ("beale", "booth")]
    assert drawing.labels(runs) == ["Adam on Beale", "Adam on Booth"]


def test_levels_span_the_magnitudes_of_beale_and_reach_its_known_minimum():
    window = ((-4.5, 4.5), (-4.5, 4.5))
    *_, values = drawing.grid(objectives.beale, window)
    levels = drawing.levels_of(values, 0.0)
    assert (np.diff(levels) > 0).all()
    assert levels[0] == 0
    assert levels[-1] == pytest.approx(values.max())
    # About as many levels below the median as above it, although the median is a tiny fraction.
    median = np.median(values)
    assert median < values.max() / 100
    assert 6 <= (levels < median).sum() <= 18


def test_levels_of_a_bowl_grow_quadratically_and_a_flat_function_has_levels():
    x = np.linspace(-1, 1, 41)
    first, second = np.meshgrid(x, x)
    levels = drawing.levels_of(first**2 + second**2, 0.0)
    assert np.allclose(np.diff(np.sqrt(levels)), np.sqrt(2) / 24)
    assert (np.diff(drawing.levels_of(np.full((3, 3), 7.0))) > 0).all()


def test_values_on_the_mesh_are_the_objective():
    first, second, values = drawing.grid(objectives.himmelblau, ((-5, 5), (-4, 4)), 11)
    expected = (first**2 + second - 11) ** 2 + (first + second**2 - 7) ** 2
    assert np.allclose(values, expected, rtol=1e-14)


def test_panels_are_two_by_two_with_one_run_each(four):
    figure = plot.panels(four)
    assert [axes.get_title() for axes in figure.axes] == [run.rule.title for run in four]
    assert {axes.get_subplotspec().get_geometry()[:2] for axes in figure.axes} == {(2, 2)}
    for axes, trajectory in zip(figure.axes, four, strict=True):
        assert any(
            np.array_equal(np.column_stack(line.get_data()), trajectory.x) for line in axes.lines
        )
    with pytest.raises(InputError, match="columns"):
        plot.panels(four, columns=0)


def test_losses_are_the_values_on_a_logarithmic_scale(four):
    axes = plot.losses(four)
    assert axes.get_yscale() == "log"
    for trajectory in four:
        steps, values = drawn(axes, trajectory.rule.title).get_data()
        assert list(steps) == list(trajectory.recorded)
        assert np.array_equal(values, trajectory.values)


def test_losses_of_negative_values_are_not_logarithmic():
    axes = plot.losses(run("adam", "saddle", steps=40, eta="1/20"))
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] < 0


def test_a_diverging_run_does_not_set_the_scale_of_the_losses(four, diverging):
    calm = run("adam", "cubic", steps=150, eta="0.1")
    axes = plot.losses(calm, diverging)
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[1] <= 10 * calm.values[0]
    names = [line.get_label() for line in axes.lines]
    assert names == [
        "Adam",
        f"Momentum (diverges at step {diverging.diverged_at}, f ≤ 0 at step 7)",
    ]
    assert diverging.values[6] > 0 >= diverging.values[7]


def test_the_surface_carries_the_paths_and_cuts_them_at_the_box():
    runs = [run(rule, "saddle", steps=100, eta="1/20") for rule in ("gradient_descent", "momentum")]
    axes = plot.surface("saddle", runs, heights=(-3, 2))
    assert axes.get_zlim() == (-3, 2)
    calm = drawn(axes, "Gradient descent")
    points = np.column_stack(calm.get_data_3d())
    assert np.array_equal(points[:, :2], runs[0].x)
    assert np.allclose(points[:, 2], runs[0].values, rtol=1e-14)
    (cut,) = [line for line in axes.lines if line.get_label().startswith("Momentum")]
    points = np.column_stack(cut.get_data_3d())
    assert cut.get_label() == f"Momentum (leaves the box after step {len(points) - 1})"
    assert points[:, 0].max() <= 2 < runs[1].x[len(points), 0]


def test_the_caption_says_what_was_run(four, diverging):
    assert plot.caption(four[:2]) == (
        "Gradient descent (η = 0.95); Momentum (η = 0.1, μ = 0.9) on Elongated bowl "
        "from (-7, 2), 30 steps, float64."
    )
    exact = run("momentum", "beale", steps=1, arithmetic="rational", eta="1/3")
    assert plot.caption(exact) == (
        "Momentum (η = 1/3, μ = 9/10) on Beale from (1, 3/2), 1 step, rational."
    )
    assert f"diverges at step {diverging.diverged_at}" in plot.caption(diverging)
    mixed = plot.caption(four[0], run("adam", "beale", steps=3))
    assert mixed.startswith("Gradient descent (η = 0.95) on Elongated bowl from (-7, 2), 30 steps;")
    assert mixed.endswith("on Beale from (1, 3/2), 3 steps, float64.")
    steps = plot.caption(run("adam", "beale", steps=3), run("momentum", "beale", steps=4))
    assert "ε = 1e-08), 3 steps; Momentum" in steps
    assert steps.endswith("μ = 0.9), 4 steps on Beale from (1, 3/2), float64.")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_files_are_whole_and_repeat_byte_for_byte(tmp_path, four, ending):
    heads = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    texts = []
    for name in ("a", "b"):
        path = plot.save(plot.trajectory(four[0]), tmp_path / f"{name}.{ending}")
        texts.append(path.read_bytes())
    assert texts[0].startswith(heads[ending])
    assert texts[0] == texts[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{ending}", f"b.{ending}"]


def test_unwritable_and_unknown_files_are_refused(tmp_path, four):
    axes = plot.trajectory(four[0])
    with pytest.raises(OutputError, match="cannot write"):
        plot.save(axes, tmp_path / "nowhere" / "a.png")
    with pytest.raises(InputError, match=r"\.docx"):
        plot.save(axes, tmp_path / "a.docx")
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OutputError):
        plot.save(axes, tmp_path / "taken.png")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def test_what_cannot_be_drawn_is_refused_with_a_reason(four):
    with pytest.raises(InputError, match="at least one"):
        plot.trajectory()
    with pytest.raises(InputError, match=r"symopt\.run"):
        plot.trajectory("adam")
    with pytest.raises(InputError, match="one picture shows one objective"):
        plot.trajectory(four[0], run("adam", "beale", steps=3))
    with pytest.raises(InputError, match=r"3 variables.*losses"):
        plot.trajectory(run("adam", "rosenbrock[3]", x0=["1", "2", "3"], steps=3))
    with pytest.raises(InputError, match="two variables"):
        plot.surface("half_square")
    with pytest.raises(InputError, match="two contour levels"):
        plot.trajectory(four[0], levels=[1])


def test_pyplot_is_never_imported_and_no_style_is_changed():
    code = (
        "import sys, symopt; r = symopt.run('adam', 'beale', steps=5);"
        "assert 'matplotlib' not in sys.modules;"
        "p = symopt.plot; assert 'matplotlib' not in sys.modules;"
        "import matplotlib; before = matplotlib.rcParams.copy();"
        "p.panels(r, r); p.losses(r); p.surface('beale', r); p.trajectory(r); p.distance(r);"
        "p.error(r); p.stability('momentum'); p.rate('momentum'); p.root_locus('momentum');"
        "p.basins('momentum', 'cubic', 60, mesh=5, eta='1/20'); list(p.animate(r).frames(40));"
        "p.phase(symopt.run('adam', 'half_square', steps=5));"
        "assert matplotlib.rcParams.copy() == before;"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
