"""Writes a document as DOCX with what assistive software goes by: heading and list styles, marked head rows, languages.

Charts become tables with the same figures: they can be read aloud, copied and edited. Drawings become pictures with
their alternative text, because word processors draw SVG differently or not at all.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from typing import Any

from .archive import at_one_moment
from .document import (
    Block,
    Chapter,
    Chart,
    Details,
    Document,
    Items,
    Paragraph,
    Picture,
    Table,
    every_chapter,
    readable,
)
from .pdf import png

#: Full tags of what we write in: Word wants a country.
LOCALES = {"it": "it-IT", "en": "en-GB", "fr": "fr-FR", "de": "de-DE", "es": "es-ES", "pt": "pt-PT"}
PICTURE_PIXELS = 1600
_INK, _INK2, _TINT = "17324D", "455B71", "E6F0FA"
_FONT = "Calibri"


def docx(document: Document) -> bytes:
    """The document as DOCX. The same document gives the same bytes. Raises what the picture maker raises."""
    # Half a second that only an export needs.
    from docx import Document as new

    made = new()
    _Writer(made, document).write()
    room = io.BytesIO()
    made.save(room)
    return at_one_moment(room.getvalue(), document.at)


class _Writer:
    def __init__(self, made: Any, document: Document) -> None:
        self.made = made
        self.document = document
        self.numbered = 0
        #: What the body ends with: everything is put before it.
        self.end = made.element.body.sectPr
        self.style_ids: dict[str, str] = {}

    def write(self) -> None:
        from docx.enum.text import WD_BREAK

        self._styles()
        self._properties()
        document = self.document
        self._paragraph(document.title, "Title")
        self._paragraph(document.subtitle, "Subtitle")
        self._details(document.about)
        for line in document.credits:
            self._paragraph(line, "Small")
        self.made.paragraphs[-1].add_run().add_break(WD_BREAK.PAGE)
        self._contents()
        self._footer()
        self.numbered = 0
        for level, chapter in every_chapter(document.chapters):
            self._chapter(chapter, level)

    # The whole

    def _styles(self) -> None:
        from docx.enum.style import WD_STYLE_TYPE
        from docx.shared import Cm, Pt, RGBColor

        styles = self.made.styles
        for page in self.made.sections:
            page.page_width, page.page_height = Cm(21), Cm(29.7)
            page.left_margin = page.right_margin = Cm(2.2)
            page.top_margin = page.bottom_margin = Cm(2.2)
        for lang in styles.element.iter(_tag("w:lang")):
            lang.set(_tag("w:val"), LOCALES.get(self.document.language, self.document.language))
        sizes = {"Normal": 10.5, "Title": 28, "Subtitle": 14, "Caption": 9, "Heading 1": 19, "Heading 2": 14}
        sizes |= {"Heading 3": 11.5, "Heading 4": 10.5}
        for name in ("Small", "Lead"):
            styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
        for level in (1, 2):
            style = styles.add_style(f"TOC {level}", WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = styles["Normal"]
            style.paragraph_format.left_indent = Cm(0.6 * (level - 1))
            style.paragraph_format.space_after = Pt(3)
        # Looks like a heading and is none, so that a renewed table of contents does not list itself.
        own = styles["TOC Heading"]
        own.base_style = styles["Normal"]
        own.paragraph_format.space_after = Pt(10)
        sizes |= {"Small": 9, "Lead": 12, "TOC Heading": 19}
        for name, size in sizes.items():
            style = styles[name]
            style.font.name = _FONT
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for kind in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(_tag(f"w:{kind}"), None)
            for kind in ("eastAsia", "cs"):
                fonts.set(_tag(f"w:{kind}"), _FONT)
            style.font.size = Pt(size)
            style.font.italic = False
            style.font.bold = name.startswith(("Heading", "Title", "TOC"))
            style.font.color.rgb = RGBColor.from_string(_INK2 if name in ("Subtitle", "Caption", "Small") else _INK)
        for rule in list(styles["Title"].element.iter(_tag("w:pBdr"))):
            rule.getparent().remove(rule)
        for name, before, after in (
            ("Heading 1", 24, 10),
            ("Heading 2", 18, 6),
            ("Heading 3", 14, 4),
            ("Heading 4", 10, 4),
        ):
            styles[name].paragraph_format.space_before = Pt(before)
            styles[name].paragraph_format.space_after = Pt(after)
            styles[name].paragraph_format.keep_with_next = True
        styles["Normal"].paragraph_format.space_after = Pt(6)
        styles["Caption"].paragraph_format.space_before = Pt(6)
        styles["Title"].paragraph_format.space_before = Pt(110)
        for name in ("List Bullet", "List Bullet 2"):
            styles[name].paragraph_format.space_after = Pt(3)

    def _properties(self) -> None:
        document, core = self.document, self.made.core_properties
        at = datetime.datetime.fromtimestamp(document.at / 1000, datetime.UTC).replace(tzinfo=None, microsecond=0)
        # Word's own limit for these fields.
        core.title, core.subject = readable(document.title)[:255], readable(document.subtitle)[:255]
        core.author = core.last_modified_by = readable(document.author)[:255]
        core.language = LOCALES.get(document.language, document.language)
        core.comments = core.keywords = ""
        core.created = core.modified = at
        core.revision = 1

    def _contents(self) -> None:
        """The table of contents as a field that a word processor can renew, filled with the headings of now."""
        self._paragraph(self.document.said.get("contents", ""), "TOC Heading")
        entries = [
            (number, level, chapter)
            for number, (level, chapter) in enumerate(every_chapter(self.document.chapters), start=1)
            if level <= 2
        ]
        for place, (number, level, chapter) in enumerate(entries):
            line = self._line(f"TOC {level}")
            if place == 0:
                _field_part(line, "begin")
                _field_code(line, r' TOC \o "1-2" \h \z \u ')
                _field_part(line, "separate")
            link = _element("w:hyperlink", {"w:anchor": _bookmark(number), "w:history": "1"})
            run = line.add_run(readable(chapter.title))
            link.append(run._r)
            line._p.append(link)
            if place == len(entries) - 1:
                _field_part(line, "end")

    def _footer(self) -> None:
        line = self.made.sections[0].footer.paragraphs[0]
        line.style = self.made.styles["Small"]
        before, _, rest = self.document.said.get("page", "{n}").partition("{n}")
        between, _, after = rest.partition("{of}")
        line.add_run(f"{readable(self.document.title)[:80]} · {before}")
        _field(line, " PAGE ")
        if between or after:
            line.add_run(between)
            _field(line, " NUMPAGES ")
            line.add_run(after)

    # Blocks

    def _chapter(self, chapter: Chapter, level: int) -> None:
        self.numbered += 1
        line = self._paragraph(chapter.title, f"Heading {min(level, 4)}", chapter.language)
        line.paragraph_format.page_break_before = True if chapter.apart else None
        mark = {"w:id": str(self.numbered), "w:name": _bookmark(self.numbered)}
        line._p.insert(1 if line._p.pPr is not None else 0, _element("w:bookmarkStart", mark))
        line._p.append(_element("w:bookmarkEnd", {"w:id": str(self.numbered)}))
        for block in chapter.blocks:
            self._block(block)

    def _block(self, block: Block) -> None:
        match block:
            case Paragraph():
                style = {"body": "Normal", "lead": "Lead", "small": "Small"}[block.kind]
                self._paragraph(block.text, style, block.language)
            case Items():
                for item in block.items:
                    line = self._paragraph(item.text, "List Bullet 2" if item.indent else "List Bullet")
                    if item.about:
                        self._aside(line, f" {item.about}")
            case Details():
                self._details(block.rows)
            case Table():
                self._table(block)
            case Chart():
                self._table(_as_table(block))
            case Picture():
                self._picture(block)

    def _line(self, style: str = "Normal") -> Any:
        """A new paragraph at the end. The library's own way searches all styles, and the whole text, for each of them."""
        from docx.text.paragraph import Paragraph as Line

        id = self.style_ids.get(style)
        if id is None:
            id = self.style_ids[style] = self.made.styles[style].style_id
        element = _element("w:p", {})
        if style != "Normal":
            about = _element("w:pPr", {})
            about.append(_element("w:pStyle", {"w:val": id}))
            element.append(about)
        self.end.addprevious(element)
        return Line(element, self.made._body)

    def _paragraph(self, text: str, style: str, language: str | None = None) -> Any:
        line = self._line(style)
        run = line.add_run(readable(text))
        if language:
            run._r.get_or_add_rPr().append(_element("w:lang", {"w:val": LOCALES.get(language, language)}))
        return line

    def _aside(self, line: Any, text: str) -> None:
        from docx.shared import Pt, RGBColor

        run = line.add_run(readable(text))
        run.font.size = Pt(9)
        run.font.color.rgb = RGBColor.from_string(_INK2)

    def _details(self, rows: Sequence[tuple[str, str]]) -> None:
        for name, value in rows:
            line = self._line()
            line.add_run(f"{readable(name)}: ").bold = True
            line.add_run(readable(value))

    def _table(self, table: Table) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.shared import Cm, Pt

        if table.caption:
            self._paragraph(table.caption, "Caption").paragraph_format.keep_with_next = True
        made = self.made.add_table(rows=0, cols=len(table.head), style="Table Grid")
        made.autofit = False
        widths = table.widths or (1,) * len(table.head)
        # Element by element and not through the library's cells: those search the whole table for each of them.
        for column, width in zip(made.columns, widths, strict=True):
            column.width = Cm(16.6 * width / sum(widths))
        for place, row in enumerate([table.head, *table.rows]):
            cells = made.add_row().cells
            for column, (cell, text) in enumerate(zip(cells, row, strict=True)):
                cell.width = Cm(16.6 * widths[column] / sum(widths))
                line = cell.paragraphs[0]
                line.paragraph_format.space_after = Pt(1)
                run = line.add_run(readable(text))
                run.font.size = Pt(9)
                if column in table.numbers:
                    line.alignment = WD_ALIGN_PARAGRAPH.RIGHT
                if place == 0:
                    run.bold = True
                    cell._tc.get_or_add_tcPr().append(_element("w:shd", {"w:val": "clear", "w:fill": _TINT}))
        head = made.rows[0]._tr.get_or_add_trPr()
        head.append(_element("w:cantSplit", {}))
        head.append(_element("w:tblHeader", {}))
        look = made._tbl.tblPr.find(_tag("w:tblLook"))
        if look is not None:
            look.set(_tag("w:firstRow"), "1")
            look.set(_tag("w:firstColumn"), "0")
        if table.caption:
            made._tbl.tblPr.append(_element("w:tblCaption", {"w:val": readable(table.caption)[:255]}))
        self._line().paragraph_format.space_after = Pt(2)

    def _picture(self, picture: Picture) -> None:
        from docx.shared import Cm

        wide, high = picture.size
        width = min(16.6, 22 * wide / high)
        line = self._line()
        run = line.add_run()
        shape = run.add_picture(io.BytesIO(png(picture.svg, wide, high, PICTURE_PIXELS)), width=Cm(width))
        about = shape._inline.docPr
        about.set("descr", readable(picture.alt))
        about.set("title", readable(picture.caption)[:255])
        if picture.caption:
            line.paragraph_format.keep_with_next = True
            self._paragraph(picture.caption, "Caption")


