"""The data sets that go by a name: where each lies, and the data module that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, get_args

from lightning.pytorch import LightningDataModule

from gpool.data.files.sums import SUMS
from gpool.data.graphs import Graphs
from gpool.data.links.module import Links
from gpool.data.links.sets import REPAIRED, WEBKB
from gpool.data.ogb import OGBGraph
from gpool.data.planetoid import Name, Planetoid
from gpool.data.root import checked_name
from gpool.data.tu import TU

__all__ = ["Place", "data_of", "place_of", "places"]

OFTEN = ("MUTAG", "PTC_MR", "PROTEINS", "DD", "NCI1", "ENZYMES", "IMDB-BINARY", "IMDB-MULTI", "COLLAB")
"""TU sets that are listed where they are missing, too; all others go by their names as well."""


class Place(NamedTuple):
    """Where a set lies: a folder, or one file in it."""

    name: str
    folder: Path
    file: str | None = None

    def files(self) -> list[Path]:
        """The set's own files that are there; none that was made from them."""
        if self.file is not None:
            return [self.folder / self.file] if (self.folder / self.file).is_file() else []
        return [
            path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != SUMS and not _made(path.relative_to(self.folder))
        ]


def _made(path: Path) -> bool:
    return any(part == "processed" or part.startswith(".") for part in path.parts)


def place_of(name: str, root: Path) -> Place:
    """Where the set of a name lies, or is to be placed."""
    checked_name(name)
    if name.startswith("ogbg-"):
        return Place(name, OGBGraph(name, root).folder)
    if name in get_args(Name):
        return Place(name, root / "planetoid" / name)
    if name in REPAIRED:
        return Place(name, root / "webkb" / "yandex_npz", f"{REPAIRED[name]}.npz")
    if name in WEBKB:
        return Place(name, root / "webkb" / name.removesuffix("-original"))
    if (root / "links" / f"{name}.mat").is_file():
        return Place(name, root / "links", f"{name}.mat")
    return Place(name, root / "tu" / name)


def data_of(name: str, root: Path) -> LightningDataModule:
    """The data module of a set; an import path or a ``.pt`` file is the source of one's own graphs."""
    if name.endswith(".pt") or "." in name:
        return Graphs(name)
    folder = place_of(name, root).folder
    if folder.is_relative_to(root / "tu"):
        return TU(name, root=root)
    if folder.is_relative_to(root / "planetoid"):
        return Planetoid(name, root)  # type: ignore[arg-type]
    return OGBGraph(name, root) if name.startswith("ogbg-") else Links(name, root=root)


def places(root: Path) -> list[Place]:
    """The sets that are there, and those that are often used."""
    there = [path.name for path in sorted((root / "tu").glob("*")) if path.is_dir()]
    molecules = [
        path.name.removesuffix("_pyg").replace("_", "-", 1) for path in (root / "ogb").glob("ogbg_mol*")
    ]
    mats = sorted(path.stem for path in (root / "links").glob("*.mat"))
    names = [*there, *OFTEN, "ogbg-molhiv", *sorted(molecules), *get_args(Name), *REPAIRED, *WEBKB, *mats]
    return [place_of(name, root) for name in dict.fromkeys(names)]
