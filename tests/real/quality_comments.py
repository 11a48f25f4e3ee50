"""The publisher's comments on the quality of real figures, as a file of known issues.

164 comments name one financial year and 6 name all of them; 160 name a council, 8 the nation and 2 all councils. A
comment on all years is put on each year that there are figures for, and one on all councils or the nation on each
council: a council's figures are part of what it speaks of. Belongs here: the way from a comment to its places. Belongs
elsewhere: any comment's text, which stays in the publisher's file.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.real.plain_rules import Cell, workbook_rows

SOURCE = "data_quality_table_people_supported.xlsx"
SHEETS = ("Sheet1", "removed comments")
YEARS = ("2017/18", "2018/19", "2019/20", "2020/21", "2021/22")
PEOPLE = "urn:lgdp:item:people-supported:nclient"
NATION = "Scotland (All Areas Submitted)"
ALL = "All"

_ABOUT_PEOPLE = re.compile(
    r"client group|vulnerable group|palliative|submitted records|clients per quarter|clients' age",
    re.IGNORECASE,
)
"""Comments on how many people are in which group: about the figures of people. Others are about answers that this
return does not ask for, such as meals or a social worker, or about estimates: about the return as a whole."""


class Comment(NamedTuple):
    """Comment and its location.

    Attributes:
        sheet: name of the sheet.
        row: of the sheet.
        year: financial year, or all of them.
        council: its name, the nation's, or all.
        words: what it says.
    """

    sheet: str
    row: int
    year: str
    council: str
    words: str

    @property
    def item(self) -> str:
        """URN of the comment's item; empty: the return as a whole."""
        return PEOPLE if _ABOUT_PEOPLE.search(self.words) else ""

    @property
    def years(self) -> tuple[str, ...]:
        """Financial years of the comment."""
        return YEARS if self.year == ALL else (self.year,)


def comments(folder: Path) -> Iterator[Comment]:
    """Yield all comments of the publisher's table, in order."""
    for sheet in SHEETS:
        for number, row in enumerate(workbook_rows(folder / "phs-social-care" / SOURCE, sheet), start=1):
            cells: list[Cell] = [*row, *[""] * 4]
            if cells[0] == "Client":
                yield Comment(sheet, number, str(cells[1]), str(cells[2]), str(cells[3]))


def write_known_issues(publisher_comments: Iterator[Comment], councils: tuple[str, ...], file: Path) -> int:
    """Write a file for ``lgdp known-issue import``, and return its number of lines.

    Args:
        publisher_comments: the comments.
        councils: on which a comment on all councils, or the nation, is put.
        file: to write.
    """
    lines = [
        {
            "return": "PEOPLE-SUPPORTED",
            "council": council,
            "period": year,
            "item": comment.item,
            "words": f"{NATION}: {comment.words}" if comment.council == NATION else comment.words,
            "source": f"{SOURCE}, {comment.sheet}, row {comment.row}",
        }
        for comment in publisher_comments
        for council in (councils if comment.council in (NATION, ALL) else (comment.council,))
        for year in comment.years
    ]
    with file.open("w", encoding="utf-8", newline="") as written:
        writer = csv.DictWriter(written, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return len(lines)
