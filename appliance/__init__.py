"""Weir: routes clicks, takes postbacks, counts the money live."""

__version__ = "0.1.0"
