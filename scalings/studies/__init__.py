"""Studies: theory and measurement run side by side, and a verdict on whether they agree."""
