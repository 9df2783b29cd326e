"""Trajectories: how they print, what they keep, and that they come back from files unchanged."""

import gc
import json
import os
import re
import stat
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import symopt
from symopt import InputError, OutputError
from symopt.execution.arithmetic import precision
from symopt.execution.trajectory import magnitude, number_text, setting_text, to_float

GOLDEN = """\
Momentum on Half square: 3 steps, rational arithmetic, eta = 1/10, mu = 1/2
  t  w             f
  0  1             1/2
  1  9/10          81/200
  2  19/25         361/1250
  3  307/500       94249/500000"""


def test_the_layout_of_a_printed_run():
    run = symopt.run("momentum", "half_square", ("1",), 3, "rational", eta="1/10", mu="1/2")
    expected = [Fraction(1), Fraction(9, 10), Fraction(19, 25), Fraction(307, 500)]
    assert list(run.x[:, 0]) == expected
    assert [line.split() for line in str(run).splitlines()] == [
        line.split() for line in GOLDEN.splitlines()
    ]
    rows = str(run).splitlines()[1:]
    assert len({row.index(row.split()[2]) for row in rows}) == 1, "columns stand below each other"
    assert not any(row.endswith(" ") for row in rows)


def test_long_runs_show_their_beginning_and_end():
    lines = str(symopt.run("adam", "beale", steps=100)).splitlines()
    first = [line.split()[0] for line in lines[2:]]
    assert first == [*map(str, range(6)), "...", *map(str, range(95, 101))]
    assert str(symopt.run("adam", "beale", steps=11)).count("...") == 0


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "rational", "ball"])
def test_captions_say_what_was_received(arithmetic):
    run = symopt.run("gradient_descent", "half_square", ("0.1",), 1, arithmetic, eta="0.1")
    shown = {"rational": "eta = 1/10", "ball": "eta = 1/10"}.get(arithmetic, "eta = 0.1")
    assert run.caption.endswith(shown)
    assert arithmetic in run.caption
    assert ("256 bits" in run.caption) == (arithmetic == "ball")
    floats = symopt.run("gradient_descent", "half_square", (0.1,), 1, "rational", eta=0.1)
    assert floats.caption.endswith("eta = 0.1 as binary64")


def test_batches_print_their_size():
    run = symopt.run("adam", "beale", np.ones((7, 2)), 3)
    assert "a batch of 7 runs, 0 diverged" in str(run)
    assert run._repr_html_().startswith("<pre>")


def test_html_escapes_and_holds_every_cell():
    objective = symopt.Objective("x**2", "x", title="<b>&")
    run = symopt.run("adam", objective, (1.0,), 3)
    html = run._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html
    assert html.count("<tr>") == 1 + 4
    header, cells = run.table()
    assert header == ["t", "x", "f"]
    assert re.findall(r"<td>(.*?)</td>", html) == [cell for row in cells for cell in row]


def same(one, other):
    assert type(one) is type(other)
    for field in ("rule", "arithmetic", "hyperparameters", "x0", "steps", "recorded", "backend",
                  "diverged_at", "precision", "note", "diverged"):  # fmt: skip
        assert getattr(one, field) == getattr(other, field), field
    assert one.objective.expression == other.objective.expression
    assert set(one.state) == set(other.state)
    for name in ("x", *one.state):
        ours = one.x if name == "x" else one.state[name]
        theirs = other.x if name == "x" else other.state[name]
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        if one.arithmetic == "ball":
            pairs = zip(ours.flat, theirs.flat, strict=True)
            with precision(4 * one.precision):
                for a, b in pairs:
                    assert a.mid() == b.mid(), name
                    assert a.rad() <= b.rad() <= a.rad() * (1 + arb(2) ** -28), name
        elif one.arithmetic == "rational":
            assert all(a == b and type(b) is Fraction
                       for a, b in zip(ours.flat, theirs.flat, strict=True))  # fmt: skip
        else:
            assert ours.tobytes() == theirs.tobytes(), name


