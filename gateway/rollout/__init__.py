"""Rollouts that drive themselves: what is counted, what it proves, and what follows from it."""
