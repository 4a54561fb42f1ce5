"""``qc.html``: the quality report for people, one file with all it shows inside."""

from html import escape

from contracts.documents import ChunkReport, QualityReport
from upscale.adapters.stills import Pair

__all__ = ["page_of"]

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f27;
--on:#fff;--soft:#5d6675;--line:#dfe3ea;--paper:#f6f7f9;--card:#fff;--good:#14804a;
--bad:#c0362c;--sharp:#3b5bdb;--plain:#b8c0cf}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaf0;
--on:#12151b;--soft:#9aa4b5;--line:#2d3442;--paper:#12151b;--card:#1a1f28;
--good:#4ccb86;--bad:#ff8177;--sharp:#7c93ff;--plain:#3f4858}}
*{box-sizing:border-box}body{margin:0;padding:2rem 1rem 4rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}main{max-width:62rem;margin:0 auto}h1{font-size:1.7rem;margin:0 0 .3rem}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem}p{margin:.2rem 0 .8rem;color:var(--soft)}
.verdict{display:inline-block;padding:.3rem .8rem;border-radius:99px;color:var(--on);
background:var(--good);font-weight:600}
.verdict.bad{background:var(--bad)}.card{background:var(--card);border:1px solid var(--line);border-radius:10px;
overflow-x:auto}table{border-collapse:collapse;width:100%}td,th{padding:.45rem .8rem;text-align:left;
border-top:1px solid var(--line);vertical-align:top}tr:first-child>*{border-top:0}th{color:var(--soft);font-weight:500}
.ok{color:var(--good);font-weight:700;width:1.5rem}.no{color:var(--bad);font-weight:700;width:1.5rem}
.n{text-align:right;font-variant-numeric:tabular-nums}.who{min-width:16rem;overflow-wrap:anywhere}.strip{display:flex;height:18px;border-radius:6px;overflow:hidden}
.strip i{background:var(--sharp)}.strip i.plain{background:var(--plain)}code{font-size:.85em;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}.pair img{width:100%;display:block;border-radius:8px}
figure{margin:0}figcaption{color:var(--soft);font-size:.9rem;padding:.3rem 0}@media(max-width:40rem){
.pair{grid-template-columns:1fr}}
"""


def page_of(report: QualityReport, pair: Pair | None) -> str:
    """The whole page. ``pair``: a detail before and after."""
    verdict = "The same film, only sharper" if report.passed else "Not the same film"
    failed = f"{len(report.failures)} check{'s' if len(report.failures) != 1 else ''} failed"
    words = "All checks passed" if report.passed else failed
    parts = [
        f"<h1>{verdict}</h1>",
        f'<span class="verdict{"" if report.passed else " bad"}">{"✓" if report.passed else "✕"} {words}</span>',
        *_listed("What is wrong", report.failures),
        _checks(report),
        *_listed("What could not be carried over as it was", report.warnings),
        _pair(pair, report) if pair else "",
        _strip(report),
        _names(report),
        _chunks(report),  # last: a long film has thousands
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="generator" content="Matchcut">'
        f"<title>{verdict} · quality report</title><style>{_STYLE}</style></head><body><main>"
        + "\n".join(part for part in parts if part)
        + "</main></body></html>\n"
    )


def _listed(title: str, sentences: tuple[str, ...]) -> list[str]:
    if not sentences:
        return []
    rows = "".join(f"<tr><td>{escape(sentence)}</td></tr>" for sentence in sentences)
    return [f'<h2>{title}</h2><div class="card"><table>{rows}</table></div>']


def _checks(report: QualityReport) -> str:
    rows = [
        (report.frames_in == report.frames_out, "Frames", f"{report.frames_in:,} in, {report.frames_out:,} out"),
        (report.pts_equal, "Times", "every frame is shown when the original's is"),
        (report.color_equal, "Colours", "range, primaries, transfer and matrix are the original's"),
        (report.passed or not _drifted(report), "Sound", f"displaced by {report.av_drift_ms:.1f} ms at the worst end"),
    ]
    said = "".join(
        f'<tr><td class="{"ok" if good else "no"}">{"✓" if good else "✕"}</td><td>{what}</td>'
        f"<td>{escape(found)}</td></tr>"
        for good, what, found in (
            (good, what, found if good or what in ("Frames", "Sound") else f"not so: {found}")
            for good, what, found in rows
        )
    )
    return f'<h2>Nothing was lost on the way</h2><div class="card"><table>{said}</table></div>'


def _drifted(report: QualityReport) -> bool:
    return any("sound" in failure for failure in report.failures)


def _pair(pair: Pair, report: QualityReport) -> str:
    return (
        f"<h2>Before and after</h2><p>A detail of frame {pair.frame:,} of the original, where most is to be seen.</p>"
        f'<div class="pair"><figure><img src="{pair.before}" alt="Before"><figcaption>Before, enlarged by Lanczos'
        f'</figcaption></figure><figure><img src="{pair.after}" alt="After"><figcaption>After, '
        f"{escape(report.model)}, {report.width} × {report.height}</figcaption></figure></div>"
    )


def _strip(report: QualityReport) -> str:
    bars = "".join(
        f'<i style="flex:{chunk.frames}"{" class=plain" if chunk.plain else ""}'
        f' title="chunk {chunk.index}: {chunk.frames} frames, {escape(chunk.machine)}"></i>'
        for chunk in report.chunks
    )
    sharp = report.frames_out if report.sharpened_frames is None else report.sharpened_frames
    rest = "" if sharp == report.frames_out else "; the others were enlarged plainly"
    return (
        f"<h2>What was sharpened</h2><p>{sharp:,} of {report.frames_out:,} frames{rest}.</p>"
        f'<div class="strip" role="img" aria-label="chunks of the film from its start to its end">{bars}</div>'
    )


def _chunks(report: QualityReport) -> str:
    priced = any(chunk.cost is not None for chunk in report.chunks)
    head = "<tr><th>Chunk</th><th>Frames</th><th>Machine</th><th class=n>Tries</th><th class=n>Seconds</th>"
    head += f"<th class=n>Cost, {escape(report.currency)}</th>" if priced else ""
    rows = "".join(_row(chunk, priced=priced) for chunk in report.chunks)
    total = f"<tr><th>All</th><td>{report.frames_out:,}</td><td></td><td></td><td class=n>{report.seconds:.1f}</td>"
    costs = sum(chunk.cost or 0 for chunk in report.chunks)
    total += f"<td class=n>{costs:.4f}</td>" if priced else ""
    return f'<h2>Who made what</h2><div class="card"><table>{head}</tr>{rows}{total}</tr></table></div>'


def _row(chunk: ChunkReport, *, priced: bool) -> str:
    first = chunk.start_frame
    where = f"{first:,}–{first + chunk.frames - 1:,}" if first is not None else f"{chunk.frames:,}"
    cost = f"<td class=n>{'' if chunk.cost is None else f'{chunk.cost:.4f}'}</td>" if priced else ""
    return (
        f"<tr><td>{chunk.index}</td><td>{where}</td><td class=who>{escape(chunk.machine)}</td>"
        f"<td class=n>{chunk.attempts}</td><td class=n>{chunk.seconds:.1f}</td>{cost}</tr>"
    )


def _names(report: QualityReport) -> str:
    quality = "lossless" if report.crf is None else f"CRF {report.crf}, {report.preset}"
    rows = [
        ("Size", f"{report.width} × {report.height}"),
        ("Encoded as", f"{report.codec}, {quality}, in {report.container}"),
        ("Frames of the original", f"{report.start_frame:,}–{report.end_frame - 1:,}"),
        ("Network", f"{report.model}, sha256 {report.model_sha256}"),
        ("Original", f"sha256 {report.source_sha256}"),
    ]
    said = "".join(f"<tr><th>{name}</th><td><code>{escape(value)}</code></td></tr>" for name, value in rows)
    return f'<h2>What it was made of</h2><div class="card"><table>{said}</table></div>'