class TestStorage:
    @pytest.mark.parametrize(
        ("rule", "start", "arithmetic", "options"),
        [
            ("adam", ("1", "3/2"), "float64", {}),
            ("adam", ("1", "3/2"), "float32", {"backend": "numpy"}),
            ("momentum", ("1", "3/2"), "rational", {}),
            ("momentum", (0.5, -0.75), "rational", {"eta": 0.125}),
            ("adam", ("1", "3/2"), "ball", {}),
            ("nadam", ("1/3", "-3/2"), "ball", {"eta": "1/(100*t)"}),
            ("nadam", np.ones((4, 2)), "float64", {}),
            ("gradient_descent", (4, 4), "float64", {"eta": 1, "record": 2}),
            ("gradient_descent", ("1", "2"), "rational", {"eta": "1/(t + 1)", "record": "final"}),
            ("adam", ("1", "2"), "rational", {"mode": "auto"}),
            ("lion", ("3", "1/2"), "ball", {}),
        ],
    )
    def test_everything_comes_back(self, tmp_path, rule, start, arithmetic, options):
        run = symopt.run(rule, "beale", start, 5, arithmetic, **options)
        path = run.save(tmp_path / "run.npz")
        back = symopt.load(path)
        same(run, back)
        assert str(back) == str(run)
        if start is not None and not isinstance(start, np.ndarray):
            hyper = dict(back.hyperparameters)
            again = symopt.run(
                back.rule, back.objective, back.x0, back.steps, back.arithmetic,
                record=options.get("record", "all"), backend=back.backend, **hyper,
            )  # fmt: skip
            assert again.recorded == back.recorded
            if back.arithmetic != "ball":
                assert np.array_equal(again.x, back.x, equal_nan=back.arithmetic[:5] == "float")

    def test_huge_fractions_come_back(self, tmp_path):
        run = symopt.run("momentum", "beale", None, 6, "rational")
        assert run.x[-1, 0].numerator.bit_length() > 15_000  # more than Python prints
        same(run, symopt.load(run.save(tmp_path / "run.npz")))

    def test_users_own_statements_come_back(self, tmp_path):
        objective = symopt.Objective("(x - 1)**2 + max(x, y)*exp(y)", "x y", note="mine ü")
        run = symopt.run("rmsprop", objective, (0.5, 0.25), 3)
        back = symopt.load(run.save(tmp_path / "run.npz"))
        assert back.objective == objective
        assert np.array_equal(back.gradients, run.gradients)

    def test_the_file_holds_no_pickle_and_ordinary_rights(self, tmp_path):
        path = symopt.run("momentum", "beale", None, 2, "rational").save(tmp_path / "run.npz")
        with np.load(path, allow_pickle=False) as file:
            assert json.loads(str(file["statement"]))["rule"]["name"] == "momentum"
            assert all(file[name].dtype != object for name in file.files)
        mask = os.umask(0)
        os.umask(mask)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
        assert [entry.name for entry in tmp_path.iterdir()] == ["run.npz"]

    def test_saving_again_replaces_the_file(self, tmp_path):
        path = tmp_path / "run.npz"
        symopt.run("adam", "beale", steps=2).save(path)
        run = symopt.run("adam", "beale", steps=4)
        run.save(str(path))
        same(run, symopt.load(path))

    def test_what_cannot_be_written_is_an_error_and_leaves_nothing(self, tmp_path):
        run = symopt.run("adam", "beale", steps=2)
        with pytest.raises(InputError, match=r"saved as a \.npz file"):
            run.save(tmp_path / "run.csv")
        with pytest.raises(OutputError, match="cannot write"):
            run.save(tmp_path / "nowhere" / "run.npz")
        (tmp_path / "folder.npz").mkdir()
        with pytest.raises(OutputError, match="cannot write"):
            run.save(tmp_path / "folder.npz")
        assert [entry.name for entry in tmp_path.iterdir()] == ["folder.npz"]

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(OutputError, match="there is no file"):
            symopt.load(tmp_path / "none.npz")
        with pytest.raises(OutputError):
            symopt.load(tmp_path)

    @pytest.mark.parametrize(
        "content", [b"", b"PK", b"PK\x03\x04 no zip", b"text", b"\x93NUMPY\x01\x00"]
    )
    def test_a_file_that_is_none(self, tmp_path, content):
        path = tmp_path / "run.npz"
        path.write_bytes(content)
        with pytest.raises(OutputError, match=r"run\.npz"):
            symopt.load(path)

    def test_other_arrays_and_pickles(self, tmp_path):
        path = tmp_path / "run.npz"
        np.savez(path, a=np.ones(3))
        with pytest.raises(OutputError):
            symopt.load(path)
        np.savez(path, statement=np.array(object(), dtype=object))
        with pytest.raises(OutputError):
            symopt.load(path)
        np.save(tmp_path / "run.npy", np.ones(3))
        with pytest.raises(OutputError):
            symopt.load(tmp_path / "run.npy")

    @pytest.mark.parametrize("header", ["[]", "1", "null", "{}", '{"format": 99}', '{"format": 1}',
                                        "{", "[" * 100_000])  # fmt: skip
    def test_other_headers(self, tmp_path, header):
        path = tmp_path / "run.npz"
        np.savez(path, statement=np.array(header), recorded=np.arange(2), x=np.ones((2, 1)))
        with pytest.raises(OutputError):
            symopt.load(path)

    @pytest.mark.parametrize(
        ("key", "value"),
        [("rule", None), ("rule", {}), ("objective", []), ("hyperparameters", 3), ("x0", ["1"]),
         ("x0", ["1/0"]), ("x0", None), ("hyperparameters", {"eta": ["zz/1"]}),
         ("hyperparameters", {"eta": ["Lambda", 1]}), ("arithmetic", "rational")],
    )  # fmt: skip
    def test_a_damaged_header(self, tmp_path, key, value):
        good = symopt.run("adam", "beale", steps=2).save(tmp_path / "good.npz")
        with np.load(good) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays["statement"]))
        header[key] = value
        arrays["statement"] = np.array(json.dumps(header))
        np.savez(tmp_path / "bad.npz", **arrays)
        with pytest.raises(OutputError, match=r"bad\.npz.* is damaged"):
            symopt.load(tmp_path / "bad.npz")

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_no_damage_to_the_bytes_escapes(self, tmp_path_factory, data):
        folder = tmp_path_factory.mktemp("damage")
        run = symopt.run("momentum", "half_square", ("1/3",), 3, "ball")
        content = bytearray(run.save(folder / "run.npz").read_bytes())
        if data.draw(st.booleans()):
            content = content[: data.draw(st.integers(0, len(content) - 1))]
        for _ in range(data.draw(st.integers(0, 4))):
            if content:
                at = data.draw(st.integers(0, len(content) - 1))
                content[at] = data.draw(st.integers(0, 255))
        path = folder / "damaged.npz"
        path.write_bytes(bytes(content))
        try:
            back = symopt.load(path)
        except symopt.SymoptError:
            return
        assert str(back) == str(run)  # the damage hit nothing that is read

    def test_an_encrypted_entry(self, tmp_path):
        content = bytearray(
            symopt.run("adam", "beale", steps=1).save(tmp_path / "a.npz").read_bytes()
        )
        for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = content.find(header)
            while at >= 0:
                content[at + flags] |= 1
                at = content.find(header, at + 1)
        (tmp_path / "b.npz").write_bytes(bytes(content))
        with pytest.raises(OutputError, match="encrypted"):
            symopt.load(tmp_path / "b.npz")

    @pytest.mark.filterwarnings("error")
    def test_no_file_stays_open(self, tmp_path):
        good = symopt.run("adam", "beale", steps=1).save(tmp_path / "a.npz")
        (tmp_path / "b.npz").write_bytes(good.read_bytes()[:-100])
        symopt.load(good)
        with pytest.raises(OutputError):
            symopt.load(tmp_path / "b.npz")
        gc.collect()

    def test_checksums_guard_the_numbers(self, tmp_path):
        path = symopt.run("adam", "beale", steps=50).save(tmp_path / "run.npz")
        with zipfile.ZipFile(path) as file:
            assert file.testzip() is None


