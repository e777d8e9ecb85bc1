"""Multilayer perceptrons in the width, on changes instead of differences."""
