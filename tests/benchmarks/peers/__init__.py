"""The same job as the service's worker, as users of other frameworks would write it.

Each reads the events, calls the same ``observe`` and ``judge``, keeps durable state and writes the
records; none finds duplicates, late events or gaps, closes by time, rolls up or exposes metrics,
all of which the worker does besides. Never dependencies of the product: each runs in an
environment of its own (:mod:`tests.benchmarks.peers.environments`).
"""
