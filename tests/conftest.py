"""How the tests are dealt to two workers.

Neighbors stay together, since they ask for the same proofs, and what a worker has left is taken
over by the other. Files with tests of half a minute go first: none of them is left for the end.
"""

LONG = (
    "frameworks/test_audit.py",
    "frameworks/test_atlas.py",
    "presentation/test_pages.py",
    "studies/test_false_proofs.py",
    "verification/test_screen.py",
)


def pytest_configure(config):
    if getattr(config.option, "dist", "no") == "load":  # what ``-n`` alone means
        config.option.dist = "worksteal"


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))
