"""Benchmarks: a plan becomes cells, cells become results, results become a report."""

from gpool.bench.plan import Cell, Plan, Select
from gpool.bench.report import Report
from gpool.bench.run import Summary, run_plan
from gpool.bench.store import Store

__all__ = ["Cell", "Plan", "Report", "Select", "Store", "Summary", "run_plan"]
