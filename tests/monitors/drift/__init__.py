"""Tests of monitors/drift."""
