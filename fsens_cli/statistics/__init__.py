"""Intervals on numbers that come from per-image tables."""
