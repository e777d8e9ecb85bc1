"""Polyhedra: exact linear inequalities, where every conclusion comes with its proof; knows no network."""
