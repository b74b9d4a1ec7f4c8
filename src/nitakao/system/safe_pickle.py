"""A safe unpickler for untrusted files: it returns plain values and arrays, and runs no code from the file.

A pickle is a program. This reader supports only the opcodes that vectors and weights need. Functions and classes named
in the pickle are replaced by small stand-ins that check their arguments; real numpy, torch or joblib functions are
never called.

    load(Source.open(path)) -> dicts, lists, numbers, strings and arrays; FormatError for anything else

It is based on the standard library's pure-Python unpickler, because only there each opcode can be replaced. The C
unpickler sizes its memo by a number in the file and hashes any key; both can exhaust memory.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError

MAX_FILE_BYTES = 4 << 30  # bytes; a million 512-d vectors are 2 GiB
MAX_READS = 100_000_000  # about 2 per opcode and 30 opcodes per face: over a million faces
MAX_DEPTH = 16  # levels of nesting; the article's file has 1, a torch file with metadata 4
MAX_INTEGER_DIGITS = 40  # in a number written as text; parsing takes quadratic time
DTYPES = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
MAX_DIMENSIONS = 8


class Source:
    """Bytes read sequentially with bounds checks. name: used in error messages."""

    def __init__(self, data: bytes, name: str = "the pickle") -> None:
        self.name = name
        self.position = 0
        self._data = data
        self._reads = 0

    @classmethod
    def open(cls, path: Path, max_bytes: int = MAX_FILE_BYTES) -> Source:
        """Read a whole file. Raises FormatError if it cannot be read or is larger than `max_bytes`."""
        try:
            with path.open("rb") as file:
                data = file.read(max_bytes + 1)
        except OSError as error:
            raise FormatError(f"{path} cannot be read: {error.strerror or error}") from error
        except MemoryError as error:
            raise FormatError(f"{path} does not fit into memory") from error
        if len(data) > max_bytes:
            raise FormatError(f"{path} is larger than {max_bytes} bytes: refused")
        return cls(data, path.name)

    @property
    def left(self) -> int:
        return len(self._data) - self.position

    def peek(self, count: int) -> bytes:
        """Return up to `count` next bytes without advancing."""
        return self._data[self.position : self.position + count]

    def read(self, count: int) -> bytes:
        self._count()
        if not 0 <= count <= self.left:
            raise FormatError(f"{self.name} is truncated or damaged: {count} bytes needed, {self.left} left")
        self.position += count
        return self._data[self.position - count : self.position]

    def readline(self) -> bytes:
        self._count()
        end = self._data.find(b"\n", self.position) + 1
        if not end:
            raise FormatError(f"{self.name} is truncated or damaged: it ends in the middle of a line")
        line = self._data[self.position : end]
        self.position = end
        return line

    def _count(self) -> None:
        self._reads += 1
        if self._reads > MAX_READS:
            raise FormatError(f"{self.name} has more than {MAX_READS} values: refused")


class Global:
    """An allowed global name. call: the stand-in to call, or None if the name may only be referenced."""

    def __init__(self, name: str, call: Callable[..., object] | None = None) -> None:
        self.name = name
        self.call = call


class Pending:
    """An object that a pickle creates empty and fills later with BUILD."""

    def fill(self, state: object, source: Source) -> None:
        raise FormatError(f"{source.name} sets an object's state twice or with wrong values: damaged")

    def value(self) -> object:
        raise FormatError("an object has no state: the file is damaged")


def load(
    source: Source,
    names: Mapping[str, Global] | None = None,
    persistent: Callable[[object], object] | None = None,
) -> Any:
    """Read the next pickle in `source` as plain values.

    Strings written by Python 2 stay bytes, except dictionary keys, which become text.

    Args:
        source: The bytes to read from.
        names: Additional allowed globals ('module name' to Global), besides those of arrays.
        persistent: Returns the object for a persistent id, for formats that use them.

    Raises:
        FormatError: If the data is damaged or uses an opcode or a name that is not allowed.
    """
    unpickler = _Unpickler(source, ARRAYS if names is None else {**ARRAYS, **names}, persistent)
    try:
        return _plain(unpickler.load(), source, {}, MAX_DEPTH)
    except FormatError as error:
        if source.name in str(error):
            raise
        raise FormatError(f"{source.name}: {error}") from error
    # A damaged pickle can raise any exception; to the caller they all mean the same.
    except Exception as error:
        raise FormatError(f"{source.name} is not a file of this kind, or is damaged") from error


def text(value: object) -> str:
    """Decode a string written by Python 2 or 3: UTF-8 if valid, else Latin-1."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        raise FormatError(f"text expected in a pickle, not {type(value).__name__}")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def array(raw: bytes, dtype: np.dtype[Any], shape: object, order: str) -> NDArray[Any]:
    """Build a read-only array in native byte order; `raw` must match the shape exactly."""
    if dtype.hasobject or not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
        raise FormatError("an array in the pickle contains objects or has an invalid shape: damaged")
    if not all(type(n) is int and n >= 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(raw):
        raise FormatError(f"an array in the pickle has {len(raw)} bytes for shape {str(shape)[:80]}: damaged")
    flat = np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="), copy=False)
    return flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)


