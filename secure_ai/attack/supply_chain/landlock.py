"""Landlock: this process writes in one folder and reads in a few, and cannot take that back (Linux 5.13).

Source: Linux man-page landlock(7); kernel documentation, userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
NO_NEW_PRIVILEGES = 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE = 1 << 14
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
FIRST_VERSION, REFER, TRUNCATED, CONNECTED, DEVICES, SCOPED = 1, 2, 3, 4, 5, 6
RIGHTS_OF_FIRST = (1 << 13) - 1
DEVICES_READ = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def confine_files(readable: Sequence[str], writable: str) -> str:
    """Confine this process to reading ``readable`` and writing below ``writable``; "closed", or why not."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < FIRST_VERSION:
        return "this kernel has no Landlock"
    handled = RIGHTS_OF_FIRST
    handled |= (1 << 13 if version >= REFER else 0) | (TRUNCATE if version >= TRUNCATED else 0)
    handled |= 1 << 15 if version >= DEVICES else 0
    # Below version 4 there are no rights of the network, below 6 no scopes: the struct is shorter.
    attribute = struct.pack("=Q", handled)
    attribute += struct.pack("=Q", 0b11) if version >= CONNECTED else b""
    attribute += struct.pack("=Q", 0b11) if version >= SCOPED else b""
    ruleset = libc.syscall(CREATE_RULESET, attribute, ctypes.c_size_t(len(attribute)), ctypes.c_uint32(0))
    if ruleset < 0:
        return f"Landlock was refused ({os.strerror(ctypes.get_errno()).lower()})"
    try:
        for path in (*readable, *DEVICES_READ):
            _allow(libc, ruleset, path, EXECUTE | READ_FILE | READ_DIR)
        _allow(libc, ruleset, "/dev/null", READ_FILE | WRITE_FILE)
        if not _allow(libc, ruleset, writable, handled & ~EXECUTE):
            return "its own folder could not be opened to it"
        libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if libc.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)):
            return f"Landlock was refused ({os.strerror(ctypes.get_errno()).lower()})"
    finally:
        os.close(ruleset)
    return "closed"


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> bool:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= OF_FILES
        rule = struct.pack("=Qi", rights, place)
        return libc.syscall(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0)) == 0
    finally:
        os.close(place)
