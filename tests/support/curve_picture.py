"""Curves as an SVG that a page can show and a reviewer can read line by line. Nothing but the standard library."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

__all__ = ["curves"]

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 170, 36, 48
_COLOURS = ("#1f6feb", "#8250df", "#1a7f37", "#bf8700", "#cf222e")
_INK, _GRID = "#57606a", "#d0d7de"

Points = Sequence[tuple[float, float]]


def curves(title: str, across: str, lines: Mapping[str, Points], *, goal: float | None = None) -> str:
    """Lines of shares between 0 and 1 over percentages; ``goal`` is drawn as a dashed line."""
    most = max(x for points in lines.values() for x, _ in points) or 1.0
    root = ElementTree.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "font-family": "sans-serif"},
    )
    ElementTree.SubElement(root, "title").text = title
    ElementTree.SubElement(root, "rect", {"width": str(_WIDTH), "height": str(_HEIGHT), "fill": "#ffffff"})
    _text(root, _LEFT, 22, title, size=14)
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        _rule(root, share, _GRID)
        _text(root, _LEFT - 8, _down(share) + 4, f"{share:.1f}", anchor="end")
    if goal is not None:
        _rule(root, goal, _INK, dashes="4 4")
        _text(root, _WIDTH - _RIGHT + 8, _down(goal) + 4, f"goal {goal:g}")
    for x in sorted({x for points in lines.values() for x, _ in points}):
        _text(root, _along(x, most), _HEIGHT - _BOTTOM + 18, f"{100 * x:g} %", anchor="middle")
    _text(root, _along(most / 2, most), _HEIGHT - 8, across, anchor="middle")
    for at, (name, points) in enumerate(lines.items()):
        _line(root, points, most, _COLOURS[at % len(_COLOURS)])
        _text(root, _WIDTH - _RIGHT + 30, _HEIGHT - _BOTTOM - 16 * (len(lines) - at), name)
        y = _HEIGHT - _BOTTOM - 16 * (len(lines) - at) - 4
        mark = {"x1": str(_WIDTH - _RIGHT + 8), "x2": str(_WIDTH - _RIGHT + 26), "y1": str(y), "y2": str(y)}
        ElementTree.SubElement(root, "line", mark | {"stroke": _COLOURS[at % len(_COLOURS)], "stroke-width": "2"})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _along(x: float, most: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * x / most, 1)


def _down(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share, 1)


def _rule(root: ElementTree.Element, share: float, colour: str, dashes: str = "none") -> None:
    ends = {"x1": str(_LEFT), "x2": str(_WIDTH - _RIGHT), "y1": str(_down(share)), "y2": str(_down(share))}
    ElementTree.SubElement(root, "line", ends | {"stroke": colour, "stroke-dasharray": dashes})


def _line(root: ElementTree.Element, points: Points, most: float, colour: str) -> None:
    places = [(_along(x, most), _down(y)) for x, y in points]
    path = " ".join(f"{x},{y}" for x, y in places)
    ElementTree.SubElement(root, "polyline", {"points": path, "fill": "none", "stroke": colour, "stroke-width": "2"})
    for x, y in places:
        ElementTree.SubElement(root, "circle", {"cx": str(x), "cy": str(y), "r": "3", "fill": colour})


def _text(root: ElementTree.Element, x: float, y: float, said: str, *, anchor: str = "start", size: int = 11) -> None:
    style = {"x": str(x), "y": str(y), "font-size": str(size), "fill": _INK, "text-anchor": anchor}
    ElementTree.SubElement(root, "text", style).text = said
