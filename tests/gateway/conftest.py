"""What holds for all tests of the gateway."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # other tests may be using the processor just then
settings.load_profile("unhurried")
