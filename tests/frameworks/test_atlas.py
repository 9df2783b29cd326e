"""The atlas of the optimizers of installed frameworks."""

import functools
import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from symopt.cli import main
from symopt.errors import InputError, MissingExtraError
from symopt.presentation.atlas_page import atlas_page
from symopt.verification.atlas import Atlas, atlas, making
from symopt.verification.lift.counts import Lifted
from symopt.verification.lift.jax_code import lift_jax
from symopt.verification.lift.torch_code import lift_torch

PAGE = Path(__file__).parents[2] / "derivations" / "atlas.md"

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]
torch = pytest.importorskip("torch")
optax = pytest.importorskip("optax")


def lifted(framework, name, rule, kind="optimizer"):
    return Lifted(framework, name, rule, False, "", 0.0, kind)


def refused(framework, name, reason):
    return Lifted(framework, name, None, False, reason, 0.0, "optimizer")


def torch_rows():
    for switches in ({"foreach": False}, {"foreach": True}, {"capturable": True}):
        make = functools.partial(torch.optim.Adam, **switches)
        text = ", ".join(f"{key}={value}" for key, value in switches.items())
        yield lifted("torch", f"Adam({text})", lift_torch(make))
    yield lifted("torch", "Adadelta(foreach=False)", lift_torch(torch.optim.Adadelta))
    yield refused("torch", "LBFGS()", "closure")


def optax_rows():
    yield lifted("optax", "adam", lift_jax(optax.adam), "alias")
    yield lifted("optax", "adan", lift_jax(optax.adan), "alias")
    yield lifted("optax", "rprop", lift_jax(optax.rprop), "alias")
    yield lifted("optax", "scale_by_adam", lift_jax(optax.scale_by_adam), "transformation")
    nonnegative = lift_jax(optax.keep_params_nonnegative)
    yield lifted("optax", "keep_params_nonnegative", nonnegative, "transformation")


@pytest.fixture(scope="module")
def rows():
    return {"torch": tuple(torch_rows()), "optax": tuple(optax_rows())}


def run(rows, monkeypatch, **settings):
    def counted(framework, progress):
        for row in rows[framework]:
            progress(row)

    def names(framework):
        if framework not in rows:
            raise MissingExtraError(f"this needs {framework}; install it")
        return [row.configuration for row in rows[framework]]

    monkeypatch.setattr(making, "lift_counts", counted)
    monkeypatch.setattr(making, "configurations", names)
    return atlas(("torch", "optax", "keras"), **settings)


@pytest.fixture(scope="module")
def made(rows):
    with pytest.MonkeyPatch.context() as patch:
        return run(rows, patch)


def entry(made, framework, name):
    return next(e for e in made.entries if (e.framework, e.name) == (framework, name))


def test_an_optimizer_is_named_by_the_rule_that_it_is_proved_to_be(made):
    assert entry(made, "optax", "adam").stated == "adam"
    assert entry(made, "torch", "Adam").stated == "adam"
    assert entry(made, "torch", "Adadelta").stated == "adadelta_pytorch"


def test_code_paths_that_are_proved_to_be_one_share_an_entry(made):
    found = [e for e in made.entries if e.name == "Adam"]
    assert len(found) == 1
    assert found[0].paths == ("single tensors", "foreach", "capturable")
    assert found[0].configurations == 3


def test_a_transformation_is_the_direction_of_a_rule(made):
    found = entry(made, "optax", "scale_by_adam")
    assert (found.stated, found.direction) == ("adam", True)
    assert entry(made, "optax", "adam").direction is False


def test_what_no_rule_states_is_no_stated_rule(made):
    found = entry(made, "optax", "keep_params_nonnegative")
    assert (found.status, found.stated) == ("other", "")


def test_the_defects_of_optax_come_out_by_themselves(made):
    defects = {found.name: found.stated for found in made.defects}
    assert defects == {"adan": "adan_optax", "rprop": "rprop_optax"}
    page = atlas_page(made).markdown()
    section = page.partition("## Defects found")[2].partition("\n## ")[0]
    assert "every step applies the update that the step before computed" in section
    assert "0.92" in section


def test_the_defect_of_adan_is_a_formula_at_the_first_step_that_shows_it(made):
    between = made.between("adan_optax", "adan")
    assert between is not None
    assert between.status == "refuted"
    assert between.difference.free_symbols


def test_namesakes_of_two_frameworks_are_compared(made):
    pairs = {(pair.first[1], pair.second[1]): pair.comparison.status for pair in made.pairs}
    assert pairs == {("Adam", "adam"): "proved"}


def test_refusals_keep_their_reason(made):
    assert entry(made, "torch", "LBFGS").reason == "closure"
    assert "| torch `LBFGS` | closure |" in atlas_page(made).markdown()


def test_what_is_not_installed_is_said_and_skipped(made):
    assert made.missing == (("keras", "this needs keras; install it"),)
    assert "this needs keras; install it" in atlas_page(made).text()


def test_the_data_are_json_and_hold_every_entry(made):
    data = json.loads(made.json())
    assert [e["name"] for e in data["entries"]] == [e.name for e in made.entries]
    assert isinstance(made, Atlas)


def test_processes_give_the_same_atlas(rows, made, monkeypatch):
    again = run({"torch": rows["torch"], "optax": rows["optax"][:1]}, monkeypatch, jobs=2)
    assert [e for e in again.entries if e.framework == "torch"] == [
        e for e in made.entries if e.framework == "torch"
    ]


def test_progress_names_what_is_lifted_and_proved(rows, monkeypatch):
    seen = []
    run({"torch": rows["torch"][3:]}, monkeypatch, progress=lambda *told: seen.append(told))
    assert ("lift", "torch LBFGS()", 2, 2) in seen
    assert seen[-1][0] == "prove"
    assert seen[-1][2] == seen[-1][3]


def test_every_renderer_takes_the_page(made):
    page = atlas_page(made)
    assert "LBFGS" in page.html()
    assert r"\begin{document}" in page.latex()


def section(page, title):
    """The lines of a section's tables; numbers of formulas depend on what else is on the page."""
    body = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in body.splitlines() if line.startswith("|")]
    return [re.sub(r"(formula|algorithm) \d+", r"\1", row) for row in rows]


@pytest.mark.parametrize("framework", ["keras", "autograd"])
def test_the_committed_page_is_what_the_frameworks_give(framework):
    pytest.importorskip(framework)
    if not PAGE.exists():
        pytest.skip("no page is committed; symopt atlas --md derivations/atlas.md makes it")
    committed = PAGE.read_text(encoding="utf-8")
    version = importlib.metadata.version(framework)
    if f"{framework} {version}" not in committed:
        pytest.skip(f"the page was made with another version than {framework} {version}")
    page = atlas_page(atlas((framework,))).markdown()
    assert section(page, framework)
    assert section(page, framework) == section(committed, framework)


def test_the_command_writes_every_format(rows, monkeypatch, tmp_path):
    def made_of(frameworks, **settings):
        return run({"torch": rows["torch"][3:]}, monkeypatch)

    monkeypatch.setattr("symopt.verification.atlas.atlas", made_of)
    result = CliRunner().invoke(main, ["atlas", "-o", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["atlas.html", "atlas.json", "atlas.md", "atlas.tex"]
    assert "torch" in result.stdout
    shown = CliRunner().invoke(main, ["atlas", "--quiet", "--json"])
    assert json.loads(shown.stdout) == json.loads((tmp_path / "out" / "atlas.json").read_text())


def test_an_unknown_framework_is_refused():
    with pytest.raises(InputError, match="Did you mean"):
        atlas(("torsch",))
