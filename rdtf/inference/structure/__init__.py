"""What the equations say before any number: elimination, and what cannot be told."""
