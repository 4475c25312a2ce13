"""Whether what is published is as it was made: all files of pages, and what galleries and documents say of them."""

from __future__ import annotations

from collections.abc import Iterator

from almostnothing import front, gallery, records
from almostnothing.errors import UserError
from almostnothing.files import file_digest
from almostnothing.freshness import CONTENT, FIGURES, Page
from almostnothing.parameters import files


def verify(parameter_set: str) -> Iterator[str]:
    """What is wrong with the published files of a set, a sentence each; nothing where all are as they were made.

    Raises `UserError` for an unknown set.
    """
    paths = files.parameter_files(files.FOLDER / parameter_set)
    pages = [Page(path.stem, parameter_set) for path in paths]
    found = [sentence for page in pages for sentence in _page(page)]
    yield from found
    known = {page.name for page in pages}
    for path in records.record_files(FIGURES / parameter_set):
        if path.stem not in known:
            yield f"{path} belongs to no parameter file in {files.FOLDER / parameter_set}"
    if not found:
        for path, text in gallery.files_of(parameter_set).items():
            if path.is_file() and path.read_text() != text:
                yield f"{path} is not what the records say: python -m almostnothing gallery"


def _page(page: Page) -> Iterator[str]:
    damages = records.damages(page.into / page.parameter_set, page.name, CONTENT)
    yield from damages
    if not damages:
        try:
            record = records.read(page.file("json"))
        except UserError as error:
            yield str(error)
            return
        if file_digest(page.file("csv")) != record["table"]["sha256"]:
            yield f"{page.file('csv')} is not the table that {page.file('json').name} was made of"


def verify_front() -> Iterator[str]:
    """What is wrong with the front page's figure and with what documents say of the published sets."""
    yield from front.damages()
    for path in gallery.documents():
        if gallery.generated(path) != path.read_text():
            yield f"{path} is not what the records say: python -m almostnothing gallery"
