"""The package's copyright file: what is inside, and under which terms, from what is installed to build it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "build"))

import recipe  # noqa: E402

HEAD = """\
Weir contains the software below, compiled or as it came, each under its own terms. Every text stands once,
under the first name that it was found for.
"""
TEXT = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$", re.IGNORECASE)


def collected() -> str:
    """The whole file. Raises importlib.metadata.PackageNotFoundError outside the build's environment."""
    parts = [HEAD]
    seen: dict[str, str] = {}
    python = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    packages = [(f"Python {sys.version.split()[0]}", "PSF-2.0", [python] if python.is_file() else [])]
    for package in recipe.dependencies():
        found = importlib.metadata.distribution(package.name)
        texts = [Path(str(found.locate_file(file))) for file in found.files or () if TEXT.search(str(file))]
        packages.append((f"{package.name} {package.version}", terms(found), texts))
    for title, kind, texts in packages:
        parts.append(f"{'-' * 80}\n{title}: {kind}\n")
        for text in sorted(path.read_text("utf-8", "replace").strip() for path in texts if path.is_file()):
            first = seen.setdefault(text, title)
            parts.append(f"{text}\n" if first == title else f"The text as under {first}.\n")
    return "\n".join(parts)


def terms(found: importlib.metadata.Distribution) -> str:
    """One line: the SPDX expression, else the classifiers, else the first line of the licence field."""
    if expression := found.metadata.get("License-Expression"):
        return str(expression)
    classifiers = found.metadata.get_all("Classifier") or []
    named = [line.rpartition("::")[2].strip() for line in classifiers if line.startswith("License ::")]
    plain = (found.metadata.get("License") or "see below").strip().splitlines()[0]
    return ", ".join(named) or plain
