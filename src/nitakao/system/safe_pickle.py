"""Reading pickles that strangers wrote: plain values and arrays come out, nothing of theirs runs.

A pickle is a program. This reader runs only the instructions that vectors and weights need, and where such a program
names a function or a class, it meets one of our own small stand-ins, which check what they are given. Real numpy,
torch or joblib functions are never handed to it.

    load(Source.open(path)) -> dicts, lists, numbers, strings and arrays, or FormatError with one sentence

It builds on the pure-Python unpickler in the standard library, because that one alone lets each instruction be
replaced: the C one sizes its memo by a number in the file and hashes any key (both can be made to eat all memory).
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
MAX_READS = 100_000_000  # about 2 to an instruction and 30 instructions to a face: over a million faces
MAX_DEPTH = 16  # levels of nesting; the article's file has 1, a torch file with its metadata 4
MAX_INTEGER_DIGITS = 40  # characters of a number written as text; longer ones cost time that grows with their square
DTYPES = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
MAX_DIMENSIONS = 8


class Source:
    """Bytes read front to back, never past their end. name: how messages call them."""

    def __init__(self, data: bytes, name: str = "the pickle") -> None:
        self.name = name
        self.position = 0
        self._data = data
        self._reads = 0

    @classmethod
    def open(cls, path: Path, largest: int = MAX_FILE_BYTES) -> Source:
        try:
            with path.open("rb") as file:
                data = file.read(largest + 1)
        except OSError as error:
            raise FormatError(f"{path} cannot be read: {error.strerror or error}") from error
        except MemoryError as error:
            raise FormatError(f"{path} does not fit into memory") from error
        if len(data) > largest:
            raise FormatError(f"{path} is larger than {largest} bytes: refused")
        return cls(data, path.name)

    @property
    def left(self) -> int:
        return len(self._data) - self.position

    def peek(self, count: int) -> bytes:
        """The next bytes, or fewer at the end, without moving on."""
        return self._data[self.position : self.position + count]

    def read(self, count: int) -> bytes:
        self._count()
        if not 0 <= count <= self.left:
            raise FormatError(f"{self.name} ends too early, or is damaged: {count} bytes wanted, {self.left} left")
        self.position += count
        return self._data[self.position - count : self.position]

    def readline(self) -> bytes:
        self._count()
        end = self._data.find(b"\n", self.position) + 1
        if not end:
            raise FormatError(f"{self.name} ends too early, or is damaged: in the middle of a line")
        line = self._data[self.position : end]
        self.position = end
        return line

    def _count(self) -> None:
        self._reads += 1
        if self._reads > MAX_READS:
            raise FormatError(f"{self.name} holds more than {MAX_READS} pieces: refused")


class Global:
    """What a pickle gets for an allowed name. call: our stand-in for it, or None for a name that is only held."""

    def __init__(self, name: str, call: Callable[..., object] | None = None) -> None:
        self.name = name
        self.call = call


class Pending:
    """An object that a pickle makes empty first and fills later."""

    def fill(self, state: object, source: Source) -> None:
        raise FormatError(f"{source.name} fills an object twice or wrongly: damaged")

    def value(self) -> object:
        raise FormatError("an object was made and never filled: the file is damaged")


def load(
    source: Source,
    names: Mapping[str, Global] | None = None,
    persistent: Callable[[object], object] | None = None,
) -> Any:
    """The next pickle in `source`, as plain values.

    Strings that Python 2 wrote stay bytes, except as keys, which become text.
    names: further allowed names ('module name': Global), beside those of arrays.
    persistent: gives the object for a persistent id, for formats that have them.
    """
    machine = _Machine(source, ARRAYS if names is None else {**ARRAYS, **names}, persistent)
    try:
        return _plain(machine.load(), source, {}, MAX_DEPTH)
    except FormatError as error:
        if source.name in str(error):
            raise
        raise FormatError(f"{source.name}: {error}") from error
    # A damaged program can fail in any way that Python knows: all of them mean one thing to the caller.
    except Exception as error:
        raise FormatError(f"{source.name} is not a file of this kind, or is damaged") from error


def text(value: object) -> str:
    """A string, whichever Python wrote it: UTF-8 if it can be, else Latin-1, which always can."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        raise FormatError(f"text expected in a pickle, not {type(value).__name__}")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def array(raw: bytes, dtype: np.dtype[Any], shape: object, order: str) -> NDArray[Any]:
    """The array of this shape that `raw` holds exactly, in the machine's byte order; read-only."""
    if dtype.hasobject or not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
        raise FormatError("an array in the pickle has objects in it, or a shape that is none: damaged")
    if not all(type(n) is int and n >= 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(raw):
        raise FormatError(f"an array in the pickle has {len(raw)} bytes for shape {str(shape)[:80]}: damaged")
    flat = np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="), copy=False)
    return flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)


