"""A report as one HTML file that opens anywhere, offline: pictures, tables and style inside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from variata.atomic import write_text
from variata.pictures.style import CSS

NUMBER = re.compile(r"^[-+−]?[\d.,]+(e[-+]?\d+)?( ?%)?( ± [\d.,]+(e[-+]?\d+)?)?( ?[\w/²^%]+)?$")


@dataclass(frozen=True)
class Card:
    """One key figure: what it is, its value, and its unit or a remark in small print."""

    label: str
    value: str
    unit: str = ""


@dataclass(frozen=True)
class Section:
    """One part of a report. Every text is plain: it is escaped, so it may hold anything.

    Attributes:
        title: heading, also in the list of contents.
        text: paragraphs, parted by an empty line.
        pictures: (caption, bytes of a PNG file); the caption also describes the picture to those
            who do not see it.
        table: rows of cells; the first row is the head and carries the units.
        cards: key figures, shown above all else.
    """

    title: str
    text: str = ""
    pictures: Sequence[tuple[str, bytes]] = ()
    table: Sequence[Sequence[object]] = ()
    cards: Sequence[Card] = ()


def write_report(
    path: str | Path, title: str, sections: Sequence[Section], subtitle: str = ""
) -> Path:
    """Write a report to one HTML file, whole or not at all, and return its path.

    No script, no address, no other file: images are data URIs and the style is inline. It follows
    the reader's light or dark setting.

    Args:
        path: of the file, say report.html. title, subtitle: on top of it.
        sections: its parts, in order.

    Raises:
        StoreError: the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(Path(folder) / "report.html", "Digits", [Section("Likelihood")]).name
    'report.html'
    """
    path = Path(path)
    write_text(path, html_report(title, sections, subtitle))
    return path


def html_report(title: str, sections: Sequence[Section], subtitle: str = "") -> str:
    """Return the report as HTML text.

    >>> "&lt;b&gt;" in html_report("<b>", [])
    True
    """
    parts = [_section(section, i) for i, section in enumerate(sections, 1)]
    under = f"<p>{escape(subtitle)}</p>" if subtitle else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>\n{CSS}\n</style>\n</head>",
            f"<body>\n<main>\n<header><h1>{escape(title)}</h1>{under}</header>",
            _contents(sections),
            *parts,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 3:
        return ""
    links = [f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(sections, 1)]
    return f'<nav aria-label="Contents">{"".join(links)}</nav>'


def _section(section: Section, number: int) -> str:
    return "\n".join(
        [
            f'<section id="s{number}">\n<h2>{escape(section.title)}</h2>',
            _cards(section.cards),
            *_paragraphs(section.text),
            _table(section.table),
            *(_picture(caption, png) for caption, png in section.pictures),
            "</section>",
        ]
    )


def _cards(cards: Sequence[Card]) -> str:
    return f'<dl class="cards">{"".join(map(_card, cards))}</dl>' if cards else ""


def _card(card: Card) -> str:
    unit = f"<small>{escape(card.unit)}</small>" if card.unit else ""
    return f"<div><dt>{escape(card.label)}</dt><dd>{escape(card.value)}{unit}</dd></div>"


def _paragraphs(text: str) -> list[str]:
    parts = [part.strip() for part in re.split(r"\n\s*\n", text)]
    return [f"<p>{escape(part)}</p>" for part in parts if part]


def _picture(caption: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    words = escape(caption)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{words}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _table(rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    cells = [[str(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    numeric = [_numeric([row[i] for row in cells[1:]]) for i in range(width)]
    head = _row(cells[0], numeric, "th")
    body = "\n".join(_row(row, numeric, "td") for row in cells[1:])
    table = f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return f'<div class="wide" role="region" tabindex="0" aria-label="Table">{table}</div>'


def _numeric(column: Sequence[str]) -> bool:
    """Whether a column holds numbers, and so is set to the right."""
    filled = [cell for cell in column if cell not in ("", "-", "–", "n/a")]
    return bool(filled) and all(NUMBER.match(cell) for cell in filled)


def _row(cells: Sequence[str], numeric: Sequence[bool], tag: str) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    marks = [' class="number"' if right else "" for right in numeric]
    inner = (f"<{tag}{scope}{m}>{escape(c)}</{tag}>" for c, m in zip(cells, marks, strict=True))
    return f"<tr>{''.join(inner)}</tr>"
