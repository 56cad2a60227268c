"""Command-line programs; each is `python -m apps.NAME`."""
