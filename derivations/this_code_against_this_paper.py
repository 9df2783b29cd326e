"""This code against this paper: a class is read, and proved to be another rule than it cites."""

from pathlib import Path

import symopt
from symopt.presentation.compose import required
from symopt.presentation.document import Listing
from symopt.verification.naming import common_names
from symopt.verification.target import load_target

file = Path(__file__).with_name("_careless_nesterov.py")
code = symopt.lift(load_target(f"{file}:Nesterov"))
paper = symopt.rules.nesterov_bengio
against_paper = required(symopt.prove(code, paper), "refuted")
named = required(symopt.prove(code, "nesterov_new_velocity"))
# The code calls its learning rate lr; under the paper's letters it can be set beside the paper.
same_letters, *_ = common_names(code, paper)
ours, theirs = symopt.stability(same_letters).region, symopt.stability(paper).region

document = symopt.compose(
    "This code against this paper",
    "A class in the style of course notes cites a paper. It is executed on unknown numbers, which "
    "gives the rule that it computes; that rule is then compared with the paper's by proof.",
    symopt.compose("The code", Listing(file.read_text("utf-8").partition("\n\n\n")[2], "python")),
    symopt.compose(
        "What it computes, beside what the paper has",
        *symopt.compare(paper, same_letters, steps=1).only("Side by side").blocks[0].blocks,
    ),
    symopt.prose("The paper's rule is that of {}.", paper.source),
    symopt.compose("Is it the paper's rule?", against_paper),
    symopt.compose(
        "Which rule is it?",
        "The library states this rule, because the mistake is common:",
        named,
    ),
    symopt.compose(
        "What it costs",
        symopt.prose(
            "On a quadratic the code converges if the learning rate times the curvature is below "
            "{}; the paper's rule converges below {}.",
            ours.limit,
            theirs.limit,
        ),
        symopt.compare(
            paper, "nesterov_new_velocity", objective="elongated_bowl", eta="9/20", x0=[-7, 2]
        )
        .only("Pictures")
        .blocks[0]
        .blocks[0],
    ),
)
