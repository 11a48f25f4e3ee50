"""Versions of returns and reference tables as text for people, with the differences and reasons of a contract.

Belongs here: text made from the register's files. Belongs elsewhere: printing it.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from textwrap import wrap

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from lgdp_pipelines.register.documents.yaml_nodes import read_yaml
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.reference_tables import ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.rules.sql_statements import fill_table_names
from lgdp_pipelines.register.versions.contract_versions import Change, ContractVersion, TargetKind, resolve_versions
from lgdp_pipelines.register.versions.version_comparison import Difference, compare_contracts

_WIDTH = 120


def version_in_files(register: Register, contract: Contract) -> ContractVersion:
    """Return a contract's document and changes, read again from its files."""
    folder = contract.path.parent
    paths = sorted(path for ending in ("odcs", "changes") for path in folder.glob(f"*.{ending}.yaml"))
    contents = {path.relative_to(register.root).as_posix(): path.read_bytes() for path in paths}
    documents = [read_yaml(name, content.decode())[0] for name, content in contents.items()]
    versions, _ = resolve_versions(documents, contents)
    return versions[contract.path.relative_to(register.root).as_posix()]


def contract_text(register: Register, data_return: Return, contract: Contract) -> str:
    """Return a contract as YAML under comments of differences and rules.

    The differences are from its base, or for a version that is written in full from the one before.
    """
    version = version_in_files(register, contract)
    lines = [f"{contract.title}, version {contract.version}, valid from {contract.valid_from}."]
    base = _find_base(data_return, contract, version)
    if base is not None:
        lines += ["", f"Its differences from version {base.version}:"]
        for difference in compare_contracts(base, contract):
            lines += _difference_lines(difference, version.changes)
    lines += ["", "Its rules, with their SQL:"]
    for rule in list_rules(contract):
        lines += _rule_lines(rule)
    commented = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    return commented + yaml_text(version.document.value)


def _rule_lines(rule: Rule) -> Iterator[str]:
    """Yield a rule's id, kind and severity, and its SQL if any."""
    yield f"- {rule.id} ({rule.kind}, {rule.severity})"
    if rule.sql:
        yield from _wrapped(fill_table_names(rule.sql, rule.table))


def _find_base(data_return: Return, contract: Contract, version: ContractVersion) -> Contract | None:
    """Return a version's base, or the one before; None for the first."""
    if version.base:
        return next(contract for contract in data_return.contracts if str(contract.version) == version.base)
    position = data_return.contracts.index(contract)
    return data_return.contracts[position - 1] if position else None


def _difference_lines(difference: Difference, changes: Iterable[Change]) -> Iterator[str]:
    """Yield a difference with its aspects and the reasons of its changes."""
    name = f"{difference.table}.{difference.name}" if difference.subject == "item" else difference.name
    yield f"- {difference.subject} {name} {difference.kind}" + (
        f" ({difference.id})" if difference.id != difference.name else ""
    )
    for part in difference.aspects:
        yield from _wrapped(f"{part.name}: {part.before or 'nothing'} → {part.after or 'nothing'}")
    for reason in dict.fromkeys(change.reason for change in changes if _is_about(change, difference)):
        yield from _wrapped(f"because: {reason}")


def _is_about(change: Change, difference: Difference) -> bool:
    """Return whether a change concerns a difference; fields concern the contract."""
    for target in change.targets:
        if target.kind is TargetKind.FIELD:
            if difference.subject == "contract":
                return True
        elif target.kind == difference.subject and target.table == difference.table:
            names = {difference.name, difference.earlier_name, difference.id.partition(".")[2]}
            if target.kind is TargetKind.TABLE or target.name in names or (change.to and change.to in names):
                return True
    return False


def _wrapped(text: str) -> list[str]:
    """Return a text as indented lines of the report's width."""
    return wrap(text, _WIDTH - 2, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)


def reference_text(table: ReferenceTable, version: ReferenceVersion) -> str:
    """Return a version of a reference table as CSV with comments."""
    sentences = [
        f"{table.title}: {table.id}, version {version.version} of {', '.join(table.by_version)}.",
        table.description,
        f"To be used from {version.valid_from} on. {version.verified}: {version.source}".rstrip(": "),
        *([version.note] if version.note else []),
        f"{len(version.rows):,} rows with the key {', '.join(table.key)}; sha256 {version.sha256}",
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.by_name)
    writer.writerows(version.rows)
    comments = "".join(
        f"# {line}\n" for sentence in sentences for line in wrap(sentence, _WIDTH, break_on_hyphens=False)
    )
    return comments + text.getvalue()


def yaml_text(value: object) -> str:
    """Return plain values as YAML that reads back the same."""
    writer = YAML()
    writer.Representer = _PlainRepresenter
    writer.default_flow_style = False
    writer.width = _WIDTH
    writer.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    writer.dump(value, text)
    return text.getvalue()


class _PlainRepresenter(RoundTripRepresenter):
    """Represents each value in full, without YAML's aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the library's signature
        """Return that a value that occurs again is written again."""
        return True


def _represent_text(representer: RoundTripRepresenter, text: str) -> ScalarNode:
    """Return a text's YAML node: a block for several lines."""
    style = "|" if "\n" in text else None
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_PlainRepresenter.add_representer(str, _represent_text)
