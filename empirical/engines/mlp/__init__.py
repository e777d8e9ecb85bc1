"""Multilayer perceptrons in the width, trained on the changes since initialization so that nothing cancels."""
