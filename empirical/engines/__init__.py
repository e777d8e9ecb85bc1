"""Engines: train one network at one size, from many seeds at once, and observe it."""
