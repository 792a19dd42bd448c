"""A DOCX as pandoc writes it, dressed for paper: A4, tables with lines, wide ones across the page."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

A4 = (11906, 16838)  # twentieths of a point
MARGIN = 1134
LINE = 'w:val="single" w:sz="4" w:space="0" w:color="9AA5B1"'
BORDERS = "".join(f"<w:{side} {LINE}/>" for side in ("top", "left", "bottom", "right", "insideH", "insideV"))
TABLE_STYLE = re.compile(r'<w:style [^>]*w:styleId="Table"[^>]*>.*?</w:style>', re.DOTALL)
AUTO_WIDTH = re.compile(r'<w:tblW w:type="auto" w:w="0"\s*/>')
PAGE = re.compile(r"<w:sectPr\s*/>")
FULL_WIDTH = '<w:tblW w:type="pct" w:w="5000"/>'
HEADING_ROW = '<w:shd w:val="clear" w:color="auto" w:fill="E9EDF1"/>'


def dress(source: Path, target: Path, *, wide: bool) -> None:
    """Write ``source`` to ``target`` with page size, table lines and bold heading rows.

    What another pandoc writes otherwise stays as it is: the document is whole either way.

    Args:
        source: the DOCX that pandoc wrote.
        target: where to.
        wide: whether the pages lie on their side.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "word/document.xml":
                content = _document(content.decode("utf-8"), wide).encode("utf-8")
            elif entry.filename == "word/styles.xml":
                content = TABLE_STYLE.sub(_style, content.decode("utf-8"), count=1).encode("utf-8")
            new.writestr(entry, content, zipfile.ZIP_DEFLATED)


def _document(xml: str, wide: bool) -> str:
    width, height = (A4[1], A4[0]) if wide else A4
    turned = ' w:orient="landscape"' if wide else ""
    page = (
        f'<w:sectPr><w:pgSz w:w="{width}" w:h="{height}"{turned}/>'
        f'<w:pgMar w:top="{MARGIN}" w:right="{MARGIN}" '
        f'w:bottom="{MARGIN}" w:left="{MARGIN}" w:header="567" w:footer="567" w:gutter="0"/></w:sectPr>'
    )
    return PAGE.sub(page, AUTO_WIDTH.sub(FULL_WIDTH, xml))


def _style(found: re.Match[str]) -> str:
    style = found[0]
    style = re.sub(
        r"(<w:tblPr>\s*<w:tblInd [^>]*/>)", rf"\1<w:tblBorders>{BORDERS}</w:tblBorders>", style, count=1
    )
    style = style.replace("<w:tblPr>", '<w:rPr><w:sz w:val="18"/><w:szCs w:val="18"/></w:rPr><w:tblPr>', 1)
    style = re.sub(r'(<w:tblStylePr w:type="firstRow">)', r"\1<w:rPr><w:b/><w:bCs/></w:rPr>", style, count=1)
    return re.sub(r"(</w:tcBorders>)", rf"\1{HEADING_ROW}", style, count=1).replace(
        '<w:vAlign w:val="bottom" />', ""
    )
