"""Certificates: proofs of answers in JSON, and a verifier that rechecks them with exact fractions alone."""
