"""Recorded requests sent again, in the order and with the gaps in which they came, and their labels when they became known."""
