"""From numbers at several widths to an exponent with an interval; no torch."""
