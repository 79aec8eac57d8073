"""empathy-stream: recognition of the customer, measured live on conversation events."""

__version__ = "0.1.0"