class TestXarray:
    def test_a_run_as_a_dataset(self):
        pytest.importorskip("xarray")
        run = symopt.run("adam", "beale", steps=6, record=2)
        data = run.to_xarray()
        assert data["x"].dims == ("step", "coordinate")
        assert list(data["step"].values) == [0, 2, 4, 6]
        assert list(data["coordinate"].values) == ["x1", "x2"]
        assert np.array_equal(data["m"].sel(coordinate="x2"), run.state["m"][:, 1])
        assert np.array_equal(data["f"], run.values)
        assert data.attrs["caption"] == run.caption

    def test_batches_and_scalar_state(self):
        pytest.importorskip("xarray")
        run = symopt.run("nadam", "beale", np.ones((5, 2)), 3)
        data = run.to_xarray()
        assert data["x"].dims == ("step", "run", "coordinate")
        scalars = [name for name, values in run.state.items() if values.ndim == 2]
        assert scalars
        for name in scalars:
            assert data[name].dims == ("step", "run")
        single = symopt.run("nadam", "beale", steps=3).to_xarray()
        for name in scalars:
            assert single[name].dims == ("step",)

    def test_exact_numbers_stay_exact(self):
        pytest.importorskip("xarray")
        data = symopt.run("momentum", "half_square", ("1",), 2, "rational").to_xarray()
        assert data["x"].values[2, 0] == Fraction(9711, 10000)


