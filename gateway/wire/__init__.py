"""Bytes to queries and answers to bytes, as the Open Inference Protocol v2 and Triton's extensions define them."""
