"""The timeline picture: where everything is in the film, as shapes on a drawing 1120 units wide."""

from dataclasses import dataclass, field

from matchcut.report.documents import Documents
from matchcut.report.wording import clock

__all__ = ["Bar", "Row", "Tick", "Timeline", "draw"]

WIDTH = 1120.0
_LEFT = 104.0
_RIGHT = 8.0
_NARROWEST = 2.5
"""A bar is never thinner, so that a word in a three-hour film can still be seen."""
_STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True)
class Bar:
    """A stretch of time in a row. ``css`` is its colour, ``hint`` is shown on hover."""

    x: float
    y: float
    width: float
    height: float
    css: str
    hint: str
    label: str = ""
    picture: str | None = None


@dataclass(frozen=True)
class Tick:
    """A moment on the axis."""

    x: float
    label: str


@dataclass(frozen=True)
class Row:
    """Bars side by side, with a name at the left."""

    name: str
    y: float
    height: float
    bars: tuple[Bar, ...]


@dataclass
class Timeline:
    """Everything the template draws."""

    height: float = 0.0
    ticks: tuple[Tick, ...] = ()
    rows: list[Row] = field(default_factory=list)
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    width: float = WIDTH
    axis_y: float = 0.0


def draw(documents: Documents, pictures: dict[int, str]) -> Timeline:
    """Lay out what there is; ``pictures`` are key frames (data URIs) by scene index."""
    drawing = _Drawing(documents)
    drawing.scenes(pictures)
    drawing.axis()
    drawing.lines()
    drawing.words()
    drawing.marks()
    drawing.upscaled()
    drawing.timeline.height = drawing.y + 4
    return drawing.timeline


class _Drawing:
    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.scale = (WIDTH - _LEFT - _RIGHT) / documents.duration
        self.y = 4.0
        self.timeline = Timeline()

    def _bar(self, start: float, end: float, y: float, height: float, css: str, hint: str, **more: str | None) -> Bar:
        x = _LEFT + start * self.scale
        width = max(_NARROWEST, (end - start) * self.scale)
        return Bar(round(x, 2), y, round(width, 2), height, css, hint, more.get("label") or "", more.get("picture"))

    def _add(self, name: str, height: float, bars: list[Bar], *, gap: float = 10.0) -> None:
        self.timeline.rows.append(Row(name, self.y, height, tuple(bars)))
        self.y += height + gap

    def scenes(self, pictures: dict[int, str]) -> None:
        """A strip of film: each scene filled with its key frame."""
        if not self.documents.scenes or not self.documents.scenes.scenes:
            return
        height = 64.0
        bars = []
        for scene in self.documents.scenes.scenes:
            hint = (
                f"Scene {scene.index + 1}: {clock(scene.start)} to {clock(scene.end)}, begins with a {scene.transition}"
            )
            width = (scene.end - scene.start) * self.scale
            bars.append(
                self._bar(
                    scene.start,
                    scene.end,
                    self.y,
                    height,
                    "scene",
                    hint,
                    label=str(scene.index + 1) if width >= 14 else None,
                    picture=pictures.get(scene.index) if width >= 4 else None,
                )
            )
        self._add("Scenes", height, bars, gap=2)

    def axis(self) -> None:
        """Round times, far enough apart to be read."""
        step = next((step for step in _STEPS if step * self.scale >= 62), _STEPS[-1])
        ticks = []
        moment = 0.0
        while moment <= self.documents.duration:
            ticks.append(Tick(round(_LEFT + moment * self.scale, 2), clock(moment, tenths=step < 1)))
            moment += step
        self.timeline.ticks = tuple(ticks)
        self.timeline.axis_y = self.y + 13
        self.y += 26

    def lines(self) -> None:
        """Every take of every line in its status's colour; what is in no line below."""
        ledger = self.documents.ledger
        if not ledger:
            return
        bars = []
        for line in ledger.lines:
            for number, take in enumerate(line.takes, 1):
                css = f"status {line.status}" + ("" if take.chosen else " unchosen")
                hint = f"Line {line.number}, {line.status}" + (f", take {number}" if len(line.takes) > 1 else "")
                hint += f": {clock(take.start)} to {clock(take.end)}. {line.text}"
                wide = (take.end - take.start) * self.scale >= 12
                label = str(line.number) if wide else None
                bars.append(self._bar(take.start, take.end, self.y, 26, css, hint, label=label))
        for speech in ledger.ad_libs:
            hint = f"In no line: {clock(speech.start)} to {clock(speech.end)}. {speech.text}"
            bars.append(self._bar(speech.start, speech.end, self.y, 26, "ad-lib", hint, label="ad-lib"))
        bars = [bar if bar.width > 40 or bar.label != "ad-lib" else _unlabelled(bar) for bar in bars]
        self._add("Script", 26, bars)

    def words(self) -> None:
        """One stroke a word; in long films they grow into a picture of how dense the speech is."""
        transcript = self.documents.transcript
        if not transcript:
            return
        bars = [
            self._bar(
                word.start, max(word.start, word.end - 0.03), self.y, 16, "word", f"{clock(word.start)} {word.text}"
            )
            for word in transcript.words
        ]
        self._add("Words", 16, bars)

    def marks(self) -> None:
        """Watermarks, and where the search could not tell."""
        found = self.documents.watermarks
        if not found:
            return
        bars = [
            self._bar(
                start, end, self.y, 16, "inconclusive", f"{clock(start)} to {clock(end)}: cannot be told from the scene"
            )
            for start, end in found.inconclusive
        ]
        for mark in found.marks:
            hint = f"{mark.kind}{' “' + mark.text + '”' if mark.text else ''}: {clock(mark.start)} to {clock(mark.end)}"
            bars.append(self._bar(mark.start, mark.end, self.y, 16, "mark", hint, label=mark.text or mark.kind))
        self._add("Marks", 16, bars)

    def upscaled(self) -> None:
        """The stretches that were sharpened."""
        quality = self.documents.quality
        if not quality:
            return
        rate = self.documents.frame_rate
        whole = (quality.start_frame, quality.end_frame or quality.start_frame + quality.frames_out)
        bars = []
        for first, last in quality.selection or (whole,):
            start, end = first / rate, last / rate
            hint = f"Upscaled: {clock(start)} to {clock(end)}, {last - first} frames"
            bars.append(self._bar(start, end, self.y, 16, "upscaled", hint))
        self._add("Upscaled", 16, bars)


def _unlabelled(bar: Bar) -> Bar:
    return Bar(bar.x, bar.y, bar.width, bar.height, bar.css, bar.hint)
