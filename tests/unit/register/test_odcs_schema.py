"""The quick check of a contract against the standard's schema accepts the same documents as the exact one."""

import copy
from collections.abc import Iterator
from itertools import islice

from jsonschema import Draft201909Validator  # type: ignore[import-untyped]  # the library has no types

from lgdp_pipelines.register.documents.odcs_schema import _load_schema
from lgdp_pipelines.register.documents.yaml_nodes import Plain, read_yaml
from tests.support.small_register import FILES

VALUES: tuple[Plain, ...] = (None, [], {}, 3, "date", [1, {"a": "b"}])
KEYS = ("colour", "logicalTypeOptions", "items", "metric", "mustBe")


def list_mappings(value: Plain) -> Iterator[dict[str, Plain]]:
    """Yield every mapping in a document."""
    if isinstance(value, dict):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from list_mappings(member)


def spoil(document: Plain) -> Iterator[Plain]:
    """Yield the document with a key of one of its mappings removed, added, or given another value."""
    for position, mapping in enumerate(list_mappings(document)):
        for number, key in enumerate((*mapping, *KEYS)):
            variant = copy.deepcopy(document)
            target = list(list_mappings(variant))[position]
            if number % 4 == 0 and key in target:
                del target[key]
            else:
                target[key] = VALUES[(position + number) % len(VALUES)]
            yield variant


def test_quick_and_exact_check_accept_the_same_documents() -> None:
    file = next(name for name in sorted(FILES) if name.endswith(".odcs.yaml"))
    document, _ = read_yaml(file, FILES[file])
    schema, quick = _load_schema()
    exact = Draft201909Validator(schema)
    accepted = []
    for variant in islice(spoil(document.value), 0, None, 3):
        accepted.append(exact.is_valid(variant))
        assert quick.is_valid(variant) == accepted[-1]
    assert {True, False} == set(accepted)
