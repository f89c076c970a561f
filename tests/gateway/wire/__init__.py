"""Tests of the wire forms of tensors, requests and answers."""
