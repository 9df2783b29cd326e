"""Imports point one way: errors < statement < program, catalogue < derivation < execution < ..."""

import ast
from pathlib import Path

import pytest

import symopt

ROOT = Path(symopt.__file__).parent
LAYERS = {
    "errors": 0, "statement": 1, "program": 2, "catalogue": 2, "derivation": 3, "execution": 4,
    "verification": 5, "presentation": 6, "testing": 7, "pytest_plugin": 8, "cli": 8,
    "symbols": 9, "array": 9, "__main__": 9, "__init__": 9,
}  # fmt: skip
#: The only imports that may point the other way, all inside functions, with their reasons.
EXCEPTIONS = {
    # convenience properties and methods that the design documents
    ("statement.objective", "derivation.gradient"): "Objective.gradient and .hessian",
    ("statement.objective", "derivation.critical_points"): "Objective.critical_points()",
    ("statement.array.objective", "derivation.array.gradient"): "ArrayObjective.gradient",
    ("statement.array.bound", "execution.array.kernel"): "BoundObjective.value() and .gradient()",
    ("statement.array.bound", "execution.array.at_point"): "the same in exact arithmetics",
    ("derivation.unroll", "execution.maps"): "Unrolled.lambdify() and .evaluate()",
    # what a notebook shows
    **dict.fromkeys(
        [
            (module, "presentation.rich")
            for module in (
                "statement.rule",
                "statement.objective",
                "statement.array.objective",
                "derivation.unroll",
                "execution.trajectory",
                "verification.verdict",
                "verification.identification",
            )
        ],
        "_repr_mimebundle_",
    ),
    ("derivation.every_step", "presentation.every_step"): "print(), Jupyter and .document()",
    ("derivation.stability", "presentation.stability"): "print(), Jupyter and .document()",
}
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")
)


def imports(module):
    """Every symopt module that a module imports, and where: at its top or in a function."""
    tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text("utf-8"))
    found = []

    def visit(node, place):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return  # names for annotations: never imported
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            place = "function"
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import; write the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.extend((resolved(name), place) for name in names)
        elif isinstance(node, ast.Import):
            found.extend((resolved(alias.name), place) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child, place)

    visit(tree, "top")
    return [(target, place) for target, place in found if target]


def resolved(name):
    """The module of symopt that an imported name lies in, without the package's own name."""
    parts = name.split(".")
    if parts[0] != "symopt":
        return None
    while (
        parts[1:] and ".".join(parts[1:]) not in MODULES and not (ROOT / Path(*parts[1:])).is_dir()
    ):
        parts.pop()
    return ".".join(parts[1:]) or "__init__"


def layer(module):
    first = module.split(".")[0]
    assert first in LAYERS, f"{first} has no place in the layers; add it to LAYERS"
    return LAYERS[first]


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
def test_imports_point_against_the_arrows(module):
    for target, place in imports(module):
        if target == "__init__":  # the public face: for the catalogue of others and the outside
            assert layer(module) >= LAYERS["testing"], f"{module} imports the package itself"
            continue
        if place == "function" and (module, target) in EXCEPTIONS:
            continue
        assert layer(target) <= layer(module), f"{module} imports {target} ({place})"


def test_every_exception_is_still_needed():
    for module, target in EXCEPTIONS:
        assert (target, "function") in imports(module), f"{module} no longer needs {target}"
        assert layer(target) > layer(module), f"{module} -> {target} is no exception"


def test_the_walk_sees_what_it_should():
    assert ("derivation.step", "top") in imports("execution.kernel")
    assert ("derivation.gradient", "function") in imports("statement.objective")
    assert len(MODULES) > 50


def test_no_module_imports_a_star():
    """Except ``symopt.symbols`` and ``symopt.array``: for users' own files."""
    for module in MODULES:
        text = (ROOT / Path(*module.split("."))).with_suffix(".py").read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and module not in ("array", "symbols"):
                assert "*" not in [alias.name for alias in node.names], module
