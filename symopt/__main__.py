"""``python -m symopt`` is the command ``symopt``."""

from symopt.cli import main

if __name__ == "__main__":
    main(prog_name="symopt")
