"""Faults under load: kills, restarts, versions that come and go."""
