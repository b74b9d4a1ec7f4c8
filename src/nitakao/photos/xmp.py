"""Named face regions in XMP, as written by digiKam, Lightroom and others, in sidecar files and in photographs.

Metadata Working Group (MWG), Guidelines for Handling Image Metadata 2.0, section 5.9: an area is its centre and size,
relative to the stored image, before EXIF orientation is applied; AppliedToDimensions is the stored size in pixels. Some
programs write regions of the upright image instead: if AppliedToDimensions is the upright size, they are read and
written that way. Microsoft's regions (MP) are read only.

Sidecars are untrusted: XML with a document type declaration, and therefore with entities, is refused.
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

MAX_BYTES = 8 << 20  # sidecars with a long history have a few hundred KiB
MAX_TAGS = 200_000  # counted as '<'; each element takes about a kilobyte in memory
SAME_FACE_OVERLAP = 0.3  # IoU from which two regions are the same face
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
_INVALID_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_PACKET = b"<x:xmpmeta", b"</x:xmpmeta>"

Node: TypeAlias = minidom.Element


@dataclass(frozen=True)
class Region:
    """A face region.

    Attributes:
        name: The person's name; may be empty.
        box: x1, y1, x2, y2 relative to the upright image, 0 to 1.
    """

    name: str
    box: Box


@dataclass(frozen=True)
class Frame:
    """The image that regions belong to.

    Attributes:
        size: (width, height), upright, in pixels.
        orientation: EXIF orientation, 1 to 8.
    """

    size: Size
    orientation: int = 1

    @property
    def stored(self) -> Size:
        """(width, height) before EXIF orientation is applied."""
        return (self.size[1], self.size[0]) if self.orientation >= 5 else self.size


def sidecar_paths(photo: str) -> tuple[str, ...]:
    """Possible sidecar paths: 'photo.jpg.xmp' (digiKam, darktable), then 'photo.xmp' (Lightroom)."""
    return photo + ".xmp", os.path.splitext(photo)[0] + ".xmp"


def extract_xmp(encoded: bytes) -> bytes:
    """The XMP packet in a photograph's bytes; empty if there is none."""
    start = encoded.find(_PACKET[0])
    end = encoded.find(_PACKET[1], start)
    return encoded[start : end + len(_PACKET[1])] if 0 <= start < end else b""


def read_regions(xmp: bytes, frame: Frame) -> list[Region]:
    """Read face regions: the MWG's, or Microsoft's if there are none.

    Args:
        xmp: A sidecar's content or an embedded packet.
        frame: The photograph's size and orientation.

    Raises:
        FormatError: If the data is not XMP.
    """
    try:
        document = _parse(xmp)
        return list(_mwg(document, frame)) or list(_microsoft(document, frame))
    except RecursionError as error:
        raise FormatError("the XMP is nested too deeply") from error


def write_regions(xmp: bytes | None, regions: Sequence[Region], frame: Frame) -> bytes:
    """Write face regions into XMP, replacing existing regions at the same places and keeping everything else.

    Args:
        xmp: The sidecar's content, or None for a new one.
        regions: The regions to write.
        frame: The photograph's size and orientation.

    Raises:
        FormatError: If `xmp` is not XMP.
    """
    try:
        document = _parse(_EMPTY.encode() if xmp is None else xmp)
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