class TestNumbers:
    def test_floats_are_the_nearest(self):
        run = symopt.run("gradient_descent", "half_square", ("1/3",), 1, "rational", eta="1/3")
        assert list(run.floats()[:, 0]) == [1 / 3, 2 / 9]
        assert to_float(Fraction(10) ** 400) == float("inf")
        assert to_float(-(Fraction(10) ** 400)) == float("-inf")
        assert to_float(arb(10) ** 400) == float("inf")
        assert to_float(-(arb(10) ** 400)) == float("-inf")
        assert to_float(arb("nan")) != to_float(arb("nan"))
        assert to_float(Fraction(1, 10**400)) == 0.0

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_magnitude_brackets_a_number(self, value):
        exponent = magnitude(arb(value))
        if value == 0:
            assert exponent < -(10**9)
        else:
            assert Fraction(2) ** (exponent - 1) <= abs(Fraction(value)) < Fraction(2) ** exponent

    def test_texts(self):
        assert number_text(Fraction(1, 3)) == "1/3"
        assert number_text(Fraction(1, 3**60)) == "2.35898248759e-29"
        assert number_text(Fraction(7**4000, 3**3999)).endswith("e+1472")
        assert number_text(0.1) == "0.1"
        assert number_text(np.float32(0.1)) == "0.10000000149"
        assert number_text(arb(1) / 3) == "0.333333333333"
        assert setting_text(Fraction(1, 3), "float64") == "0.3333333333333333"
        assert setting_text(Fraction(np.float32(0.1).item()), "float32") == "0.1"


def test_values_and_gradients_follow_the_arithmetic():
    exact = symopt.run("momentum", "beale", None, 2, "rational")
    assert all(type(value) is Fraction for value in exact.values)
    assert exact.gradients.shape == exact.x.shape
    balls = symopt.run("momentum", "beale", None, 2, "ball")
    assert all(isinstance(value, arb) for value in [*balls.values, *balls.gradients.flat])
    floats = symopt.run("momentum", "beale", None, 2)
    assert floats.values.dtype == floats.gradients.dtype == np.float64
    single = symopt.run("momentum", "beale", None, 2, "float32")
    assert single.values.dtype == single.gradients.dtype == np.float32
    batch = symopt.run("momentum", "beale", np.ones((6, 2)), 2)
    assert batch.values.shape == (3, 6)
    assert batch.gradients.shape == (3, 6, 2)
    assert float(exact.values[0]) == floats.values[0]
    np.testing.assert_allclose(floats.gradients, exact.gradients.astype(float), rtol=1e-14)


def test_a_run_is_a_frozen_value():
    run = symopt.run("adam", "beale", steps=2)
    assert len(run) == 3
    with pytest.raises(AttributeError):
        run.steps = 7
