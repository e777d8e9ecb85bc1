"""The entry point of `python -m scalings`."""

import gc
import signal


def main() -> int:
    """Run one command as a process of its own; returns its exit code. SIGTERM interrupts it as SIGINT does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from scalings.command_line.app import main as command

        code = command()
    except KeyboardInterrupt:  # before the command began, or a second one
        return 130
    gc.freeze()  # the process ends: its last search for garbage would take a quarter of a derivation's time
    return code


if __name__ == "__main__":
    raise SystemExit(main())
