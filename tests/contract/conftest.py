"""The fixtures of the contract tests."""

from tests.contract.brokers import broker

__all__ = ["broker"]
