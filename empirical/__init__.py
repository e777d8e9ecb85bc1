"""Measurement: networks trained at many widths, and exponents fitted to what is observed (torch)."""
