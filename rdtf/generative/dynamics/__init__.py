"""Dynamics from snapshots: which equations leave the law of patterns as it is."""
