"""Room on the disk, claimed before it is needed: for files that must be closed properly to be valid."""

from __future__ import annotations

import errno
import os
import shutil
from typing import BinaryIO

SPARE = 1 << 20  # bytes left free where room can only be looked at, not claimed: others write to the disk too


def reserve(file: BinaryIO, start: int, size: int) -> None:
    """Make sure that `size` bytes from `start` on can be written to `file`; raises OSError if they cannot.

    The file may grow by it: cut it to its length when it is done.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), start, max(size, 1))
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    beyond = start + size - os.fstat(file.fileno()).st_size
    if beyond + SPARE > shutil.disk_usage(os.path.dirname(os.path.abspath(file.name))).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
