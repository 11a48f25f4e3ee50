"""The portal's OpenAPI document.

Belongs here: the description of routes and responses. Belongs elsewhere: the routes (``app``).
A test keeps both in step.
"""

from collections.abc import Mapping
from importlib.metadata import version

from lgdp_pipelines.ledger.submission_records import ReceiptState, SubmissionState
from lgdp_pipelines.portal.responses import REPORT_FORMS
from lgdp_pipelines.vocabulary.verdicts import Severity, Verdict

Json = Mapping[str, object]


def build_openapi_document() -> Json:
    """Return the OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Local Government Data Platform: intake",
            "version": version("lgdp-pipelines"),
            "description": "A council's system sends its returns here, and receives the result of the checks at once. "
            "The bearer token identifies the council. Times are in UTC.",
        },
        "paths": {
            "/submissions": {"post": _describe_post()},
            "/submissions/{id}": {"get": _describe_get("The status of a file, and the verdict", _ANSWER, [_ID])},
            "/submissions/{id}/report.{form}": {
                "get": {
                    "summary": "The report on a submission, to read, to open in a spreadsheet or for a program",
                    "security": _TOKEN,
                    "parameters": [_ID, _describe_path_parameter("form", {"enum": list(REPORT_FORMS)})],
                    "responses": {
                        "200": {
                            "description": "The report",
                            "content": {media_type.partition(";")[0]: {} for media_type, _ in REPORT_FORMS.values()},
                        },
                        **_list_problems(401, 404, 409, 429, 503),
                    },
                }
            },
            "/calendar": {
                "get": _describe_get("The council's obligations, with due and late returns", {"type": "object"}, [])
            },
            "/health": {
                "get": {
                    "summary": "Check whether files can be received",
                    "responses": {"200": {"description": "Files can be received"}, **_list_problems(503)},
                }
            },
            "/openapi.json": {
                "get": {"summary": "This document", "responses": {"200": {"description": "The document"}}}
            },
            "/": {"get": {"summary": "A page for people", "responses": {"200": {"description": "The page"}}}},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Answer": _ANSWER_SCHEMA, "Problem": _PROBLEM_SCHEMA},
        },
    }


def _describe_post() -> Json:
    """Return the description of POST /submissions."""
    return {
        "summary": "Send a file that answers a return, or one of its tables; the findings are in the answer",
        "security": _TOKEN,
        "parameters": [
            _describe_query_parameter("return", "Code of the return, such as HL1", required=True),
            _describe_query_parameter("period", "Such as FY2024-25-Q1, CY2024 or 2024-04", required=True),
            _describe_query_parameter("file", "The file's name, for the report"),
            _describe_query_parameter("table", "The file's table, where a return has a file for each"),
            _describe_query_parameter(
                "system", "Back-office system that exported the file, where it differs from the contract"
            ),
            _describe_query_parameter(
                "nil", "true: there is nothing to report; the body may say so in words, or be empty"
            ),
            _describe_query_parameter("council", "Optional; must agree with the token"),
        ],
        "requestBody": {
            "required": True,
            "description": "The file's own bytes",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {
            "202": {
                "description": "Kept and checked; the platform will process it",
                "content": _build_json_content(_ANSWER),
            },
            "200": {"description": "The same bytes came before", "content": _build_json_content(_ANSWER)},
            **_list_problems(400, 401, 403, 408, 413, 415, 429, 503, 507),
        },
    }


def _describe_get(summary: str, schema: Json, parameters: list[Json]) -> Json:
    """Return the description of a GET route with token and JSON."""
    return {
        "summary": summary,
        "security": _TOKEN,
        "parameters": parameters,
        "responses": {
            "200": {"description": "The answer", "content": _build_json_content(schema)},
            **_list_problems(401, *([404] if parameters else []), 429, 503),
        },
    }


def _build_json_content(schema: Json) -> Json:
    """Return the content of a JSON response with a schema."""
    return {"application/json": {"schema": schema}}


def _list_problems(*statuses: int) -> Json:
    """Return the problem responses of HTTP statuses, by status."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _PROBLEMS[status], "content": content} for status in statuses}


def _describe_query_parameter(name: str, description: str, *, required: bool = False) -> Json:
    """Return the description of a text parameter after the question mark."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


def _describe_path_parameter(name: str, schema: Json) -> Json:
    """Return the description of a required parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema}


_TOKEN: list[Json] = [{"token": []}]
_ANSWER: Json = {"$ref": "#/components/schemas/Answer"}
_ID = {
    **_describe_path_parameter("id", {"type": "string"}),
    "description": "The id from the response to the file, or a submission's id from a report",
}
_PROBLEMS: Mapping[int, str] = {
    400: "A parameter is wrong, or the upload was interrupted; nothing was recorded",
    401: "The token is missing or unknown",
    403: "The token belongs to another council, or is not for this return",
    404: "The council has no such submission",
    408: "The upload stopped; nothing was recorded",
    409: "There is no report yet",
    413: "The file is too large; nothing was recorded",
    415: "The body has a content encoding",
    429: "Too many requests; Retry-After says when to come back",
    503: "The ledger cannot be reached now",
    507: "The storage is full; nothing was recorded",
}
_TEXT: Json = {"type": "string"}
_MAYBE_TEXT: Json = {"type": ["string", "null"]}
_MAYBE_NUMBER: Json = {"type": ["integer", "null"]}
_ANSWER_SCHEMA: Json = {
    "type": "object",
    "required": ["id", "state", "receipt", "verdict", "preliminary", "findings", "rules", "message", "links"],
    "properties": {
        "id": _TEXT,
        "state": {"enum": list(ReceiptState)},
        "receipt": {"type": "object", "properties": {"sha256": _TEXT, "size": {"type": "integer"}}},
        "submission": _MAYBE_TEXT,
        "submission_state": {"enum": [*SubmissionState, None]},
        "duplicate_of": _MAYBE_TEXT,
        "verdict": {"enum": [*Verdict, None]},
        "preliminary": {
            "type": ["boolean", "null"],
            "description": "true: the result of the checks before the platform has processed the file",
        },
        "rows": _MAYBE_NUMBER,
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "rule": _TEXT,
                    "severity": {"enum": list(Severity)},
                    "table": _MAYBE_TEXT,
                    "item": _MAYBE_TEXT,
                    "sheet": _MAYBE_TEXT,
                    "row": _MAYBE_NUMBER,
                    "column": _MAYBE_TEXT,
                    "message": _TEXT,
                },
            },
        },
        "rules": {"type": "array", "items": {"type": "object"}},
        "message": _TEXT,
        "links": {"type": "object", "additionalProperties": _TEXT},
    },
}
_PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "RFC 9457, with the location and the remedy",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "where": _TEXT,
        "remedy": _TEXT,
    },
}
