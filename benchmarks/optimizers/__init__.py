"""Optimizers that torch does not have, as short as their papers state them, for `python -m benchmarks laws`.

They are to be measured, not used: each has its paper's defaults, no weight decay, and no schedule.
"""
