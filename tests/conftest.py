"""Shared by all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Machines are slow and shared: a slow example is no failure.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")
