"""Numbers and memory; knows no network."""
