"""Face regions in XMP, as several programs write them, and what strangers might."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nitakao.errors import FormatError
from nitakao.photos import colour, xmp
from nitakao.photos.xmp import Frame, Region, extract_xmp, read_regions, sidecar_paths, write_regions

FRAME = Frame((4000, 3000))
ADA = Region("Ada Lovelace", (0.1, 0.2, 0.3, 0.5))
BOB = Region("Bob", (0.6, 0.5, 0.7, 0.65))
NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
    'xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" '
    'xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" '
    'xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def document(inner: str) -> bytes:
    return (
        f'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}>'
        f'<rdf:Description rdf:about="">{inner}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


ELEMENTS = document(  # as digiKam and ExifTool write it
    """<mwg-rs:Regions rdf:parseType="Resource">
     <mwg-rs:AppliedToDimensions rdf:parseType="Resource"><stDim:w>4000</stDim:w><stDim:h>3000</stDim:h>
      <stDim:unit>pixel</stDim:unit></mwg-rs:AppliedToDimensions>
     <mwg-rs:RegionList><rdf:Bag>
      <rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.2</stArea:x>
       <stArea:y>0.35</stArea:y><stArea:w>0.2</stArea:w><stArea:h>0.3</stArea:h>
       <stArea:unit>normalized</stArea:unit></mwg-rs:Area>
       <mwg-rs:Name>Ada Lovelace</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type></rdf:li>
      <rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.5</stArea:x>
       <stArea:y>0.5</stArea:y><stArea:w>0.2</stArea:w><stArea:h>0.3</stArea:h></mwg-rs:Area>
       <mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type></rdf:li>
     </rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
     <dc:subject><rdf:Bag><rdf:li>beach</rdf:li></rdf:Bag></dc:subject><!-- kept -->"""
)
ATTRIBUTES = document(  # as Adobe's XMP toolkit packs it
    """<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="4000" stDim:h="3000"
     stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Type="Face"
     mwg-rs:Name="Ada Lovelace"><mwg-rs:Area stArea:x="0.2" stArea:y="0.35" stArea:w="0.2" stArea:h="0.3"
     stArea:unit="normalized"/></rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"""
)
MICROSOFT = document(
    """<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:Rectangle="0.1, 0.2, 0.2, 0.3"
     MPReg:PersonDisplayName="Ada Lovelace"/><rdf:li MPReg:Rectangle="0.1"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>"""
)


def close(found: list[Region], expected: list[Region]) -> bool:
    return [r.name for r in found] == [r.name for r in expected] and all(
        np.allclose(one.box, other.box, atol=1e-5) for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("written", [ELEMENTS, ATTRIBUTES, MICROSOFT], ids=["elements", "attributes", "microsoft"])
def test_faces_are_read_however_they_are_spelled(written):
    assert close(read_regions(written, FRAME), [ADA])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_lie_in_the_stored_picture_and_are_read_upright(orientation):
    upright = np.zeros((40, 60), np.uint8)
    upright[8:20, 6:18] = 200  # ADA's box in a picture of 60 x 40
    frame = Frame((60, 40), orientation)
    written = write_regions(None, [ADA], frame)
    root = ElementTree.fromstring(written)
    area = {node.tag.partition("}")[2]: node.text or "" for node in root.iter() if "sType" in node.tag}
    width, height = frame.stored
    assert (area["w"], area["h"]) != ("", "")
    x, y, w, h = (float(area[name]) for name in "xywh")
    stored = np.zeros((height, width, 3), np.uint8)
    stored[round((y - h / 2) * height) : round((y + h / 2) * height), round((x - w / 2) * width) :][
        :, : round(w * width)
    ] = 200
    assert np.array_equal(colour.apply_orientation(stored, orientation)[:, :, 0], upright)
    assert close(read_regions(written, frame), [ADA])


def test_dimensions_are_those_of_the_stored_picture():
    text = write_regions(None, [ADA], Frame((3000, 4000), 6)).decode()
    assert "<stDim:w>4000</stDim:w><stDim:h>3000</stDim:h>" in text


def test_regions_that_a_program_wrote_for_the_upright_picture_stay_so():
    frame = Frame((4000, 3000), 6)  # stored as 3000 x 4000, and the side-car speaks of 4000 x 3000
    assert close(read_regions(ELEMENTS, frame), [ADA])
    assert close(read_regions(write_regions(ELEMENTS, [BOB], frame), frame), [ADA, BOB])


@pytest.mark.parametrize("before", [ELEMENTS, ATTRIBUTES])
def test_a_face_in_the_same_place_is_replaced_and_all_else_stays(before):
    renamed = Region("Countess Lovelace", (0.11, 0.2, 0.31, 0.5))
    after = write_regions(before, [renamed, BOB], FRAME)
    assert close(read_regions(after, FRAME), [renamed, BOB])
    if before is ELEMENTS:
        for kept in (b"Rex", b"Pet", b"beach", b"<!-- kept -->", b"W5M0MpCehiHzreSzNTczkc9d", b'end="w"'):
            assert kept in after


def test_a_face_that_somebody_else_named_stays():
    assert close(read_regions(write_regions(ELEMENTS, [BOB], FRAME), FRAME), [ADA, BOB])


def test_writing_twice_changes_nothing():
    once = write_regions(None, [ADA, BOB], FRAME)
    assert read_regions(write_regions(once, [ADA, BOB], FRAME), FRAME) == read_regions(once, FRAME)


def test_regions_are_added_to_a_side_car_without_any():
    before = document('<dc:title xmlns:mwg-rs="urn:other">Beach</dc:title>')
    after = write_regions(before, [ADA], FRAME)
    assert b"Beach" in after
    assert close(read_regions(after, FRAME), [ADA])


@given(st.text(min_size=1, max_size=30))
def test_any_name_comes_back_as_far_as_xml_can_write_it(name):
    written = write_regions(None, [Region(name, ADA.box)], FRAME)
    (region,) = read_regions(written, FRAME)
    legal = xmp._INVALID_CHARACTER.sub("\ufffd", name)
    assert region.name == legal.replace("\r\n", "\n").replace("\r", "\n").strip()


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 8))
def test_any_box_comes_back_in_any_orientation(values, orientation):
    x1, x2 = sorted(values[:2])
    y1, y2 = sorted(values[2:])
    box = (x1, y1, max(x2, min(x1 + 0.01, 1)), max(y2, min(y1 + 0.01, 1)))
    if box[2] <= box[0] or box[3] <= box[1]:
        return
    frame = Frame((500, 400), orientation)
    found = read_regions(write_regions(None, [Region("x", box)], frame), frame)
    assert not found or close(found, [Region("x", box)])


def test_boxes_that_make_no_sense_are_passed_by():
    for old, new in ((b">0.35<", b">nan<"), (b">0.35<", b">x<"), (b">0.35<", b">1e9<"), (b"normalized", b"pixel")):
        assert read_regions(ELEMENTS.replace(old, new), FRAME) == []


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + ELEMENTS.replace(b"Ada", b"&b;")


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"no xml",
        b"<html/>",
        ELEMENTS[:900],
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + ELEMENTS,
        b"\xff\xfe\x00",
        b"<a>" * 150_000,
        document("<a>" * 50_000 + "</a>" * 50_000),
        document("<a/>" * 250_000),
        ELEMENTS + b" " * (8 << 20),
    ],
    ids=["empty", "text", "html", "cut", "laughs", "utf-16", "external", "odd", "open", "deep", "many", "long"],
)
def test_what_is_no_xmp_is_refused(bad):
    for act in (lambda: read_regions(bad, FRAME), lambda: write_regions(bad, [ADA], FRAME)):
        with pytest.raises(FormatError, match="XMP"):
            act()


def test_utf_16_and_byte_order_marks_are_read():
    for encoding in ("utf-16", "utf-8-sig"):
        assert close(read_regions(ELEMENTS.decode().encode(encoding), FRAME), [ADA])


def test_a_photographs_own_xmp_is_found_in_its_bytes():
    inside = extract_xmp(b"\xff\xd8\xff\xe1 http://ns.adobe.com/xap/1.0/\0" + ELEMENTS + b"\xff\xda pixels \xff\xd9")
    assert close(read_regions(inside, FRAME), [ADA])
    assert extract_xmp(b"\xff\xd8 nothing") == b""
    assert extract_xmp(b"<x:xmpmeta> cut off") == b""


def test_a_side_car_is_named_after_its_photograph_with_or_without_the_ending():
    assert sidecar_paths("a/b.c.jpg") == ("a/b.c.jpg.xmp", "a/b.c.xmp")
