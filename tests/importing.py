"""Imports modules that import Ray, which warns of itself."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType


def quietly(module: str) -> ModuleType:
    """The module; warnings are errors in our tests, but not those that Ray Serve makes while it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)
