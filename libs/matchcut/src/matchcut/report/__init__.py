"""The report: one HTML file for people, made of the documents of a job. It needs no network and no player."""

from matchcut.report.page import CheckRow, render_report

__all__ = ["CheckRow", "render_report"]
