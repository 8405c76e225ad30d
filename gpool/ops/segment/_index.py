"""Which segment each entry belongs to: read from ``index`` or ``ptr``, and looked at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gpool.ops.checks.arguments import check_count, check_integers, check_nonzero, checked_size, readable

__all__ = ["Segments", "blamed", "resolve", "rising", "unseen"]


class Segments(NamedTuple):
    """An index that :func:`resolve` has checked; segment functions take it as it is, without another look."""

    segment: Tensor  # [N] int64, the segment of every entry
    size: int  # the number of segments
    ptr: Tensor | None = None  # [size + 1] int64, where the segments begin, if that is known


def resolve(
    index: Tensor | Segments | None,
    ptr: Tensor | None,
    dim_size: int | None,
    length: int,
    device: torch.device | None = None,
    bound: str = "dim_size",
    look: bool = True,
) -> Segments:
    """The segments of ``length`` entries, from whichever of index and ptr is given, or one segment.

    ``bound`` is what an error calls dim_size. Without ``look``, an index is not looked at where dim_size is
    given: for callers whose kernels refuse such an id by themselves, and who say so by :func:`blamed`,
    and for norms, which look when they cut.

    Raises:
        TypeError: index or ptr does not hold integers, or dim_size is no integer.
        ValueError: index, ptr or dim_size does not fit the entries or one of the others.
        IndexError: an entry of index is not a segment. As the rise of ptr, this is looked at on the CPU only.
    """
    if isinstance(index, Segments):
        if index.segment.numel() != length:
            raise ValueError(
                f"index has {index.segment.numel()} entries; it must have {length}, one for each"
            )
        return index
    if index is not None:
        check_integers("index", index)
    if ptr is not None:
        return _by_ptr(ptr, index, dim_size, length)
    if dim_size is not None:
        check_count("dim_size", dim_size)
    if dim_size is not None:
        check_nonzero(bound, dim_size, length)
    if index is None:
        segment = torch.zeros(length, dtype=torch.long, device=device)
        return Segments(segment, 1 if dim_size is None else dim_size)
    if index.dim() != 1 or index.numel() != length:
        raise ValueError(
            f"index of shape {tuple(index.shape)} must be ({length},), one segment for each entry"
        )
    if (look or dim_size is None) and readable(index):
        dim_size = checked_size("index", index, dim_size, bound)
    elif dim_size is None:
        dim_size = int(index.max()) + 1 if length > 0 else 0
    return Segments(index.long(), dim_size)


def unseen(x: Tensor) -> bool:
    """Whether ``x`` has no numbers, so that no kernel comes to look at its index; compilers are not asked."""
    return not torch.compiler.is_compiling() and x.numel() == 0


def blamed(error: Exception, segments: Segments) -> Exception:
    """An error that names index, if that is why a kernel raised ``error``; else that error."""
    if readable(segments.segment):
        try:
            checked_size("index", segments.segment, segments.size, "dim_size")
        except IndexError as found:
            return found
    return error


def _by_ptr(ptr: Tensor, index: Tensor | None, dim_size: int | None, length: int) -> Segments:
    ptr = rising(ptr, dim_size, length)
    size = ptr.numel() - 1
    if index is None:
        segments = torch.arange(size, device=ptr.device)
        return Segments(torch.repeat_interleave(segments, ptr.diff(), output_size=length), size, ptr)
    if index.dim() != 1 or index.numel() != length:
        raise ValueError(
            f"index of shape {tuple(index.shape)} must be ({length},), one segment for each entry"
        )
    index = index.long()
    if readable(ptr) and not torch.equal(index, torch.repeat_interleave(ptr.diff())):
        raise ValueError("index and ptr disagree; they must name the same segments, or give one of them")
    return Segments(index, size, ptr)


def rising(ptr: Tensor, dim_size: int | None, length: int | None) -> Tensor:
    """ptr as int64, refused where it does not rise from 0 to ``length`` (None: to anywhere)."""
    check_integers("ptr", ptr)
    if ptr.dim() != 1 or ptr.numel() == 0:
        shape = f"ptr of shape {tuple(ptr.shape)} must be [B + 1]"
        raise ValueError(f"{shape} and {_rises(length)}")
    size = ptr.numel() - 1
    if dim_size is not None and dim_size != size:
        raise ValueError(f"dim_size={dim_size} must be {size}, one less than the {size + 1} entries of ptr")
    if readable(ptr):
        _check_rise(ptr, length)
    return ptr.long()


def _check_rise(ptr: Tensor, length: int | None) -> None:
    last = int(ptr[-1])
    if int(ptr[0]) != 0 or (length is not None and last != length):
        raise ValueError(f"ptr from {int(ptr[0])} to {last} {_rises(length)}")
    if ptr.numel() > 1 and int(ptr.diff().min()) < 0:
        place = int((ptr.diff() < 0).nonzero()[0])
        fall = f"ptr falls from {int(ptr[place])} to {int(ptr[place + 1])} at entry {place + 1}"
        raise ValueError(f"{fall}; it {_rises(length)}")


def _rises(length: int | None) -> str:
    end = "" if length is None else f"{length}, "
    return f"must rise from 0 to {end}the number of entries"
