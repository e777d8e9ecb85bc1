"""Many widths, many seeds."""
