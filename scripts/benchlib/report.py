"""Ratios beside their targets."""

import statistics
import sys


def talk(text):
    print(text, file=sys.stderr, flush=True)


class Report:
    def __init__(self):
        self.rows = []

    def ratio(self, figure, ours, theirs, must, aim, detail=None):
        """Pairs measured side by side: the median and the worst of the ratios of each pair."""
        ratios = [a / b for a, b in zip(ours, theirs)]
        detail = detail or f"{seconds(statistics.median(ours))} / {seconds(statistics.median(theirs))}"
        self.add(figure, statistics.median(ratios), max(ratios), must, aim, detail, len(ratios))

    def value(self, figure, values, must, aim, unit, detail=""):
        self.add(figure, statistics.median(values), max(values), must, aim, detail, len(values), unit)

    def add(self, figure, median, worst, must, aim, detail, pairs, unit=""):
        if must is None:
            verdict = "-"
        elif median > must:
            verdict = "MISS"
        else:
            verdict = "PASS" if aim is None or median > aim else "PASS+"
        row = {
            "figure": figure, "median": median, "worst": worst, "must": must, "aim": aim, "unit": unit,
            "verdict": verdict, "pairs": pairs, "detail": detail,
        }  # fmt: skip
        self.rows.append(row)
        talk(f"   {figure}: median {number(median)}{unit}, worst {number(worst)}{unit}  {verdict}  ({detail})")

    def skip(self, figure, reason):
        row = {
            "figure": figure, "median": None, "worst": None, "must": None, "aim": None, "unit": "",
            "verdict": "SKIPPED", "pairs": 0, "detail": reason,
        }  # fmt: skip
        self.rows.append(row)
        talk(f"   {figure}: skipped: {reason}")

    def table(self):
        heads = ("figure", "median", "worst", "must", "aim", "", "n", "measured")
        lines = [heads]
        for row in self.rows:
            unit = row["unit"]
            cells = [row["figure"]]
            cells += [number(row[key]) + unit if row[key] is not None else "-" for key in ("median", "worst", "must", "aim")]
            lines.append((*cells, row["verdict"], str(row["pairs"]), row["detail"].splitlines()[0] if row["detail"] else ""))
        widths = [max(len(line[column]) for line in lines) for column in range(len(heads) - 1)]
        for line in lines:
            cells = [
                cell.ljust(width) if column in (0, 5) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths))
            ]
            yield "  ".join([*cells, line[-1]]).rstrip()

    def missed(self):
        return [row for row in self.rows if row["verdict"] == "MISS"]


def number(value):
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 20 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"