class Dtype(Pending):
    """Stand-in for numpy.dtype: numeric types only."""

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        if text(code) not in DTYPES:
            raise FormatError(f"only arrays of numbers are read from pickles, not of type {text(code)[:40]!r}")
        self.dtype: np.dtype[Any] = np.dtype(text(code))

    def fill(self, state: object, source: Source) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise FormatError(f"{source.name} has a dtype in an unknown form: damaged")
        order = text(state[1])
        if order not in ("<", ">", "|", "="):
            raise FormatError(f"{source.name} has a dtype with byte order {order[:10]!r}: damaged")
        self.dtype = np.dtype(order + self.dtype.str[1:])

    def value(self) -> object:
        return self.dtype


class Array(Pending):
    """Stand-in for numpy's `_reconstruct`: an empty array that `__setstate__` fills."""

    def __init__(self, kind: object, shape: object, code: object) -> None:
        if kind is not NDARRAY:
            raise FormatError("a pickle holds an array of an unknown class: refused")
        self._array: NDArray[Any] | None = None

    def fill(self, state: object, source: Source) -> None:
        if not isinstance(state, tuple) or len(state) not in (4, 5) or self._array is not None:
            raise FormatError(f"{source.name} has an array in an unknown form: damaged")
        shape, dtype, fortran, raw = state[-4:]
        if not isinstance(dtype, Dtype) or not isinstance(raw, bytes):
            raise FormatError(f"{source.name} holds an array of something other than numbers: refused")
        self._array = array(raw, dtype.dtype, shape, "F" if fortran else "C")

    def value(self) -> object:
        return self._array if self._array is not None else super().value()


def _frombuffer(raw: object, dtype: object, shape: object, order: object) -> NDArray[Any]:
    """Stand-in for numpy's `_frombuffer`, used by pickle protocol 5."""
    if not isinstance(raw, bytes) or not isinstance(dtype, Dtype):
        raise FormatError("a pickle holds an array of something other than numbers: refused")
    return array(raw, dtype.dtype, shape, text(order))


def _encode(value: object, encoding: object = "latin1") -> bytes:
    """Stand-in for `_codecs.encode`, which Python 3 uses to write bytes for Python 2."""
    if not isinstance(value, str) or text(encoding) not in ("latin1", "latin-1"):
        raise FormatError("a pickle holds bytes in an unknown form: damaged")
    return value.encode("latin-1")


def _empty_bytes() -> bytes:
    return b""


def _mapping(pairs: object = ()) -> dict[Any, Any]:
    """Stand-in for collections.OrderedDict: empty, or from pairs as Python 2 writes it."""
    if not isinstance(pairs, (list, tuple)):
        raise FormatError("a pickle holds a dictionary in an unknown form: damaged")
    return {_key(name): value for name, value in pairs}


NDARRAY = Global("numpy ndarray")
ARRAYS: dict[str, Global] = {
    NDARRAY.name: NDARRAY,
    "numpy dtype": Global("numpy dtype", Dtype),
    "_codecs encode": Global("_codecs encode", _encode),
    "__builtin__ bytes": Global("bytes", _empty_bytes),
    "builtins bytes": Global("bytes", _empty_bytes),
    "collections OrderedDict": Global("collections OrderedDict", _mapping),
}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    ARRAYS[f"{_core}.multiarray _reconstruct"] = Global("_reconstruct", Array)
    ARRAYS[f"{_core}.numeric _frombuffer"] = Global("_frombuffer", _frombuffer)


def _key(value: object) -> str | bytes | int:
    """Check a dictionary key: only types whose hashing cannot be made slow or endless."""
    if isinstance(value, (str, bytes)) or (type(value) is int and abs(value) < 1 << 31):
        return value
    raise FormatError(f"a pickle has a dictionary key of type {type(value).__name__}, not text: refused")


def _plain(value: object, source: Source, done: dict[int, object], depth: int) -> object:
    """Replace pending objects by their values; each object is visited once, however often it is referenced."""
    if isinstance(value, Pending):
        return value.value()
    if not isinstance(value, (dict, list, tuple)):
        return value
    if depth == 0:
        raise FormatError(f"{source.name} is nested deeper than {MAX_DEPTH} levels: refused")
    if id(value) not in done:
        if isinstance(value, dict):
            items = {_name(k): _plain(v, source, done, depth - 1) for k, v in value.items()}
            if len(items) != len(value):
                raise FormatError(f"{source.name} has two entries with the same name")
            done[id(value)] = items
        else:
            done[id(value)] = type(value)([_plain(v, source, done, depth - 1) for v in value])
    return done[id(value)]


