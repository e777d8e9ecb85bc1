"""Certificates: derivations and checks written as proofs that scalings.certificates verifies."""
