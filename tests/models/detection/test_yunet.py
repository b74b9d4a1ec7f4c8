"""YuNet: what needs no weights with a fake network, and the real one where the shared folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nitakao import geometry
from nitakao.errors import DeviceError, WeightsError
from nitakao.models.detection import detectors, yunet
from nitakao.models.onnx.session import Device
from nitakao.values import DetectorSettings, Face, Photo

# The astronaut's face (hairline to chin) and eyes in scikit-image's 512x512 picture, read off it enlarged five times.
ASTRONAUT = (180.0, 75.0, 270.0, 178.0)
EYES = ((203.5, 101.0), (247.0, 103.0))


class FakeNetwork:
    """Finds, in whatever it is shown, one face in the middle half, with eyes a quarter from the left and right."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802  # OpenCV's name
        self.sizes.append(size)

    def detect(self, pixels: Any) -> tuple[int, Any]:
        h, w = pixels.shape[:2]
        assert (w, h) == self.sizes[-1]
        points = [0.25 * w, 0.4 * h, 0.75 * w, 0.4 * h, 0.5 * w, 0.5 * h, 0.3 * w, 0.6 * h, 0.7 * w, 0.6 * h]
        first = [0.25 * w, 0.25 * h, 0.5 * w, 0.5 * h, *points, 0.8]
        return 1, np.array([first], np.float32)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    fake = FakeNetwork()
    monkeypatch.setattr(yunet, "_open", lambda path: fake)
    return fake


def grey(width: int, height: int, scale: int = 1) -> Photo:
    return Photo("grey", np.full((height, width, 3), 90, np.uint8), (width * scale, height * scale))


def test_boxes_and_landmarks_are_in_the_photographs_own_frame(network: FakeNetwork) -> None:
    detector = yunet.YuNet(DetectorSettings(smallest_face=24), Path("x"))
    (face,) = detector([grey(300, 200, scale=2)])[0]  # 600 x 400, decoded at half
    assert network.sizes == [(300, 200)]
    assert face.box == pytest.approx((150, 100, 450, 300))
    assert face.landmarks is not None
    assert face.landmarks[0] == pytest.approx((150, 160))
    assert face.landmarks[1] == pytest.approx((450, 160))
    assert face.score == pytest.approx(0.8)


def test_the_input_is_as_small_as_the_smallest_face_allows(network: FakeNetwork) -> None:
    yunet.YuNet(DetectorSettings(smallest_face=48), Path("x"))([grey(800, 400)])
    yunet.YuNet(DetectorSettings(smallest_face=12), Path("x"))([grey(300, 200)])
    assert network.sizes == [(200, 100), (300, 200)]


def test_large_inputs_are_looked_at_twice_and_a_face_found_twice_counts_once(network: FakeNetwork) -> None:
    faces = yunet.YuNet(DetectorSettings(smallest_face=15), Path("x"))([grey(1200, 800)])[0]
    assert network.sizes == [(960, 640), (480, 320)]
    assert len(faces) == 1


def test_a_picture_narrower_than_half_a_face_is_not_looked_at(network: FakeNetwork) -> None:
    assert yunet.YuNet(DetectorSettings(), Path("x"))([grey(1, 1), grey(900, 3)]) == [[], []]
    assert network.sizes == []


def test_another_device_than_the_cpu_is_refused() -> None:
    with pytest.raises(DeviceError, match="CPU only"):
        yunet.load(DetectorSettings(name="yunet"), Device("cuda"))


def test_a_file_that_is_no_network_is_refused_with_a_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "face_detection_yunet_2023mar.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(WeightsError, match="OpenCV cannot load YuNet"):
        yunet.YuNet(DetectorSettings(), path)
    with pytest.raises(WeightsError, match="OpenCV cannot load YuNet"):
        yunet.YuNet(DetectorSettings(), tmp_path / "gone.onnx")


@pytest.fixture(scope="module")
def detector(shared: Path) -> detectors.Detector:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NITAKAO_MODELS", str(shared / "models"))
        patch.setenv("NITAKAO_OFFLINE", "1")
        return detectors.load(DetectorSettings(name="yunet"))


@pytest.fixture(scope="module")
def astronaut() -> Any:
    data = pytest.importorskip("skimage.data", exc_type=ImportError)
    return np.ascontiguousarray(data.astronaut())


class TestRealWeights:
    def the_face(self, detector: detectors.Detector, pixels: Any) -> Face:
        height, width = pixels.shape[:2]
        (face,) = detector([Photo("astronaut", np.ascontiguousarray(pixels), (width, height))])[0]
        return face

    def test_the_astronaut_is_found_where_she_is(self, detector: detectors.Detector, astronaut: Any) -> None:
        face = self.the_face(detector, astronaut)
        assert geometry.iou([face.box], [ASTRONAUT])[0, 0] > 0.6
        assert face.score > 0.8
        assert face.landmarks is not None
        for seen, known in zip(face.landmarks[:2], EYES, strict=True):
            assert np.hypot(*(seen - known)) < 6

    @pytest.mark.parametrize("quarters", [1, 2, 3])
    def test_a_turned_astronaut_is_found_upright_again(
        self, detector: detectors.Detector, astronaut: Any, quarters: int
    ) -> None:
        upright = self.the_face(detector, astronaut)
        face = self.the_face(detector, np.rot90(astronaut, quarters))
        assert face.turn == 360 - 90 * quarters
        turned = geometry.rotate_boxes([upright.box], 90 * quarters, (512, 512))
        assert geometry.iou([face.box], turned)[0, 0] > 0.8

    def test_a_close_up_is_found(self, detector: detectors.Detector, astronaut: Any) -> None:
        pixels = cv2.resize(astronaut[75:185, 180:270], None, fx=8, fy=8)
        face = self.the_face(detector, pixels)
        assert geometry.iou([face.box], [(0, 0, pixels.shape[1], pixels.shape[0])])[0, 0] > 0.5

    def test_a_picture_without_faces_has_none(self, detector: detectors.Detector) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
        assert detector([Photo("noise", noise, (300, 200))]) == [[]]

    def test_one_pixel_has_none(self, detector: detectors.Detector) -> None:
        assert detector([grey(1, 1), grey(1, 900), grey(3, 3)]) == [[], [], []]
