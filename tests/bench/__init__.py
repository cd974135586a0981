"""`make bench`: what the guarantees cost, as ratios of pairs taken in turn in one run.

`python -m tests.bench` starts a durable embedded PostgreSQL of its own, fills it, measures, and writes `bench.json`.
"""