class Dtype(Pending):
    """Stands for numpy.dtype: numbers only."""

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        if text(code) not in DTYPES:
            raise FormatError(f"arrays of numbers only are read from pickles, not of type {text(code)[:40]!r}")
        self.dtype: np.dtype[Any] = np.dtype(text(code))

    def fill(self, state: object, source: Source) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise FormatError(f"{source.name} describes numbers in an unknown way: damaged")
        order = text(state[1])
        if order not in ("<", ">", "|", "="):
            raise FormatError(f"{source.name} gives numbers the byte order {order[:10]!r}: damaged")
        self.dtype = np.dtype(order + self.dtype.str[1:])

    def value(self) -> object:
        return self.dtype


class Array(Pending):
    """Stands for an array that numpy's `_reconstruct` makes empty and `__setstate__` fills."""

    def __init__(self, kind: object, shape: object, code: object) -> None:
        if kind is not NDARRAY:
            raise FormatError("a pickle holds an array of an unknown kind: refused")
        self._array: NDArray[Any] | None = None

    def fill(self, state: object, source: Source) -> None:
        if not isinstance(state, tuple) or len(state) not in (4, 5) or self._array is not None:
            raise FormatError(f"{source.name} describes an array in an unknown way: damaged")
        shape, dtype, fortran, raw = state[-4:]
        if not isinstance(dtype, Dtype) or not isinstance(raw, bytes):
            raise FormatError(f"{source.name} holds an array of something else than numbers: refused")
        self._array = array(raw, dtype.dtype, shape, "F" if fortran else "C")

    def value(self) -> object:
        return self._array if self._array is not None else super().value()


def _frombuffer(raw: object, dtype: object, shape: object, order: object) -> NDArray[Any]:
    """Stands for numpy's `_frombuffer`, which pickles of protocol 5 use."""
    if not isinstance(raw, bytes) or not isinstance(dtype, Dtype):
        raise FormatError("a pickle holds an array of something else than numbers: refused")
    return array(raw, dtype.dtype, shape, text(order))


def _encode(letters: object, coding: object = "latin1") -> bytes:
    """Stands for `_codecs.encode`, with which Python 3 writes bytes for Python 2."""
    if not isinstance(letters, str) or text(coding) not in ("latin1", "latin-1"):
        raise FormatError("a pickle holds bytes in an unknown way: damaged")
    return letters.encode("latin-1")


def _empty_bytes() -> bytes:
    return b""


def _mapping(pairs: object = ()) -> dict[Any, Any]:
    """Stands for collections.OrderedDict: empty, or of pairs as Python 2 writes it."""
    found: dict[Any, Any] = {}
    if not isinstance(pairs, (list, tuple)):
        raise FormatError("a pickle holds a dictionary in an unknown way: damaged")
    for pair in pairs:
        name, value = pair
        found[_key(name)] = value
    return found


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
    """A dictionary's key, if it is one that cannot be crafted to make hashing slow or endless."""
    if isinstance(value, (str, bytes)) or (type(value) is int and abs(value) < 1 << 31):
        return value
    raise FormatError(f"a pickle has a dictionary key that is {type(value).__name__}, not text: refused")


