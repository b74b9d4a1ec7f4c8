"""Reserve disk space in advance, for file formats that are valid only when closed properly."""

from __future__ import annotations

import errno
import os
import shutil
from typing import BinaryIO

SPARE_BYTES = 1 << 20  # left free where space can only be checked, not reserved


def reserve(file: BinaryIO, start: int, size: int) -> None:
    """Reserve `size` bytes from offset `start`. The file may grow: truncate it when it is finished.

    Raises:
        OSError: If the disk is full.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), start, max(size, 1))
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    beyond = start + size - os.fstat(file.fileno()).st_size
    if beyond + SPARE_BYTES > shutil.disk_usage(os.path.dirname(os.path.abspath(file.name))).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
