"""Write the article's pickle, {base name: float32 vector}, opcode by opcode.

`pickle.dump` is not used for two reasons. With NumPy 2 it writes the module name `numpy._core.multiarray`, which NumPy
1 cannot read; both read the old name `numpy.core.multiarray` without a warning. And writing row by row keeps memory
constant. The opcodes are those of pickle protocol 3 (Python 3.0 and newer); see `pickletools`.
"""

from __future__ import annotations

import struct

import numpy as np

from nitakao.values import Floats

HEADER = b"\x80\x03}"  # protocol 3, empty dictionary
TRAILER = b"."

# The first row writes these and stores them in the memo; later rows fetch them from it.
_RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\nq\x00"
_NDARRAY = b"cnumpy\nndarray\nq\x01"
_FLOAT32 = (  # dtype('f4', align=False, copy=True) and its state, little-endian
    b"cnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x88\x87R"
    b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbq\x02"
)


class ArticleRows:
    """Encodes dictionary entries one by one: key, array, and the opcode that stores them."""

    def __init__(self) -> None:
        self._constants = (_RECONSTRUCT, _NDARRAY, _FLOAT32)

    def encode(self, key: str, vector: Floats) -> bytes:
        reconstruct, ndarray, float32 = self._constants
        self._constants = (b"h\x00", b"h\x01", b"h\x02")
        name = key.encode("utf-8", "surrogatepass")
        data = np.ascontiguousarray(vector, "<f4").tobytes()
        return b"".join(
            (
                b"X" + struct.pack("<I", len(name)) + name,
                reconstruct + ndarray + b"K\x00\x85C\x01b\x87R",  # _reconstruct(ndarray, (0,), b'b')
                b"(K\x01J" + struct.pack("<i", len(vector)) + b"\x85" + float32 + b"\x89",  # shape, type, C order
                b"B" + struct.pack("<I", len(data)) + data + b"tb",
                b"s",
            )
        )
