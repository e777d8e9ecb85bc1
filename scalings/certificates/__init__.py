"""Proofs that anybody can recheck."""
