"""More than one sweep."""
