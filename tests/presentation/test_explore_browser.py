"""The interactive page in a real Chromium: equal bits, no error, no request, and it can be used."""

import json

import pytest
from chromium import PROGRAM, Browser
from printed import ANSWER, cases_for, dice
from test_explore import compare

from symopt.presentation.explore import explore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed"),
]
BEALE = "#start=1,3/2&steps=40&run=momentum;eta=0.005;mu=0.5&run=rprop"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def beale(place):
    return explore("beale").save(place / "beale.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with Browser() as opened:
        yield opened


@pytest.fixture
def page(browser, beale):
    """The page on Beale with known settings, freshly loaded."""
    browser.open("about:blank")
    browser.messages.clear()
    browser.requests.clear()
    browser.open(beale + BEALE)
    return browser


def text(page, selector):
    return page.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def type_into(page, field, words):
    page.evaluate(
        f"{{const field = document.getElementById({json.dumps(field)});"
        f"field.value = {json.dumps(words)}; field.dispatchEvent(new Event('input'));}}"
    )
    page.settle()


@pytest.mark.parametrize("objective", ["beale", "rosenbrock", "himmelblau", "elongated_bowl"])
def test_every_offered_rule_gives_the_kernels_bits_in_chromium(browser, place, objective):
    offered = explore(objective)
    browser.open(offered.save(place / f"{objective}.html").as_uri())
    cases = cases_for(offered, dice(5), count=3, steps=60)
    answers = browser.evaluate(f"{{const cases = {json.dumps(cases)}; {ANSWER}}}")
    compared = compare(offered, cases, answers)
    assert {name for name, count in compared.items() if count < 3} == {"nadam"}


def test_the_page_asks_for_nothing_and_complains_of_nothing(page, beale):
    assert page.messages == []
    assert page.requests == [beale]


def test_the_title_and_the_caption_state_the_whole_run(page):
    stated = (
        "Momentum (η = 0.005, μ = 0.5); Rprop (η = 1, ηₚₗᵤₛ = 1.2, ηₘᵢₙᵤₛ = 0.5, Δᵐᵃˣ = 50, "
        "Δᵐⁱⁿ = 1e-6); on Beale from (1, 3/2), 40 steps, float64."
    )
    assert text(page, "#map-caption").startswith(stated)
    assert page.evaluate("document.title") == f"{stated[:-1]} – symopt"


def test_a_click_on_the_map_sets_the_start(page):
    x, y = page.evaluate(
        "(() => { const box = find('map').getBoundingClientRect(); const [x, y] = map.at(-2, 1);"
        "return [box.left + x, box.top + y]; })()"
    )
    page.click(x, y)
    page.settle()
    start = page.evaluate("settings.start.map(Number)")
    assert start == pytest.approx([-2, 1], abs=0.02)
    assert f"start={start[0]:g}," in page.evaluate("location.hash")


def test_arrow_keys_move_the_start_and_the_sliders(page):
    page.evaluate("find('map').focus()")
    page.press("ArrowRight")
    assert page.evaluate("Number(settings.start[0])") == pytest.approx(1.045)
    page.evaluate("document.querySelector('fieldset.run0 input[type=range]').focus()")
    before = page.evaluate("Number(settings.runs[0].hyper[0])")
    page.press("ArrowRight")
    after = page.evaluate("Number(settings.runs[0].hyper[0])")
    assert before < after < 1.1 * before
    assert page.evaluate("Number(find('run0-eta').value)") == after
    assert f"eta={after:g};" in page.evaluate("location.hash")


def test_what_is_typed_in_is_used_and_checked(page):
    type_into(page, "run0-mu", "0.75")
    assert "mu=0.75" in page.evaluate("location.hash")
    type_into(page, "run0-mu", "1.5")
    assert text(page, "#run0-mu-error") == "μ must lie in [-1, 1]"
    assert page.evaluate("find('run0-mu').getAttribute('aria-invalid')") == "true"
    assert "mu=0.75" in page.evaluate("location.hash")
    type_into(page, "steps", "7.5")
    assert "whole number" in text(page, "#steps-error")


def test_rules_are_added_chosen_and_removed(page):
    page.evaluate("find('add').click()")
    assert page.evaluate("settings.runs.map(({rule}) => rule)") == [
        "momentum", "rprop", "gradient_descent",
    ]  # fmt: skip
    assert page.evaluate("find('add').disabled")
    page.evaluate("find('rule2').value = 'adam'; find('rule2').dispatchEvent(new Event('change'))")
    page.settle()
    assert page.evaluate("document.activeElement.id") == "rule2"
    assert "Adam (η" in text(page, "#map-caption")
    page.evaluate("document.querySelector('fieldset.run1 .chooser button').click()")
    assert page.evaluate("settings.runs.map(({rule}) => rule)") == ["momentum", "adam"]


def test_a_diverging_run_says_at_which_step(page):
    type_into(page, "run0-eta", "1")
    step = page.evaluate("results[0].diverged")
    assert step > 1
    assert f"diverges at step {step}" in text(page, "#map-caption")
    assert f"diverges at step {step}" in text(page, "#results tbody")


def test_the_export_holds_every_number(page):
    told = json.loads(page.evaluate("JSON.stringify(exported())"))
    assert told["start"] == ["1", "3/2"]
    assert told["runs"][0]["hyperparameters"] == {"eta": "0.005", "mu": "0.5"}
    assert told["runs"][0]["columns"] == ["x1", "x2", "v_x1", "v_x2", "f"]
    assert len(told["runs"][0]["rows"]) == 41
    import symopt

    expected = symopt.run("momentum", "beale", ("1", "3/2"), 40, eta="0.005", mu="0.5")
    assert [row[:2] for row in told["runs"][0]["rows"]] == expected.x.tolist()


def test_an_address_that_is_not_understood_says_so_and_the_rest_is_used(browser, beale):
    browser.open("about:blank")
    browser.open(beale + "#start=5&steps=-1&run=nothing&run=adam;eta=2;x=1;beta1=7")
    told = text(browser, "#problem")
    for part in ("start=5", "steps must be", "no rule nothing", "adam has no x", "β₁ must lie"):
        assert part in told
    assert browser.evaluate("settings.runs[0].hyper[0]") == "2"


def test_the_frame_of_a_notebook_runs_the_page_without_complaint(browser, place):
    frame = place / "notebook.html"
    frame.write_text(f"<!DOCTYPE html>{explore('saddle', ('momentum', 'lion'))._repr_html_()}")
    browser.open("about:blank")
    browser.messages.clear()
    browser.open(frame.as_uri())
    inside = "document.querySelector('iframe').contentDocument"
    assert "Momentum (η" in browser.evaluate(f"{inside}.getElementById('map-caption').textContent")
    assert browser.messages == []


def test_values_beyond_any_scale_leave_the_page_alive(browser, place):
    browser.open("about:blank")
    page = explore("saddle", ("momentum",)).save(place / "far.html").as_uri()
    browser.open(f"{page}#start=1e200,1e200&steps=2000&run=momentum;eta=5;mu=0")
    browser.open("about:blank")
    browser.open(f"{page}#start=1e20,3&steps=5&run=momentum;eta=0;mu=0")
    assert "from (1e20, 3)" in text(browser, "#map-caption")
    assert browser.messages == []


def test_dark_and_print_have_their_own_colors(page, beale):
    corner = "map.pen.getImageData(2, 2, 1, 1).data[0]"
    assert page.evaluate(corner) == 255
    with Browser(dark=True) as dark:
        dark.open(beale)
        assert dark.evaluate(corner) < 40
        assert dark.pdf().startswith(b"%PDF")
        assert dark.messages == []
