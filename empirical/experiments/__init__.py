"""Experiments of more than one sweep: calibration, freedom, optimizer laws, richness and transfer."""
