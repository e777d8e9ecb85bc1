"""Figures: answers as pictures, one module for each kind of answer."""
