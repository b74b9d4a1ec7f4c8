"""Face regions with names in XMP, as digiKam, Lightroom and others keep them, in side-car files and in photographs.

Metadata Working Group, Guidelines for Handling Image Metadata 2.0, section 5.9: an area is its middle and its size, as
shares of the picture as it is stored, that is before its EXIF orientation is applied; AppliedToDimensions is the
stored size in pixels. Some programs write regions of the upright picture instead: where AppliedToDimensions is the
upright size and not the stored one, they are taken, and written, so. Of Microsoft's regions (MP) the names are read.

A side-car comes from anywhere: one with a document type, and so any with entities, is refused.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from nitakao import geometry
from nitakao.errors import FormatError
from nitakao.geometry import Box, Size

MAX_BYTES = 8 << 20  # bytes; side-cars with a long history have a few hundred KiB
MAX_TAGS = 200_000  # of '<': each element in memory takes about a kilobyte
SAME_FACE_OVERLAP = 0.3  # overlap from which on two regions are the same face
_PREFIXES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
}
_EMPTY = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="nitakao">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>
</x:xmpmeta>
<?xpacket end="w"?>"""
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_PACKET = b"<x:xmpmeta", b"</x:xmpmeta>"

Node: TypeAlias = minidom.Element


@dataclass(frozen=True)
class Region:
    """A face that has, or could have, a name.  box: x1, y1, x2, y2, shares 0..1 of the upright picture."""

    name: str
    box: Box


@dataclass(frozen=True)
class Frame:
    """The picture that regions belong to.  size: (width, height), upright.  orientation: EXIF 1..8."""

    size: Size
    orientation: int = 1

    @property
    def stored(self) -> Size:
        return (self.size[1], self.size[0]) if self.orientation >= 5 else self.size


def sidecar_paths(photo: str) -> tuple[str, ...]:
    """Where a photograph's side-car may lie: 'photo.jpg.xmp' (digiKam, darktable), then 'photo.xmp' (Lightroom)."""
    return photo + ".xmp", os.path.splitext(photo)[0] + ".xmp"


def extract_xmp(encoded: bytes) -> bytes:
    """The XMP within a photograph's bytes; empty where there is none."""
    start = encoded.find(_PACKET[0])
    end = encoded.find(_PACKET[1], start)
    return encoded[start : end + len(_PACKET[1])] if 0 <= start < end else b""


def read_regions(xmp: bytes, frame: Frame) -> list[Region]:
    """The faces in XMP, in the upright picture; those of the MWG, or where there are none Microsoft's.

    Raises FormatError for what is no XMP.
    """
    try:
        document = _parsed(xmp)
        found = list(_mwg(document, frame)) or list(_microsoft(document, frame))
    except RecursionError as error:
        raise FormatError("the XMP is nested too deeply") from error
    return found


def write_regions(xmp: bytes | None, regions: Sequence[Region], frame: Frame) -> bytes:
    """XMP with these faces; of what it held before everything else, but for faces that lie where these do.

    xmp: what the side-car holds; None where there is none.  Raises FormatError for what is no XMP.
    """
    try:
        document = _parsed(_EMPTY.encode() if xmp is None else xmp)
        holder = _holder(document)
        frame = _frame_of(holder, frame)
        bag = _bag(holder, frame)
        _drop_same(bag, regions, frame)
        for region in regions:
            _add(bag, region, frame)
        text = "\n".join(node.toxml() for node in document.childNodes)
    except RecursionError as error:
        raise FormatError("the XMP is nested too deeply") from error
    return text.encode("utf-8")


