"""Models with data: every module-level ``ArrayObjective`` here is an entry of ``symopt.models``."""
