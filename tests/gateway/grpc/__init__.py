"""Tests of the gRPC side."""