def _as_table(chart: Chart) -> Table:
    rows = []
    for bar in chart.bars:
        label = f"{bar.letter} · {bar.label}" if bar.letter else bar.label
        if bar.right:
            label = f"{label} ✓ {chart.right_word}".rstrip()
        rows.append((label, *[value[1] if value else "" for value in bar.values]))
    numbers = tuple(range(1, len(chart.series) + 1))
    widths = (5, *[2] * len(chart.series))
    head = (chart.labels, *[name for name, _ in chart.series])
    return Table(chart.caption, head, tuple(rows), numbers, widths)


def _tag(name: str) -> Any:
    from docx.oxml.ns import qn

    return qn(name)


def _element(name: str, attributes: dict[str, str]) -> Any:
    from docx.oxml import OxmlElement

    made: Any = OxmlElement(name)
    for key, value in attributes.items():
        made.set(_tag(key), value)
    return made


def _bookmark(number: int) -> str:
    return f"_Toc{number:08d}"


def _field(line: Any, code: str) -> None:
    _field_part(line, "begin")
    _field_code(line, code)
    _field_part(line, "separate")
    line.add_run("1")
    _field_part(line, "end")


def _field_part(line: Any, part: str) -> None:
    line.add_run()._r.append(_element("w:fldChar", {"w:fldCharType": part}))


def _field_code(line: Any, code: str) -> None:
    words = _element("w:instrText", {})
    words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    words.text = code
    line.add_run()._r.append(words)
