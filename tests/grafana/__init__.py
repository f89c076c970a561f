"""Rules for Prometheus, and what belongs to them."""
