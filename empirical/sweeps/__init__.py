"""Sweeps: training at many widths from many seeds, what it costs, and what was measured."""
