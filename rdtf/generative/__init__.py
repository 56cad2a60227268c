"""Networks that learn from patterns: score models, and how good their samples are."""
