"""Weir: routes clicks, takes postbacks, counts the money live."""

from importlib import resources

__version__ = "0.1.0"


def build() -> str:
    """`"506ab295fd23ec0d release"` in a compiled executable (build/binary.py writes it), else `""`."""
    file = resources.files(__name__) / "BUILD"
    return file.read_text("utf-8").strip() if file.is_file() else ""


def full_version() -> str:
    """`"0.1.0"`, or `"0.1.0 (build 506ab295fd23ec0d release)"` in a compiled executable."""
    made = build()
    return f"{__version__} (build {made})" if made else __version__
