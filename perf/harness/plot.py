# SPDX-License-Identifier: BSD-3-Clause
"""A line plot as inline SVG: medians over categories, and bars from the smallest to the largest.

Colours are the page's CSS variables --c0, --c1, …; text has the page's colour."""

import dataclasses
import html
import math

WIDTH, HEIGHT = 460, 290
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 14, 44


@dataclasses.dataclass(frozen=True)
class Series:
    name: str
    colour: int
    points: dict  # category -> {"median", "min", "max"}


def nice_step(top, ticks=5):
    """A round number that goes into `top` about so many times."""
    raw = top / ticks
    magnitude = 10 ** math.floor(math.log10(raw))
    return next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)


class Linear:
    """From 0 to a little above the largest value."""

    def __init__(self, values):
        step = nice_step(max(values, default=0) or 1)
        self.top = step * math.ceil(max(values, default=0) / step * 1.02) or step
        self.ticks = [i * step for i in range(round(self.top / step) + 1)]

    def place(self, value):
        return value / self.top


class Log:
    """Whole powers of ten around the values; what is not above 0 stands at the bottom."""

    def __init__(self, values):
        positive = [value for value in values if value > 0] or [1]
        self.low = math.floor(math.log10(min(positive)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(positive))))
        self.ticks = [10.0 ** power for power in range(self.low, self.high + 1)]

    def place(self, value):
        if value <= 0:
            return 0.0
        return max(0.0, (math.log10(value) - self.low) / (self.high - self.low))


def number(value):
    """As short as an axis needs it: 0.25, 12, 5k, 3M."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if suffix == 'k' else limit):g}{suffix}"
    return f"{value:g}"


def _text(x, y, text, anchor="middle", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>'
            f'{html.escape(text)}</text>')


MARKS = (
    lambda x, y: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
    lambda x, y: f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"/>',
    lambda x, y: f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z"/>',
    lambda x, y: f'<path d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"/>',
    lambda x, y: f'<path d="M{x:.1f} {y + 5:.1f}l5 -9h-10z"/>',
)


def mark(colour, x, y):
    return MARKS[colour % len(MARKS)](x, y)


class _Frame:
    def __init__(self, categories, scale):
        self.categories, self.scale = categories, scale

    def x(self, category):
        slot = (WIDTH - LEFT - RIGHT) / len(self.categories)
        return LEFT + slot * (self.categories.index(category) + 0.5)

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * self.scale.place(value)

    def axes(self, x_title, y_title):
        parts = []
        for tick in self.scale.ticks:
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" '
                         f'y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(_text(LEFT - 6, y + 4, number(tick), "end"))
        parts += [_text(self.x(c), HEIGHT - BOTTOM + 16, str(c)) for c in self.categories]
        parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_title))
        middle = (TOP + HEIGHT - BOTTOM) / 2
        parts.append(_text(12, middle, y_title,
                           extra=f' transform="rotate(-90 12 {middle:.1f})"'))
        return parts

    def draw(self, series, shift):
        at = {c: (self.x(c) + shift, series.points[c]) for c in self.categories
              if c in series.points}
        parts = [f'<g style="stroke:var(--c{series.colour});fill:var(--c{series.colour})">']
        # Nothing lies between a number and a word.
        for kind in (str, (int, float)):
            line = " ".join(f"{x:.1f},{self.y(p['median']):.1f}" for c, (x, p) in at.items()
                            if isinstance(c, kind))
            if line:
                parts.append(f'<polyline class="line" points="{line}"/>')
        for x, p in at.values():
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{self.y(p["min"]):.1f}" '
                         f'y2="{self.y(p["max"]):.1f}"/>')
            parts.append(f'<g><title>{html.escape(series.name)}: {p["median"]:.4g} '
                         f'({p["min"]:.4g}–{p["max"]:.4g})</title>'
                         f'{mark(series.colour, x, self.y(p["median"]))}</g>')
        return [*parts, "</g>"]


def render(categories, series, x_title, y_title, log=False):
    """The SVG element."""
    values = [value for s in series for p in s.points.values() for value in p.values()]
    frame = _Frame(categories, (Log if log else Linear)(values))
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'aria-label="{html.escape(y_title)} by {html.escape(x_title)}">']
    parts += frame.axes(x_title, y_title)
    for i, each in enumerate(series):
        parts += frame.draw(each, 3 * (i - (len(series) - 1) / 2))
    return "".join([*parts, "</svg>"])
