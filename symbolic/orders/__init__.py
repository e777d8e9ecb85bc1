"""The arithmetic of orders of magnitude."""
