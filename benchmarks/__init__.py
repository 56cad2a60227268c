"""Measured claims: rdtf beside its peers, same work, same run."""
