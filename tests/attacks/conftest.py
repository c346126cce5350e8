"""Fixtures of attacks: those of whole nights."""

from tests.orchestration.conftest import agreements

__all__ = ["agreements"]
