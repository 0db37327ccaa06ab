"""Runs a program under a part of packaging/weir.service's sandbox, where no systemd runs.

`python -m tests.sandbox program …` sets the unit's system call filter, by libseccomp, as systemd would:
what is not in the list fails with EPERM. Address families, namespaces and set-user-id bits are not in it.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys

from tests.rig import ROOT

UNIT = ROOT / "packaging" / "weir.service"
LIBRARY = "libseccomp.so.2"
_ERRNO_EPERM = 0x00050001
_ALLOW = 0x7FFF0000


def settings(key: str) -> list[str]:
    """Every value that the unit has for `key`, in order."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def calls(group: str) -> set[str]:
    """The system calls of one of systemd's groups, `@system-service`."""
    if not group.startswith("@"):
        return {group}
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    )
    inside = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
    return {call for name in inside if not name.startswith("#") for call in calls(name)}


def allowed() -> set[str]:
    """What the unit's filters leave."""
    left: set[str] = set()
    for line in settings("SystemCallFilter"):
        named = {call for group in line.removeprefix("~").split() for call in calls(group)}
        left = left - named if line.startswith("~") else left | named
    return left


def confine() -> None:
    """From now on, for this process and its children. Raises OSError when the library or kernel refuses."""
    seccomp = ctypes.CDLL(LIBRARY, use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    seccomp.seccomp_rule_add.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint)
    seccomp.seccomp_load.argtypes = (ctypes.c_void_p,)
    rules = seccomp.seccomp_init(_ERRNO_EPERM)
    for name in sorted(allowed()):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # another architecture's
            seccomp.seccomp_rule_add(rules, _ALLOW, number, 0)
    if failed := seccomp.seccomp_load(rules):
        raise OSError(-failed, os.strerror(-failed))


if __name__ == "__main__":
    confine()
    os.execvp(sys.argv[1], sys.argv[1:])
