"""Ways of paging at councils' APIs, conditional requests, and single answers of any format."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from lgdp_pipelines.collection.transports.api_paging import count_records, read_path, remove_parameter, set_parameter
from lgdp_pipelines.collection.transports.transport import CacheValidators, NoNewContent, SkippedEntry
from lgdp_pipelines.errors import SourceRefused
from lgdp_pipelines.register.model.sources import CursorPaging, LinkPaging, NumberedPaging
from tests.support.http_server import AnswerFunction, HttpAnswer, HttpRequest, build_page, read_numbers

# Paging.


def test_pages_are_turned_by_a_link_header(get: Any) -> None:
    links = {
        None: '</waste/FIF?year=2023&page=2>; rel="next", </waste/FIF?page=3>; rel="last"',
        "2": '</waste/FIF?year=2023&page=3>; title="a, b"; rel="prefetch next"',
        "3": '</waste/FIF?year=2023&page=2>; rel="prev"',
    }

    def answer(request: HttpRequest) -> HttpAnswer:
        number = request.query.get("page", [None])[0]
        return HttpAnswer(build_page(int(number or 1)), headers={"Link": links[number]})

    (content, _), requests = get(answer, paging=LinkPaging())
    assert read_numbers(content) == [1, 2, 3]
    assert len(requests) == 3


def test_a_link_to_another_origin_is_never_asked_for(get: Any) -> None:
    with pytest.raises(SourceRefused, match="next page"):
        get(
            lambda _: HttpAnswer(build_page(1), headers={"Link": '<http://127.0.0.1:1/x>; rel="next"'}),
            paging=LinkPaging(),
        )


def answer_by_number(*pages: str, beyond: HttpAnswer | None = None, first: int = 1) -> AnswerFunction:
    def answer(request: HttpRequest) -> HttpAnswer:
        position = int(request.query["p"][0]) - first
        return HttpAnswer(pages[position]) if position < len(pages) else beyond or HttpAnswer(build_page())

    return answer


def test_numbered_pages_are_turned_until_one_is_empty(get: Any) -> None:
    (content, _), requests = get(
        answer_by_number(build_page(1, 2), build_page(3)), paging=NumberedPaging(parameter="p")
    )
    assert read_numbers(content) == [1, 2, 3]
    assert len(content.splitlines()) == 2
    assert [request.query for request in requests] == [{"year": ["2023"], "p": [number]} for number in "123"]


@pytest.mark.parametrize("status", [404, 204, 410])
def test_a_page_beyond_the_last_may_be_missing(status: int, get: Any) -> None:
    answer = answer_by_number(build_page(1), beyond=HttpAnswer(status=status))
    (content, _), _ = get(answer, paging=NumberedPaging(parameter="p"))
    assert read_numbers(content) == [1]


def test_numbered_pages_begin_where_the_source_says_and_end_at_the_total(get: Any) -> None:
    paging = NumberedPaging(parameter="p", first=0, total="meta.total")
    pages = [build_page(1, 2, meta={"total": 3}), build_page(3, meta={"total": 3})]
    (content, _), requests = get(answer_by_number(*pages, first=0), paging=paging)
    assert read_numbers(content) == [1, 2, 3]
    assert [request.query["p"] for request in requests] == [["0"], ["1"]]


def test_fewer_records_than_the_total_are_left_for_the_next_time(get: Any) -> None:
    paging = NumberedPaging(parameter="p", total="total")
    outcome, _ = get(answer_by_number(build_page(1, total=5), build_page(2, total=5)), paging=paging)
    assert isinstance(outcome, SkippedEntry)


def test_pages_are_turned_by_a_cursor(get: Any) -> None:
    pages = {None: build_page(1, next="a&b=c"), "a&b=c": build_page(2, next=7), "7": build_page(3, next=None)}

    def answer(request: HttpRequest) -> HttpAnswer:
        assert request.query["year"] == ["2023"]
        return HttpAnswer(pages[request.query.get("after", [None])[0]])

    (content, _), requests = get(answer, paging=CursorPaging(at="next", parameter="after"))
    assert read_numbers(content) == [1, 2, 3]
    assert len(requests) == 3


def test_a_cursor_that_does_not_change_is_refused(get: Any) -> None:
    with pytest.raises(SourceRefused, match="no end"):
        get(
            lambda _: HttpAnswer(build_page(1, next="x")),
            paging=CursorPaging(at="next", parameter="after"),
        )


def test_pages_with_separate_etags_are_compared_with_the_first_again(get: Any) -> None:
    """Each page has its own ETag, so a change of the first is looked for when the last has come."""
    changed = {"first": False}

    def answer(request: HttpRequest) -> HttpAnswer:
        if request.query["p"] == ["1"]:
            etag = '"one, changed"' if changed["first"] else '"one"'
            if request.headers.get("if-none-match") == etag:
                return HttpAnswer(status=304, headers={"ETag": etag})
            return HttpAnswer(build_page(1), headers={"ETag": etag})
        return HttpAnswer(build_page(2) if request.query["p"] == ["2"] else build_page(), headers={"ETag": '"other"'})

    def answer_and_change(request: HttpRequest) -> HttpAnswer:
        response = answer(request)
        changed["first"] = True
        return response

    paging = NumberedPaging(parameter="p")
    (content, validators), requests = get(answer, paging=paging, validators=CacheValidators('"one"'))
    assert read_numbers(content) == [1, 2]
    assert "if-none-match" not in requests[0].headers  # the first page's mark says nothing of the second
    assert validators == CacheValidators()
    outcome, _ = get(answer_and_change, paging=paging)
    assert isinstance(outcome, SkippedEntry)


@pytest.mark.parametrize(
    ("body", "dotted", "count"),
    [
        (b'{"data": [1, 2]}', "data", 2),
        (b"[1, 2, 3]", "", 3),
        (b'{"a": 1}\n{"a": 2}\n', "", 2),
        (b'{"a": 1}\n', "", 1),
        (b"", "", 0),
        (b"\n", "data", 0),
        (b'{"data": []}', "data", 0),
        (b'{"data": {}}', "data", None),
        (b"<html>", "data", None),
        (b"[" * 200_000, "", None),
    ],
)
def test_records_of_a_page_are_counted(body: bytes, dotted: str, count: int | None) -> None:
    assert count_records(body, dotted) == count


def test_a_parameter_is_set_and_the_others_stay_as_they_are_written() -> None:
    address = httpx2.URL("https://one.example/a%2Fb?f[x]=%20y&p=1&z")
    assert bytes(set_parameter(address, "p", "a b").query) == b"f[x]=%20y&z&p=a+b"
    assert str(remove_parameter(httpx2.URL("https://one.example/?k=1"), "k")) == "https://one.example/"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"links": {"next": "/two"}}', "/two"),
        (b'{"links": {"next": null}}', None),
        (b'{"links": {"next": 7}}', 7),
        (b'{"links": []}', None),
        (b"[1]", None),
        (b"\xff", None),
        (b"[" * 200_000, None),
        (b"", None),
    ],
)
def test_a_page_is_read_where_the_register_says(body: bytes, value: object) -> None:
    assert read_path(body, "links.next") == value
    assert read_path(body, "") is None


# One answer, of any format.


def test_an_answer_of_any_format_is_kept_as_sent(get: Any) -> None:
    content = b"a;b\r\n1;\xe9\r\n" * 1_000
    (kept, _), _ = get(lambda _: HttpAnswer(content, headers={"Content-Type": "text/csv", "Link": '</x>; rel="next"'}))
    assert kept == content


def test_one_large_answer_may_be_larger_than_a_page(get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgdp_pipelines.collection.transports.api.LARGEST_PAGE", 1_000)
    (kept, _), _ = get(lambda _: HttpAnswer(b"x" * 100_000))
    assert len(kept) == 100_000


# Conditions.

CHANGED = datetime(2024, 11, 20, 8, 30, 15, tzinfo=UTC)


def test_the_time_of_change_is_kept_and_sent_as_a_condition(get: Any) -> None:
    stamp = "Wed, 20 Nov 2024 08:30:15 GMT"
    (_, validators), _ = get(lambda _: HttpAnswer("x", headers={"Last-Modified": stamp, "ETag": 'W/"1"'}))
    assert validators == CacheValidators('W/"1"', CHANGED)
    outcome, requests = get(lambda _: HttpAnswer(status=304), validators=validators)
    assert isinstance(outcome, NoNewContent)
    assert requests[0].headers["if-modified-since"] == stamp
    assert requests[0].headers["if-none-match"] == 'W/"1"'


@pytest.mark.parametrize("stamp", ["", "yesterday", "Wed, 99 Nov 2024 08:30:15 GMT"])
def test_an_invalid_time_of_change_is_not_kept(stamp: str, get: Any) -> None:
    (_, validators), _ = get(lambda _: HttpAnswer("x", headers={"Last-Modified": stamp}))
    assert validators == CacheValidators()
