"""A record of tensors that must agree, since compiled kernels read wherever they point."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from torch import Tensor

from gpool.ops.checks import values_checked

__all__ = ["CheckedRecord"]

Record = TypeVar("Record", bound="CheckedRecord")


class CheckedRecord:
    """Base of frozen dataclasses of tensors: checked once before their first use, and after changes in place.

    A subclass says in :meth:`check_parts` what must hold; every function that reads a record calls
    :meth:`check` first.
    """

    __match_args__: ClassVar[tuple[str, ...]]  # the names of the parts, which dataclass fills in
    _sound: ClassVar[tuple[int, ...]] = ()  # versions of the parts when they were checked; set per record

    def __post_init__(self) -> None:
        for name in self.__match_args__:
            if not isinstance(getattr(self, name), Tensor):
                raise TypeError(f"{name} must be a tensor, not {type(getattr(self, name)).__name__}")

    def check(self) -> None:
        """Check that the parts agree; free where that is known.

        On other devices, in traces and where :func:`gpool.ops.checks.check_values` is off, nothing is done.

        Raises:
            ValueError: a part of the wrong shape or type, or one that disagrees with the others.
        """
        if values_checked(getattr(self, self.__match_args__[0])) and not self.sound:
            self.check_parts()
            self.trust()

    def check_parts(self) -> None:
        """Raise a ValueError that names the part which is not as it must be."""
        raise NotImplementedError(f"{type(self).__name__} must define check_parts()")

    @property
    def sound(self) -> bool:
        """Whether this was checked or trusted, and no part was changed in place since."""
        return self._sound == self._versions()

    def trust(self: Record) -> Record:
        """This record, marked as sound as it stands, for those who have made it so."""
        object.__setattr__(self, "_sound", self._versions())
        return self

    def _versions(self) -> tuple[int, ...]:
        parts = [getattr(self, name) for name in self.__match_args__]
        return tuple([0 if x.is_inference() else x._version for x in parts])
