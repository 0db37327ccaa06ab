"""`make bare`: what is shipped works on a bare Debian 12 without Python, and leaves nothing behind.

    python -m tests.bare.prove --deb dist/weir_*.deb [--binary dist/weir]

As root. Everything happens in namespaces of its own: mounts, processes and the network vanish with the
proof, however it ends. The last line is `bare: N checks, 0 failed`; the exit code is 0 only then.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bare.onefile import Onefile
from tests.bare.package import Package
from tests.bare.root import Root, kept_tar
from tests.bare.script import Script
from tests.bare.table import Table
from tests.rig import ROOT

LONGEST = 1800.0
"""Seconds: several times what it takes on two busy cores."""
# A proof that is killed -9 takes everything with it: the signal reaches unshare, and that its child.
NAMESPACES = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "--net",
    "--kill-child",
]


def main() -> int:
    parser = argparse.ArgumentParser(description="Proves what is shipped on a bare Debian 12.")
    parser.add_argument("--deb", type=Path, help="the package; without it only the executable is proved")
    parser.add_argument("--binary", type=Path, help="the executable, and with it packaging/install.sh")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # inside the namespaces
    asked = parser.parse_args()
    for path in (asked.deb, asked.binary):
        if path is not None and not path.is_file():
            parser.error(f"{path} is not there: make binary deb")
    if asked.deb is None and asked.binary is None:
        parser.error("name --deb, --binary or both")
    if asked.folder is not None:
        return inside(asked.folder, asked.deb, asked.binary)
    if os.geteuid() != 0:
        raise SystemExit("bare: only root can make a bare root and install into it: sudo make bare")
    return outside(sys.argv[1:])


def outside(arguments: list[str]) -> int:
    """Prepare, run the same program again in namespaces of its own, remove what it leaves on disk."""
    tar = kept_tar()
    # An end by SIGTERM shall remove the directory too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="weir-bare-"))
    proof = None
    try:
        began = time.monotonic()
        Root(folder / "root").unpack(tar)
        print(f"bare root unpacked in {time.monotonic() - began:.1f} s", flush=True)
        again = [sys.executable, "-m", "tests.bare.prove", *arguments, "--folder", str(folder)]
        proof = subprocess.Popen([*NAMESPACES, *again], env=os.environ | {"PYTHONPATH": str(ROOT)})
        return proof.wait(LONGEST)
    except subprocess.TimeoutExpired:
        print(f"bare: not done after {LONGEST:g} s; ended", flush=True)
        return 1
    finally:
        if proof is not None and proof.poll() is None:
            proof.kill()  # with it its child, which is the namespace's init: everything in there ends
            proof.wait()
        remove(folder)


def remove(folder: Path) -> None:
    """The namespace may still be on its way out: a moment later nothing is mounted below any more."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    print(f"bare: {folder} could not be removed", flush=True)


def inside(folder: Path, deb: Path | None, binary: Path | None) -> int:
    """The checks."""
    began = time.monotonic()
    raise_loopback()
    root, table = Root(folder / "root"), Table()
    root.mount()
    if deb is not None:
        with table.check("the story of the package is told to its end"):
            Package(root, deb.resolve(), table, folder).prove()
    if binary is not None:
        with table.check("the story of the executable is told to its end"):
            Onefile(root, binary.resolve(), table).prove()
        with table.check("the story of install.sh is told to its end"):
            Script(root, binary.resolve(), table).prove()
    print(f"{time.monotonic() - began:.0f} s")
    for name in table.failed:
        print(f"failed: {name}")
    print(table.closing_line())
    return 1 if table.failed else 0


def raise_loopback() -> None:
    """A new network namespace has `lo`, but down: SIOCGIFFLAGS, set IFF_UP, SIOCSIFFLAGS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        asked = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, 0x8913, asked), 16)
        fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))


if __name__ == "__main__":
    sys.exit(main())
