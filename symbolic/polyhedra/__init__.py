"""Exact linear inequalities, each answer with its proof; knows no network."""
