"""Data quality: missing, infinite, out of range, unseen, constant, repeated, refused."""
