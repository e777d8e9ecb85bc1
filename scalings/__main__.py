"""The entry point of `python -m scalings`."""

from scalings.command_line.app import main

if __name__ == "__main__":
    raise SystemExit(main())
