"""A filter of system calls: no connections, other processes or change of rights (Linux).

It needs no privilege. A refused call fails with "operation not permitted" and the program goes on; the filter
holds for every thread and every program that the process starts.

Source: Linux man-page seccomp(2); kernel documentation, userspace-api/seccomp_filter.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

# Numbers of the calls: x86-64 from arch/x86/entry/syscalls/syscall_64.tbl, aarch64 from the generic table.
ALWAYS = {
    # connections
    "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206),
    "sendmsg": (46, 211), "sendmmsg": (307, 269), "bind": (49, 200), "listen": (50, 201),
    "io_uring_setup": (425, 425),
    # other processes that run, and groups in which a child could outlive its end
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "setsid": (112, 157), "setpgid": (109, 154), "setpriority": (141, 140),
    # rights and owners, which Landlock leaves alone
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "utimensat": (280, 88), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None),
    # the machine
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "setns": (308, 268), "unshare": (272, 97), "bpf": (321, 280), "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265), "init_module": (175, 105), "finit_module": (313, 273),
    "kexec_load": (246, 104), "reboot": (169, 142), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "userfaultfd": (323, 282), "setrlimit": (160, 164), "sethostname": (170, 161),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "swapon": (167, 224), "acct": (163, 89),
}  # fmt: skip
PROGRAMS = {
    "socket": (41, 198), "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
}  # fmt: skip
CLONE, CLONE3, PRLIMIT = (56, 220), (435, 435), (302, 261)
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
SECCOMP_CALL = (317, 277)
NO_NEW_PRIVILEGES = 38
THREAD = 0x00010000
OTHER_ABI = 0x40000000
LOAD, EQUAL, AT_LEAST, HAS_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000


def refuse_calls(*, processes: bool) -> str:
    """Enter the filter; say "closed", or why it could not be.

    Args:
        processes: let programs be started (and sockets be made, which still cannot connect).
    """
    known = ARCHITECTURES.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:
        return "no filter of system calls is known for this processor"
    program = filter_program(*known, processes=processes)
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(program, len(program))
    whole = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.syscall(SECCOMP_CALL[known[0]], ctypes.c_uint(1), ctypes.c_uint(1), whole):
        return f"the filter of system calls was refused ({os.strerror(ctypes.get_errno()).lower()})"
    return "closed"


def filter_program(column: int, architecture: int, *, processes: bool) -> bytes:
    """Return the filter as the kernel takes it: instructions of classic BPF, 8 bytes each."""
    refuse = _step(RETURN, REFUSE | errno.EPERM)
    steps = [
        _step(LOAD, ARCHITECTURE), _step(EQUAL, architecture, 1, 0), _step(RETURN, KILL), _step(LOAD, NUMBER),
    ]  # fmt: skip
    if column == 0:
        steps += [_step(AT_LEAST, OTHER_ABI, 0, 1), refuse]
    refused = ALWAYS if processes else ALWAYS | PROGRAMS
    for numbers in refused.values():
        if numbers[column] is not None:
            steps += [_step(EQUAL, numbers[column], 0, 1), refuse]
    # A process may read its limits; a privileged one must not lift them.
    steps += [
        _step(EQUAL, PRLIMIT[column], 0, 6),
        _step(LOAD, ARGUMENTS + 16), _step(EQUAL, 0, 0, 2),
        _step(LOAD, ARGUMENTS + 20), _step(EQUAL, 0, 1, 0),
        refuse, _step(RETURN, ALLOW),
    ]  # fmt: skip
    if not processes:
        # Threads are fine. The flags of clone3 cannot be read here, so the library is sent back to clone.
        steps += [
            _step(EQUAL, CLONE3[column], 0, 1), _step(RETURN, REFUSE | errno.ENOSYS),
            _step(EQUAL, CLONE[column], 0, 4),
            _step(LOAD, ARGUMENTS), _step(HAS_BIT, THREAD, 1, 0), refuse, _step(RETURN, ALLOW),
        ]  # fmt: skip
    return b"".join([*steps, _step(RETURN, ALLOW)])


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