def _name(key: object) -> object:
    return text(key) if isinstance(key, bytes) else key


Handler = Callable[["_Unpickler"], None]


class _Unpickler(pickle._Unpickler):
    """The standard library's stack unpickler, without the opcodes that are not needed."""

    dispatch: ClassVar[dict[int, Any]] = {}
    # Attributes that the base class sets while loading, for the type checker
    stack: list[Any]
    append: Callable[[object], None]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(
        self, source: Source, names: Mapping[str, Global], persistent: Callable[[object], object] | None
    ) -> None:
        super().__init__(source, encoding="bytes")
        self._source = source
        self._names = names
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        allowed = self._names.get(f"{module} {name}")
        if allowed is None:
            raise FormatError(f"{self._source.name} uses '{f'{module}.{name}'[:100]}', which is not allowed: refused")
        return allowed

    def persistent_load(self, pid: object) -> object:
        if self._persistent is None:
            raise FormatError(f"{self._source.name} refers to data outside the file: refused")
        return self._persistent(pid)

    def load_frame(self) -> None:
        self.read(8)  # frames only group reads, and all data is in memory already

    def load_integer(self) -> None:
        line = self.readline()[:-1]
        if line in (b"00", b"01"):
            self.append(line == b"01")
        elif len(line) > MAX_INTEGER_DIGITS:
            raise FormatError(f"{self._source.name} has a number of {len(line)} digits: refused")
        else:
            self.append(int(line.rstrip(b"L")))

    def load_bytearray(self) -> None:
        self.append(self.read(int.from_bytes(self.read(8), "little")))

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({_key(k): v for k, v in zip(items[::2], items[1::2], strict=True)})

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._dictionary()[_key(key)] = value

    def load_setitems(self) -> None:
        items = self.pop_mark()
        target = self._dictionary()
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_key(key)] = value

    def load_append(self) -> None:
        value = self.stack.pop()
        self._list().append(value)

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._list().extend(items)

    def load_call(self) -> None:
        """REDUCE and NEWOBJ: call a stand-in."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Global) or function.call is None or not isinstance(arguments, tuple):
            raise FormatError(f"{self._source.name} calls something that is not an allowed function: refused")
        self.append(function.call(*arguments))

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Pending):
            target.fill(state, self._source)
        elif not isinstance(target, dict):  # attributes of dictionaries (torch writes `_metadata`) are ignored
            raise FormatError(f"{self._source.name} sets the state of an object that is not allowed: refused")

    def _dictionary(self) -> dict[Any, Any]:
        if not isinstance(self.stack[-1], dict):
            raise FormatError(f"{self._source.name} sets an item of something that is not a dictionary: damaged")
        return self.stack[-1]

    def _list(self) -> list[Any]:
        if not isinstance(self.stack[-1], list):
            raise FormatError(f"{self._source.name} appends to something that is not a list: damaged")
        return self.stack[-1]


_ALLOWED_OPCODES = """
    PROTO STOP MARK GLOBAL STACK_GLOBAL BINPERSID PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING
    BINBYTES SHORT_BINBYTES BINBYTES8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST EMPTY_DICT
"""
_OWN_HANDLERS: dict[str, Handler] = {
    "FRAME": _Unpickler.load_frame,
    "INT": _Unpickler.load_integer,
    "LONG": _Unpickler.load_integer,
    "BYTEARRAY8": _Unpickler.load_bytearray,
    "DICT": _Unpickler.load_dict,
    "SETITEM": _Unpickler.load_setitem,
    "SETITEMS": _Unpickler.load_setitems,
    "APPEND": _Unpickler.load_append,
    "APPENDS": _Unpickler.load_appends,
    "REDUCE": _Unpickler.load_call,
    "NEWOBJ": _Unpickler.load_call,
    "BUILD": _Unpickler.load_build,
}


def _refuse(code: int) -> Handler:
    def refuse(unpickler: _Unpickler) -> None:
        raise FormatError(
            f"{unpickler._source.name} is not a file of this kind, or is damaged: opcode {code:#04x} is not allowed"
        )

    return refuse


def _code(name: str) -> int:
    opcode: bytes = getattr(pickle, name)
    return opcode[0]


_Unpickler.dispatch.update({code: _refuse(code) for code in range(256)})
_Unpickler.dispatch.update({_code(name): pickle._Unpickler.dispatch[_code(name)] for name in _ALLOWED_OPCODES.split()})
_Unpickler.dispatch.update({_code(name): step for name, step in _OWN_HANDLERS.items()})
