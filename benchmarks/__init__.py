"""Measurements on synthetic data with a fixed seed; they assert nothing (`make bench`)."""