def _plain(value: object, source: Source, done: dict[int, object], depth: int) -> object:
    """`value` with what was pending resolved; each object is visited once, however often it is referred to."""
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
                raise FormatError(f"{source.name} has two entries of one name")
            done[id(value)] = items
        else:
            done[id(value)] = type(value)([_plain(v, source, done, depth - 1) for v in value])
    return done[id(value)]


def _name(key: object) -> object:
    return text(key) if isinstance(key, bytes) else key


Step = Callable[["_Machine"], None]


class _Machine(pickle._Unpickler):
    """The standard library's stack machine, less every instruction that is not needed."""

    dispatch: ClassVar[dict[int, Any]] = {}
    # What the standard library's class gives itself while it loads, for the type checker
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
        found = self._names.get(f"{module} {name}")
        if found is None:
            asked = f"{module}.{name}"[:100]
            raise FormatError(f"{self._source.name} asks for '{asked}', which no such file needs: refused")
        return found

    def persistent_load(self, pid: object) -> object:
        if self._persistent is None:
            raise FormatError(f"{self._source.name} refers to data outside itself: refused")
        return self._persistent(pid)

    def load_frame(self) -> None:
        self.read(8)  # a frame only groups reads, and everything is in memory already

    def load_integer(self) -> None:
        line = self.readline()[:-1]
        if line in (b"00", b"01"):
            self.append(line == b"01")
        elif len(line) > MAX_INTEGER_DIGITS:
            raise FormatError(f"{self._source.name} holds a number of {len(line)} digits: refused")
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
        found = self._dictionary()
        for key, value in zip(items[::2], items[1::2], strict=True):
            found[_key(key)] = value

    def load_append(self) -> None:
        value = self.stack.pop()
        self._list().append(value)

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._list().extend(items)

    def load_call(self) -> None:
        """REDUCE and NEWOBJ: a call of a stand-in."""
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, Global) or called.call is None or not isinstance(arguments, tuple):
            raise FormatError(f"{self._source.name} calls what is no allowed function: refused")
        self.append(called.call(*arguments))

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Pending):
            target.fill(state, self._source)
        elif not isinstance(target, dict):  # a dictionary's attributes (torch writes `_metadata`) are left out
            raise FormatError(f"{self._source.name} fills what is no allowed object: refused")

    def _dictionary(self) -> dict[Any, Any]:
        if not isinstance(self.stack[-1], dict):
            raise FormatError(f"{self._source.name} sets an item of what is no dictionary: damaged")
        return self.stack[-1]

    def _list(self) -> list[Any]:
        if not isinstance(self.stack[-1], list):
            raise FormatError(f"{self._source.name} appends to what is no list: damaged")
        return self.stack[-1]


_KEPT = """
    PROTO STOP MARK GLOBAL STACK_GLOBAL BINPERSID PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING
    BINBYTES SHORT_BINBYTES BINBYTES8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST EMPTY_DICT
"""
_REPLACED: dict[str, Step] = {
    "FRAME": _Machine.load_frame,
    "INT": _Machine.load_integer,
    "LONG": _Machine.load_integer,
    "BYTEARRAY8": _Machine.load_bytearray,
    "DICT": _Machine.load_dict,
    "SETITEM": _Machine.load_setitem,
    "SETITEMS": _Machine.load_setitems,
    "APPEND": _Machine.load_append,
    "APPENDS": _Machine.load_appends,
    "REDUCE": _Machine.load_call,
    "NEWOBJ": _Machine.load_call,
    "BUILD": _Machine.load_build,
}


def _refused(code: int) -> Step:
    def refuse(machine: _Machine) -> None:
        raise FormatError(
            f"{machine._source.name} is not a file of this kind, or is damaged: instruction {code:#04x} is not allowed"
        )

    return refuse


def _code(name: str) -> int:
    instruction: bytes = getattr(pickle, name)
    return instruction[0]


_Machine.dispatch.update({code: _refused(code) for code in range(256)})
_Machine.dispatch.update({_code(name): pickle._Unpickler.dispatch[_code(name)] for name in _KEPT.split()})
_Machine.dispatch.update({_code(name): step for name, step in _REPLACED.items()})
