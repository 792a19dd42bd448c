"""Small drawings of a report: inline SVG that prints, scales and can be read aloud."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, LABEL, BAR, ROW, TOP = 720, 168, 400, 30, 12
# A character of 13 px is at most about so wide on average in the fonts named below; words are never cut.
CHARACTER, SHORTEST = 7.5, 120


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its share of the whole (0 to 1), the text at its end, whether it is a warning."""

    label: str
    share: float
    text: str
    warning: bool


def bar_chart(name: str, title: str, bars: list[Bar], warning: str) -> Markup:
    """Draw horizontal bars; a warning is hatched and named in words, so that color is not needed."""
    height = TOP + ROW * len(bars) + 40
    label = max(LABEL, round(max((len(bar.label) for bar in bars), default=0) * CHARACTER) + 10)
    text = round(max((len(bar.text) for bar in bars), default=0) * CHARACTER) + 8
    long = max(SHORTEST, min(BAR, WIDTH - label - text))
    # The words of an extreme case widen the drawing, which then scales as a whole.
    across = max(WIDTH, label + long + text)
    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {across} {height}" width="{WIDTH}" '
        'font-family="Segoe UI, Liberation Sans, Arial, sans-serif" font-size="13" fill="#1b2430" '
        f'aria-labelledby="{name}-title {name}-desc">',
        Markup('<title id="{}-title">{}</title>').format(name, title),
        Markup('<desc id="{}-desc">{}</desc>').format(
            name, "; ".join(f"{bar.label}: {bar.text}" for bar in bars)
        ),
        f'<defs><pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" fill="#a4262c"/>'
        '<line x1="0" y1="0" x2="0" y2="6" stroke="#d98a8d" stroke-width="2"/></pattern></defs>',
    ]
    for i, bar in enumerate(bars):
        y = TOP + ROW * i
        width = max(bar.share * long, 1.5 if bar.share > 0 else 0)
        fill = f"url(#{name}-hatch)" if bar.warning else "#2c5f7c"
        parts.append(
            f'<rect x="{label}" y="{y}" width="{long}" height="18" fill="#eef1f4"/>'
            f'<rect x="{label}" y="{y}" width="{width:.1f}" height="18" fill="{fill}"/>'
            f'<text x="{label - 10}" y="{y + 14}" text-anchor="end">{escape(bar.label)}</text>'
            f'<text x="{label + long + 8}" y="{y + 14}">{escape(bar.text)}</text>'
        )
    y = TOP + ROW * len(bars) + 8
    parts.append(
        f'<rect x="{label}" y="{y}" width="18" height="14" fill="url(#{name}-hatch)"/>'
        f'<text x="{label + 26}" y="{y + 12}" class="key">{escape(warning)}</text></svg>'
    )
    return Markup("").join(Markup(part) for part in parts)


@dataclass(frozen=True)
class Column:
    """One column of a chart over time: the words for it, its height (0 to 1), whether it is a warning."""

    label: str
    height: float
    text: str
    warning: bool = False


def column_chart(name: str, title: str, columns: list[Column], warning: str, scale: str) -> Markup:
    """Draw columns from left to right, as many as there are; a warning is hatched and reaches the top.

    Args:
        name: unique in the page.
        title: the finding, read aloud.
        columns: in order; the first and last label stand below.
        warning: what the hatch means.
        scale: what the full height stands for.
    """
    height, left, top, tall = 190, 8, 22, 110
    width = (WIDTH - 2 * left) / max(len(columns), 1)
    marked = [column for column in columns if column.warning]
    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        'font-family="Segoe UI, Liberation Sans, Arial, sans-serif" font-size="13" fill="#1b2430" '
        f'aria-labelledby="{name}-title {name}-desc">',
        Markup('<title id="{}-title">{}</title>').format(name, title),
        Markup('<desc id="{}-desc">{}</desc>').format(
            name, "; ".join(f"{column.label}: {column.text}" for column in marked[:40]) or scale
        ),
        f'<defs><pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" fill="#f1d9da"/>'
        '<line x1="0" y1="0" x2="0" y2="6" stroke="#a4262c" stroke-width="3"/></pattern></defs>',
        f'<text x="{left}" y="14" class="key">{escape(scale)}</text>',
    ]
    for i, column in enumerate(columns):
        x, tallness = left + i * width, tall if column.warning else max(column.height * tall, 0)
        fill = f"url(#{name}-hatch)" if column.warning else "#2c5f7c"
        parts.append(
            f'<rect x="{x:.1f}" y="{top + tall - tallness:.1f}" width="{max(width - 1, 0.7):.1f}" '
            f'height="{tallness:.1f}" fill="{fill}"/>'
        )
    base = top + tall
    parts.append(
        f'<line x1="{left}" y1="{base}" x2="{WIDTH - left}" y2="{base}" stroke="#4a5666"/>'
        f'<text x="{left}" y="{base + 17}">{escape(columns[0].label if columns else "")}</text>'
        f'<text x="{WIDTH - left}" y="{base + 17}" text-anchor="end">'
        f"{escape(columns[-1].label if columns else '')}</text>"
        f'<rect x="{left}" y="{base + 28}" width="18" height="14" fill="url(#{name}-hatch)"/>'
        f'<text x="{left + 26}" y="{base + 40}" class="key">{escape(warning)}</text></svg>'
    )
    return Markup("").join(Markup(part) for part in parts)
