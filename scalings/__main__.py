"""The entry point of `python -m scalings`."""

import gc

from scalings.command_line.app import main as command


def main() -> int:
    """Run one command as a process of its own; returns its exit code."""
    code = command()
    gc.freeze()  # the process ends: its last search for garbage would take a quarter of a derivation's time
    return code


if __name__ == "__main__":
    raise SystemExit(main())
