"""The report: one file, offline, safe, and well formed."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from variata.errors import StoreError
from variata.pictures import Card, Section, html_report, png_bytes, write_report

PNG = png_bytes(np.zeros((4, 4), np.uint8))
NASTY = "<script>alert('1')</script> & \"quoted\""


def sections() -> list[Section]:
    return [
        Section("Key figures", "First.\n\nSecond.", cards=[Card("ELBO", "−85.3", "nats")]),
        Section("Samples", pictures=[("Drawn from the prior.", PNG)]),
        Section("Table", table=[["model", "nats"], ["this", "85.3 ± 0.1"], ["baseline", "120"]]),
    ]


def nasty() -> list[Section]:
    return [Section(NASTY, NASTY, [(NASTY, PNG)], [[NASTY], [NASTY]], [Card(NASTY, NASTY, NASTY)])]


class Reader(HTMLParser):
    """Collects tags and checks that they close in order."""

    VOID = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


@pytest.mark.parametrize("parts", [sections(), nasty(), []])
def test_nothing_is_fetched_and_nothing_runs(parts):
    html = html_report(NASTY, parts, NASTY)
    assert re.search(r"https?://|url\(|@import|<script|<link|<iframe|javascript:", html) is None
    reader = read(html)
    assert "script" not in {tag for tag, _ in reader.seen}
    for _, attributes in reader.seen:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]


def test_text_is_shown_as_it_was_written():
    texts: list[str] = []
    reader = Reader()
    reader.handle_data = texts.append
    reader.feed(html_report(NASTY, nasty(), NASTY))
    assert texts.count(NASTY) == 11


def test_pictures_are_whole_and_described():
    images = [a for tag, a in read(html_report("t", sections())).seen if tag == "img"]
    assert len(images) == 1
    assert base64.b64decode((images[0]["src"] or "").split(",")[1]) == PNG
    assert images[0]["alt"] == "Drawn from the prior."


def test_columns_of_numbers_stand_to_the_right():
    html = html_report("t", sections())
    assert '<td class="number">85.3 ± 0.1</td>' in html
    assert "<td>this</td>" in html


def test_contents_lead_to_every_section():
    reader = read(html_report("t", sections()))
    targets = {a["id"] for tag, a in reader.seen if tag == "section"}
    assert {a["href"] for tag, a in reader.seen if tag == "a"} == {f"#{t}" for t in targets}


def test_light_and_dark():
    assert "prefers-color-scheme: dark" in html_report("t", [])


def test_written_whole_or_not_at_all(tmp_path):
    path = write_report(tmp_path / "report.html", "Zahlen ± π", sections())
    assert path.read_text(encoding="utf-8") == html_report("Zahlen ± π", sections())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(StoreError):
        write_report(tmp_path / "no" / "report.html", "t", [])
