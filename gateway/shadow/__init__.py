"""Shadows: versions that answer recorded requests once more, beside the version that answered the client."""
