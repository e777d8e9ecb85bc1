"""Any torch module, written down while it runs."""
