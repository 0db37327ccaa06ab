"""Nuitka's questions about our build, answered. Loaded by Nuitka through --user-plugin (recipe.py)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nuitka.plugins.PluginBase import NuitkaPluginBase  # type: ignore[import-untyped]
from nuitka.tools.onefile_compressor import OnefileCompressor

HERE = Path(__file__).resolve().parent
COMPRESSION = 9

LOOK_IN_FOLDER = """
import importlib.machinery, os, sys
_folder = os.path.join(__nuitka_binary_dir, "chdb")
sys.path_importer_cache[_folder] = importlib.machinery.FileFinder(
    _folder, (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
)
"""


class WeirPlugin(NuitkaPluginBase):  # type: ignore[misc]
    plugin_name = "weir"

    def __init__(self) -> None:
        self._inside: set[str] = set(json.loads(os.environ["WEIR_BUILD_INSIDE"]))
        self._interpreted: list[str] = json.loads(os.environ["WEIR_BUILD_INTERPRETED"])
        self._site = os.environ["WEIR_BUILD_SITE"]
        self._services: list[str] = json.loads(os.environ["WEIR_BUILD_SERVICES"])
        # Nuitka has 22 (an hour for chDB's library beside other work) and, with fewer compilers at once, 3.
        # Of 555 MB: level 3 leaves 155 in 46 s, 9 leaves 139 in 107 s, 12 leaves 138 in 429 s.
        OnefileCompressor.getCompressorLevel = lambda low_memory: COMPRESSION

    def onModuleEncounter(  # noqa: N802  Nuitka's name
        self, using_module_name: Any, module_name: Any, module_filename: str | None, module_kind: str
    ) -> tuple[bool, str] | None:
        """Of what is installed, only what pyproject.toml asks for; the development tools stay out."""
        top = str(module_name).partition(".")[0]
        if module_filename and module_filename.startswith(self._site) and top not in self._inside:
            return False, "no dependency of Weir"
        return None

    def decideCompilation(self, module_name: Any) -> str | None:  # noqa: N802
        """Compiled to C, or kept as the bytecode that the interpreter runs as it always does."""
        name = str(module_name)
        # __parents_main__ and ssl-preLoad are Nuitka's own: the first has no bytecode, and of the second's
        # Nuitka 4.3.3 cannot take what it cached.
        if name.startswith("__") or "-" in name or name == "appliance":
            return "compiled"
        interpreted = any(name == each or name.startswith(each + ".") for each in self._interpreted)
        return "bytecode" if interpreted or not name.startswith("appliance.") else None

    def onDataFileTags(self, included_datafile: Any) -> None:  # noqa: N802
        """Nuitka takes every model of botocore's; each is a folder, what is for all of them lies beside."""
        model = Path(included_datafile.dest_path).parts
        if model[:2] == ("botocore", "data") and len(model) > 3 and model[2] not in self._services:
            included_datafile.tags.clear()
            included_datafile.tags.add("inhibit")

    @staticmethod
    def createPreModuleLoadCode(module: Any) -> tuple[str, str] | None:  # noqa: N802
        """Nuitka's own path hook finds nothing below the program's folder; chDB's extension lies there."""
        if module.getFullName() != "chdb":
            return None
        return LOOK_IN_FOLDER, "chDB's extension is found by Python's own import"

    def getExtraCodeFiles(self) -> dict[str, str]:  # noqa: N802
        """launch.c goes into the onefile's bootstrap; Nuitka takes the names with `onefile_` for that."""
        source = (HERE / "launch.c").read_text("utf-8")
        return {"onefile_launch.c": source.replace("@BUILD@", os.environ["WEIR_BUILD_ID"])}
