"""Velocities that keep the law of points in two or three dimensions: small experiments."""