def _parsed(xmp: bytes) -> minidom.Document:
    if len(xmp) > MAX_BYTES:
        raise FormatError(f"XMP of {len(xmp)} bytes, more than the limit of {MAX_BYTES}")
    try:
        text = xmp.decode("utf-16" if xmp[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig").strip("\0 \t\r\n")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise FormatError("the XMP declares a document type, which XMP never does: it is refused")
        if text.count("<") > MAX_TAGS:
            raise FormatError(f"XMP of {text.count('<')} elements, more than the limit of {MAX_TAGS}")
        text = re.sub(r"^<\?xml[^>]*\?>", "", text)  # it may name another encoding than that of our text
        document = minidom.parseString(text.encode("utf-8"))
    except (ExpatError, UnicodeError, ValueError) as error:
        raise FormatError(f"this is no XMP, or damaged ({str(error)[:200]})") from error
    if document.documentElement is None or not _all(document, "rdf:RDF"):
        raise FormatError("this is XML, but no XMP: it has no rdf:RDF")
    return document


def _mwg(document: minidom.Document, frame: Frame) -> Iterator[Region]:
    for holder in _all(document, "mwg-rs:Regions"):
        seen = _frame_of(holder, frame)
        for item in _items(holder):
            box = _box(item)
            if box is not None and _is_face(item):
                yield Region(_value(item, "mwg-rs:Name"), _upright(box, seen.orientation))


def _microsoft(document: minidom.Document, frame: Frame) -> Iterator[Region]:
    for holder in _all(document, "MP:RegionInfo"):
        for item in _all(holder, "rdf:li"):
            try:
                x, y, width, height = (float(part) for part in _value(item, "MPReg:Rectangle").split(","))
            except ValueError:
                continue
            box, name = (x, y, x + width, y + height), _value(item, "MPReg:PersonDisplayName")
            if _is_box(box):
                yield Region("" if name == "ffffffffffffffff" else name, _upright(box, frame.orientation))


def _items(holder: Node) -> list[Node]:
    return [item for regions in _all(holder, "mwg-rs:RegionList") for item in _all(regions, "rdf:li")]


def _is_face(item: Node) -> bool:
    return _value(item, "mwg-rs:Type").lower() in ("face", "")


def _box(item: Node) -> Box | None:
    """The area, as shares of the picture as it is stored."""
    for area in _all(item, "mwg-rs:Area"):
        try:
            x, y, width, height = (float(_value(area, f"stArea:{name}")) for name in "xywh")
        except ValueError:
            return None
        box = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return box if _is_box(box) and _value(area, "stArea:unit") in ("normalized", "") else None
    return None


def _is_box(box: Box) -> bool:
    return all(math.isfinite(v) and -1 <= v <= 2 for v in box) and box[2] > box[0] and box[3] > box[1]


def _frame_of(holder: Node, frame: Frame) -> Frame:
    """The frame that a list of regions is written in: the stored picture's, or by mistake the upright one's."""
    for dimensions in _all(holder, "mwg-rs:AppliedToDimensions"):
        said = tuple(_value(dimensions, f"stDim:{name}") for name in "wh")
        if said == tuple(str(side) for side in frame.size) and frame.size != frame.stored:
            return Frame(frame.size)
    return frame


def _upright(box: Box, orientation: int) -> Box:
    """A box of the stored picture, all in shares of it, where its EXIF orientation (TIFF 6.0, tag 274) brings it."""
    x1, y1, x2, y2 = box
    if orientation >= 5:  # rows and columns change places
        x1, y1, x2, y2 = y1, x1, y2, x2
    if orientation in (2, 3, 6, 7):
        x1, x2 = 1 - x2, 1 - x1
    if orientation in (3, 4, 7, 8):
        y1, y2 = 1 - y2, 1 - y1
    return x1, y1, x2, y2


def _stored(box: Box, orientation: int) -> Box:
    """The way back: six of the eight undo themselves, and a quarter turn is undone by the other one."""
    return _upright(box, {6: 8, 8: 6}.get(orientation, orientation))


def _drop_same(bag: Node, regions: Sequence[Region], frame: Frame) -> None:
    """Take out the faces that lie where these do."""
    ours = [region.box for region in regions]
    for item in _all(bag, "rdf:li"):
        box = _box(item)
        if box is None or not ours or not _is_face(item) or item.parentNode is None:
            continue
        if geometry.iou([_upright(box, frame.orientation)], ours).max() >= SAME_FACE_OVERLAP:
            item.parentNode.removeChild(item)


def _holder(document: minidom.Document) -> Node:
    """The element that holds regions, made where there is none."""
    for holder in _all(document, "mwg-rs:Regions"):
        return holder
    description = _made(_all(document, "rdf:RDF")[0], "rdf:Description")
    description.setAttributeNS(_PREFIXES["rdf"], "rdf:about", "")
    for prefix in ("mwg-rs", "stArea", "stDim"):
        description.setAttribute(f"xmlns:{prefix}", _PREFIXES[prefix])
    return _made(description, "mwg-rs:Regions", resource=True)


def _bag(holder: Node, frame: Frame) -> Node:
    """The list of regions, made where there is none, with the dimensions that it applies to."""
    inner = next((node for node in _all(holder, "rdf:Description") if node.parentNode is holder), holder)
    if not _all(holder, "mwg-rs:AppliedToDimensions"):
        dimensions = _made(inner, "mwg-rs:AppliedToDimensions", resource=True)
        for name, value in zip(("w", "h", "unit"), (*frame.stored, "pixel"), strict=True):
            _made(dimensions, f"stDim:{name}", str(value))
    regions = (_all(holder, "mwg-rs:RegionList") or [_made(inner, "mwg-rs:RegionList")])[0]
    return next((node for kind in ("Bag", "Seq") for node in _all(regions, f"rdf:{kind}")), None) or _made(
        regions, "rdf:Bag"
    )


def _add(bag: Node, region: Region, frame: Frame) -> None:
    x1, y1, x2, y2 = (min(max(v, 0.0), 1.0) for v in _stored(region.box, frame.orientation))
    item = _made(bag, "rdf:li", resource=True)
    area = _made(item, "mwg-rs:Area", resource=True)
    for name, value in zip("xywh", ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), strict=True):
        _made(area, f"stArea:{name}", f"{value:.6f}")
    _made(area, "stArea:unit", "normalized")
    _made(item, "mwg-rs:Name", region.name)
    _made(item, "mwg-rs:Type", "Face")


def _made(parent: Node, name: str, text: str = "", *, resource: bool = False) -> Node:
    """A new last child; its prefix is declared where nothing above declares it so.  resource: it holds fields."""
    document = parent.ownerDocument
    assert document is not None
    prefix = name.partition(":")[0]
    node = document.createElementNS(_PREFIXES[prefix], name)
    parent.appendChild(node)
    if _meaning(parent, prefix) != _PREFIXES[prefix]:
        node.setAttribute(f"xmlns:{prefix}", _PREFIXES[prefix])
    if resource:
        if _meaning(node, "rdf") != _PREFIXES["rdf"]:
            node.setAttribute("xmlns:rdf", _PREFIXES["rdf"])
        node.setAttributeNS(_PREFIXES["rdf"], "rdf:parseType", "Resource")
    if text:
        node.appendChild(document.createTextNode(_NO_CHARACTER.sub("\ufffd", text)))
    return node


def _meaning(node: minidom.Node | None, prefix: str) -> str:
    """What a prefix stands for at this place."""
    while isinstance(node, minidom.Element):
        if node.hasAttribute(f"xmlns:{prefix}"):
            return node.getAttribute(f"xmlns:{prefix}")
        node = node.parentNode
    return ""


def _all(node: minidom.Document | Node, name: str) -> list[Node]:
    """The elements of this name below, however deep, in order."""
    prefix, _, local = name.partition(":")
    return list(node.getElementsByTagNameNS(_PREFIXES[prefix], local))


def _value(struct: Node, name: str) -> str:
    """A field of a structure, which RDF allows to be an attribute or an element, here or in a Description within."""
    prefix, _, local = name.partition(":")
    children = [node for node in struct.childNodes if isinstance(node, minidom.Element)]
    described = [node for node in children if node.localName == "Description"]
    for holder in (struct, *described):
        if holder.hasAttributeNS(_PREFIXES[prefix], local):
            return str(holder.getAttributeNS(_PREFIXES[prefix], local)).strip()
        for node in holder.childNodes:
            if (getattr(node, "namespaceURI", None), getattr(node, "localName", "")) == (_PREFIXES[prefix], local):
                return "".join(str(part.data) for part in node.childNodes if hasattr(part, "data")).strip()
    return ""
