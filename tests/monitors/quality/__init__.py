"""Tests of monitors/quality."""
