"""A report as a page for people: one HTML file without scripts or anything to fetch, to be read, printed and kept.

What belongs here: handing facts to the templates beside this module. What does not: sentences (``advice``, ``words``).
Everything is escaped by the templates themselves; names from outside are put on one readable line first.
"""

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from lgdp_pipelines.reporting.query_texts import how_to_answer
from lgdp_pipelines.reporting.report_content import Report
from lgdp_pipelines.reporting.report_texts import headline, next_steps, summary
from lgdp_pipelines.reporting.wording import SEVERITY, counted, day, moment, readable

PLACES_SHOWN = 100
"""Places of one rule on the page; the CSV file beside it has more."""


def page(report: Report) -> str:
    """The report as HTML."""
    return written(
        "report.html",
        report=report,
        headline=headline(report),
        summary=summary(report),
        steps=next_steps(report),
        places_shown=PLACES_SHOWN,
    )


def written(template: str, **facts: object) -> str:
    """A page from one of the templates."""
    return _template(template).render(facts)


@lru_cache(maxsize=8)
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("lgdp_pipelines.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"readable": readable, "day": day, "moment": moment, "counted": counted}
    environment.filters["how_to_answer"] = how_to_answer
    environment.globals |= {"severity_words": SEVERITY}
    return environment.get_template(name)
