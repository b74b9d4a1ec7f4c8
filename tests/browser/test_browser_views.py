"""Every view, in both languages, on desktop and phone, light and dark: nothing amiss, nothing foreign."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.driving import DESKTOP, PHONE

VIEWS = {
    "search": ("/#/search", ".drop"),
    "people": ("/#/people", ".person"),
    "person": ("/#/people/1", ".bare-tile"),
    "review": ("/#/people/review", ".review"),
    "photos": ("/#/photos", ".bare-tile"),
    "photo": ("/#/photos?photo=1", ".photo-window .outline"),
    "compare": ("/#/compare", ".half"),
    "map": ("/#/map", "h1"),
    "settings": ("/#/settings", ".facts"),
}
WAYS: dict[str, dict[str, Any]] = {
    "desktop-en": {"viewport": DESKTOP, "locale": "en-GB"},
    "desktop-ja-dark": {"viewport": DESKTOP, "locale": "ja-JP", "color_scheme": "dark"},
    "phone-ja": {"viewport": PHONE, "locale": "ja-JP", "has_touch": True, "is_mobile": True},
    "phone-en-dark": {
        "viewport": PHONE,
        "locale": "en-GB",
        "color_scheme": "dark",
        "has_touch": True,
        "is_mobile": True,
    },
}
NO_MAP = ("404",)  # the browser notes that the map, which was not made yet, is not there


@pytest.mark.parametrize("way", WAYS)
def test_every_view_is_whole_and_accessible(drive, served, way):
    at = drive(served, expected=NO_MAP, **WAYS[way])
    japanese = "ja" in way
    for name, (path, ready) in VIEWS.items():
        at.go(path)
        at.wait(ready)
        at.settled()
        at.shot(f"{name}-{way}")
        assert at.faults() == [], name
        assert not at.sticks_out(), name
        assert at.page.evaluate("() => document.documentElement.lang") == ("ja" if japanese else "en")
        shown = at.find("body").inner_text()
        assert any("ぁ" <= letter <= "ん" for letter in shown.replace("似た顔", "")) == japanese, name


def test_language_and_light_are_switched_by_hand_and_kept(drive, served):
    at = drive(served, "/#/people")
    at.button("日本語").click()
    at.page.get_by_role("heading", name="人物", exact=True).wait_for()
    at.button("テーマ：システムに合わせる").click()
    at.button("テーマ：ライト").click()
    at.button("テーマ：ダーク").wait_for()
    at.page.reload()
    at.page.get_by_role("heading", name="人物", exact=True).wait_for()
    assert at.page.evaluate("() => document.documentElement.lang") == "ja"
    assert at.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(20, 21, 24)"


def test_an_address_that_is_no_view_shows_the_search(drive, served):
    at = drive(served, "/#/nowhere/12?x=%")
    at.wait(".drop")


def test_somebody_who_is_not_there_is_told_in_one_sentence(drive, served):
    at = drive(served, "/#/people/987654", expected=("404",))
    assert at.wait("[role=alert]").inner_text().strip()
    at.view("people")
    at.wait(".person")


def test_a_server_that_is_gone_is_told_in_one_sentence(drive, served):
    at = drive(served, expected=("net::ERR",))
    at.wait(".drop")
    at.context.set_offline(True)
    at.view("people")
    at.says("The server does not respond")
