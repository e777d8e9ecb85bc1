"""Answers, as plain data."""
