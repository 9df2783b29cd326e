"""Runs of printed JavaScript against the Python kernel, with random starts and hyperparameters."""

import json
import random
import shutil
import struct
import subprocess
from fractions import Fraction
from importlib.resources import files

import numpy as np

import symopt
from symopt.execution import arithmetic
from symopt.execution.kernel import build_kernel
from symopt.program.printers.python import FLOAT

NODE = shutil.which("node")
RUN = (files("symopt.presentation") / "templates" / "explore_run.js").read_text("utf-8")
#: What a page or node does with cases: the bits of all slots at all steps, and of the values.
ANSWER = """cases.map(({name, start, hyper, steps}) => {
  const {rows} = trajectory(name, start.map(read), hyper.map(read), steps);
  return rows.map((row) => [...row, value(row[0], row[1])[0]].map(bits));
})"""


def in_node(code, cases):
    script = f'"use strict";{code}\n{RUN}\nconst cases = {json.dumps(cases)};'
    script += f"console.log(JSON.stringify({ANSWER}));"
    done = subprocess.run(
        [NODE, "--input-type=commonjs", "-"],
        input=script, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout)


def some_value(entry, dice):
    """A decimal in the domain of a hyperparameter, near to what people use."""
    low, high = entry.domain.inf, entry.domain.sup
    if not high.is_finite:
        if low == 0:
            return f"{dice.uniform(1, 9.99):.2f}e{dice.choice([-4, -3, -2, -1])}"
        if not low.is_finite:
            return f"{dice.uniform(-2, 2):.3f}"
        return f"{float(low) + dice.uniform(0.05, 1):.3f}"
    if not low.is_finite:
        return f"{float(high) - dice.uniform(0.05, 1):.3f}"
    return f"{dice.uniform(float(low), float(high)) * 0.998 + 0.001:.5f}"


def cases_for(page, dice, count, steps):
    """Random runs of each rule: starts in the window, every hyperparameter in its domain."""
    found = []
    (x0, x1), (y0, y1) = page.data["objective"]["window"]
    for code in page.codes:
        for _ in range(count):
            found.append({
                "name": code.rule.name,
                "start": [f"{dice.uniform(x0, x1):.4f}", f"{dice.uniform(y0, y1):.4f}"],
                "hyper": [some_value(code.rule.parameter(n), dice) for n in code.step.hyper],
                "steps": steps,
            })  # fmt: skip
    return found


class RoundedPower(float):
    """A number whose integer powers are rounded to nearest, as the page has them."""

    def __pow__(self, exponent):
        power = Fraction(float(self)) ** exponent
        return arithmetic.nearest(power)


def hexadecimal(number):
    number = float(number)
    return struct.pack(">d", float("nan") if number != number else number).hex()


def by_run(page, case):
    """What ``symopt.run`` gives in float64."""
    code = next(code for code in page.codes if code.rule.name == case["name"])
    hyper = dict(zip(code.step.hyper, case["hyper"], strict=True))
    done = symopt.run(code.rule, page.objective, case["start"], case["steps"], **hyper)
    columns = [
        done.x[:, index] if name == "x" else done.state[name] if index is None
        else done.state[name][:, index]
        for name, index in code.step.slots
    ]  # fmt: skip
    return [
        [hexadecimal(number) for number in row]
        for row in np.stack([*columns, done.values], axis=-1)
    ]


def by_kernel_with_rounded_powers(page, case):
    """The rows of the Python kernel, whose b**t alone is replaced by the nearest number."""
    code = next(code for code in page.codes if code.rule.name == case["name"])
    kernel = build_kernel(code.rule, page.objective, FLOAT)
    rows = []
    kernel.bind(arithmetic.float64())(
        *map(float, case["start"]), *map(RoundedPower, case["hyper"]), case["steps"], rows.append
    )
    return [[hexadecimal(number) for number in row] for row in rows]


def dice(seed):
    return random.Random(seed)
