"""Benchmarks: a plan becomes runs, runs become results, results become a report."""

from gpool.bench.plan import Plan, Run, Select
from gpool.bench.report import Report
from gpool.bench.runner import Summary, run_plan
from gpool.bench.store import Store

__all__ = ["Plan", "Report", "Run", "Select", "Store", "Summary", "run_plan"]
