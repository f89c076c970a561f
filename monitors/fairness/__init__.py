"""Fairness: whether groups are selected, and mistaken, alike."""
