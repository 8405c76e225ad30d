"""Readers of data files, which check everything they read.

Here belongs what reads, checks, fetches and caches files: text, pickles of known classes, .mat, index files.
What the data mean to a trainer belongs to the data modules of :mod:`gpool.data`.
"""
