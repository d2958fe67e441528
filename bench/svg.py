"""A small writer of SVG: bars, and lines over a logarithmic axis. The same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 720
HEIGHT: Final = 360
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 50, 60
COLOURS: Final = ("#2563a8", "#c2571a", "#3d8b40", "#7a4fa3")
FONT: Final = ' font-family="sans-serif" font-size="12"'
STEPS: Final = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y), x rising and above 0."""

    name: str
    points: Sequence[tuple[float, float]]


def bars(title: str, unit: str, values: Mapping[str, float]) -> str:
    """One bar for each value."""
    top = _round_up(max(values.values()))
    width = (WIDTH - LEFT - RIGHT) / len(values)
    return _document(title, unit, top, _bars(values, top, width))


def curves(title: str, unit: str, across: str, lines: Sequence[Curve]) -> str:
    """One line for each curve, over a logarithmic x axis; `across` says what x is."""
    points = [point for line in lines for point in line.points]
    top = _round_up(max(y for _, y in points))
    places = sorted({x for x, _ in points})
    low, high = log10(places[0]), log10(places[-1])
    across_by = {x: LEFT + 30 + (WIDTH - LEFT - RIGHT - 60) * (log10(x) - low) / ((high - low) or 1) for x in places}
    return _document(title, unit, top, _curves(lines, across, across_by, top))


def _bars(values: Mapping[str, float], top: float, width: float) -> Iterator[str]:
    for place, (name, value) in enumerate(values.items()):
        x, y = LEFT + place * width, _y(value, top)
        yield (
            f'<rect x="{x + width * 0.2:.1f}" y="{y:.1f}" width="{width * 0.6:.1f}" '
            f'height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLOURS[place == len(values) - 1]}"/>'
        )
        yield _text(x + width / 2, y - 6, f"{value:,.0f}", "middle")
        yield _text(x + width / 2, HEIGHT - BOTTOM + 20, name, "middle")


def _curves(lines: Sequence[Curve], across: str, across_by: Mapping[float, float], top: float) -> Iterator[str]:
    for x, where in across_by.items():
        yield _text(where, HEIGHT - BOTTOM + 20, f"{x:,.0f}", "middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, across, "middle")
    for place, line in enumerate(lines):
        colour = COLOURS[place % len(COLOURS)]
        points = [(across_by[x], _y(y, top)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for (x, y), (_, value) in zip(points, line.points, strict=True):
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
            yield _text(x, y - 9, f"{value:,.0f}" if value >= 100 else f"{value:.1f}", "middle")
        yield f'<rect x="{LEFT + 10}" y="{TOP + 18 * place - 8}" width="12" height="4" fill="{colour}"/>'
        yield _text(LEFT + 28, TOP + 18 * place, line.name, "start")


def _document(title: str, unit: str, top: float, shapes: Iterator[str]) -> str:
    grid = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(top * step / STEPS, top):.1f}" '
        f'y2="{_y(top * step / STEPS, top):.1f}" stroke="#d5d5d5"/>'
        + _text(LEFT - 8, _y(top * step / STEPS, top) + 4, f"{top * step / STEPS:,g}", "end")
        for step in range(STEPS + 1)
    ]
    head = [_text(LEFT, 22, title, "start", weight="bold"), _text(LEFT - 8, 38, unit, "end")]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"{FONT}>',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            *head,
            *grid,
            *shapes,
            "</svg>\n",
        ]
    )


def _text(x: float, y: float, words: str, anchor: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM - 16) * value / top


def _round_up(value: float) -> float:
    """The next number of the form 1, 2, 2.5, or 5 times a power of ten that is not below `value`."""
    power = 10 ** (len(f"{value:.0f}") - 1) if value >= 1 else 1
    return next(power * step for step in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0) if power * step >= value)
