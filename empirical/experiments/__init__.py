"""Experiments that need more than one sweep."""