def _parse(xmp: bytes) -> minidom.Document:
    if len(xmp) > MAX_BYTES:
        raise FormatError(f"XMP of {len(xmp)} bytes, more than the limit of {MAX_BYTES}")
    try:
        text = xmp.decode("utf-16" if xmp[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig").strip("\0 \t\r\n")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise FormatError("the XMP declares a document type, which is not allowed in XMP: refused")
        if text.count("<") > MAX_TAGS:
            raise FormatError(f"XMP of {text.count('<')} elements, more than the limit of {MAX_TAGS}")
        text = re.sub(r"^<\?xml[^>]*\?>", "", text)  # it may declare an encoding that is not ours
        document = minidom.parseString(text.encode("utf-8"))
    except (ExpatError, UnicodeError, ValueError) as error:
        raise FormatError(f"this is not XMP, or it is damaged ({str(error)[:200]})") from error
    if document.documentElement is None or not _elements(document, "rdf:RDF"):
        raise FormatError("this is XML, but not XMP: it has no rdf:RDF")
    return document


def _mwg(document: minidom.Document, frame: Frame) -> Iterator[Region]:
    for holder in _elements(document, "mwg-rs:Regions"):
        region_frame = _frame_of(holder, frame)
        for item in _items(holder):
            box = _box(item)
            if box is not None and _is_face(item):
                yield Region(_field(item, "mwg-rs:Name"), _upright(box, region_frame.orientation))


def _microsoft(document: minidom.Document, frame: Frame) -> Iterator[Region]:
    for holder in _elements(document, "MP:RegionInfo"):
        for item in _elements(holder, "rdf:li"):
            try:
                x, y, width, height = (float(part) for part in _field(item, "MPReg:Rectangle").split(","))
            except ValueError:
                continue
            box, name = (x, y, x + width, y + height), _field(item, "MPReg:PersonDisplayName")
            if _is_box(box):
                yield Region("" if name == "ffffffffffffffff" else name, _upright(box, frame.orientation))


def _items(holder: Node) -> list[Node]:
    return [item for regions in _elements(holder, "mwg-rs:RegionList") for item in _elements(regions, "rdf:li")]


def _is_face(item: Node) -> bool:
    return _field(item, "mwg-rs:Type").lower() in ("face", "")


def _box(item: Node) -> Box | None:
    """The area's box, relative to the stored image."""
    for area in _elements(item, "mwg-rs:Area"):
        try:
            x, y, width, height = (float(_field(area, f"stArea:{name}")) for name in "xywh")
        except ValueError:
            return None
        box = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return box if _is_box(box) and _field(area, "stArea:unit") in ("normalized", "") else None
    return None


def _is_box(box: Box) -> bool:
    return all(math.isfinite(v) and -1 <= v <= 2 for v in box) and box[2] > box[0] and box[3] > box[1]


def _frame_of(holder: Node, frame: Frame) -> Frame:
    """The frame of a list of regions: the stored image, or, with some programs, the upright one."""
    for dimensions in _elements(holder, "mwg-rs:AppliedToDimensions"):
        applied = tuple(_field(dimensions, f"stDim:{name}") for name in "wh")
        if applied == tuple(str(side) for side in frame.size) and frame.size != frame.stored:
            return Frame(frame.size)
    return frame


def _upright(box: Box, orientation: int) -> Box:
    """Map a relative box of the stored image to the upright one by EXIF orientation (TIFF 6.0, tag 274)."""
    x1, y1, x2, y2 = box
    if orientation >= 5:  # rows and columns are swapped
        x1, y1, x2, y2 = y1, x1, y2, x2
    if orientation in (2, 3, 6, 7):
        x1, x2 = 1 - x2, 1 - x1
    if orientation in (3, 4, 7, 8):
        y1, y2 = 1 - y2, 1 - y1
    return x1, y1, x2, y2


def _stored(box: Box, orientation: int) -> Box:
    """The inverse of `_upright`: orientations are their own inverses, except that 6 and 8 swap."""
    return _upright(box, {6: 8, 8: 6}.get(orientation, orientation))


def _drop_same(bag: Node, regions: Sequence[Region], frame: Frame) -> None:
    """Remove existing regions at the same places."""
    new_boxes = [region.box for region in regions]
    for item in _elements(bag, "rdf:li"):
        box = _box(item)
        if box is None or not new_boxes or not _is_face(item) or item.parentNode is None:
            continue
        if geometry.iou([_upright(box, frame.orientation)], new_boxes).max() >= SAME_FACE_OVERLAP:
            item.parentNode.removeChild(item)


def _holder(document: minidom.Document) -> Node:
    """The element that contains regions, created if missing."""
    for holder in _elements(document, "mwg-rs:Regions"):
        return holder
    description = _append(_elements(document, "rdf:RDF")[0], "rdf:Description")
    description.setAttributeNS(_PREFIXES["rdf"], "rdf:about", "")
    for prefix in ("mwg-rs", "stArea", "stDim"):
        description.setAttribute(f"xmlns:{prefix}", _PREFIXES[prefix])
    return _append(description, "mwg-rs:Regions", resource=True)


def _bag(holder: Node, frame: Frame) -> Node:
    """The list of regions, created if missing, with AppliedToDimensions."""
    inner = next((node for node in _elements(holder, "rdf:Description") if node.parentNode is holder), holder)
    if not _elements(holder, "mwg-rs:AppliedToDimensions"):
        dimensions = _append(inner, "mwg-rs:AppliedToDimensions", resource=True)
        for name, value in zip(("w", "h", "unit"), (*frame.stored, "pixel"), strict=True):
            _append(dimensions, f"stDim:{name}", str(value))
    regions = (_elements(holder, "mwg-rs:RegionList") or [_append(inner, "mwg-rs:RegionList")])[0]
    return next((node for kind in ("Bag", "Seq") for node in _elements(regions, f"rdf:{kind}")), None) or _append(
        regions, "rdf:Bag"
    )


def _add(bag: Node, region: Region, frame: Frame) -> None:
    x1, y1, x2, y2 = (min(max(v, 0.0), 1.0) for v in _stored(region.box, frame.orientation))
    item = _append(bag, "rdf:li", resource=True)
    area = _append(item, "mwg-rs:Area", resource=True)
    for name, value in zip("xywh", ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), strict=True):
        _append(area, f"stArea:{name}", f"{value:.6f}")
    _append(area, "stArea:unit", "normalized")
    _append(item, "mwg-rs:Name", region.name)
    _append(item, "mwg-rs:Type", "Face")


def _append(parent: Node, name: str, text: str = "", *, resource: bool = False) -> Node:
    """Append a child, and declare its prefix if needed. resource: the child is a structure with fields."""
    document = parent.ownerDocument
    assert document is not None
    prefix = name.partition(":")[0]
    node = document.createElementNS(_PREFIXES[prefix], name)
    parent.appendChild(node)
    if _namespace(parent, prefix) != _PREFIXES[prefix]:
        node.setAttribute(f"xmlns:{prefix}", _PREFIXES[prefix])
    if resource:
        if _namespace(node, "rdf") != _PREFIXES["rdf"]:
            node.setAttribute("xmlns:rdf", _PREFIXES["rdf"])
        node.setAttributeNS(_PREFIXES["rdf"], "rdf:parseType", "Resource")
    if text:
        node.appendChild(document.createTextNode(_INVALID_CHARACTER.sub("\ufffd", text)))
    return node


def _namespace(node: minidom.Node | None, prefix: str) -> str:
    """The namespace of a prefix at this node."""
    while isinstance(node, minidom.Element):
        if node.hasAttribute(f"xmlns:{prefix}"):
            return node.getAttribute(f"xmlns:{prefix}")
        node = node.parentNode
    return ""


def _elements(node: minidom.Document | Node, name: str) -> list[Node]:
    """All descendants with this name, in document order."""
    prefix, _, local = name.partition(":")
    return list(node.getElementsByTagNameNS(_PREFIXES[prefix], local))


def _field(struct: Node, name: str) -> str:
    """A field of an RDF structure: an attribute or an element, here or in a nested Description."""
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
