"""Settings of the property tests: what is slow on a busy machine is not wrong."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("course", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("course")
