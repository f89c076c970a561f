"""Tests of monitors/fairness."""
