"""Code lists, councils, sources and YAML itself: each way to spoil one, and what is said of it."""

import pytest

from tests.support.small_register import API, CODES, COUNCILS, PETS, SFTP, SPELLINGS, SmallRegister, SpoiltCase

SPOILT = {
    # Code lists.
    "a code that is a number in a list": SpoiltCase(CODES, 'code: "2"', "code: 2", 'label: "Dog"', ("code", "text")),
    "a code that ends before it begins": SpoiltCase(
        CODES, "valid_to: 2030-12-31", "valid_to: 1999-12-31", "valid_to", ("ends before it begins",)
    ),
    "a day that is none": SpoiltCase(CODES, "2030-12-31", "2030-02-31", "2030-02-31", ("2030-02-31",)),
    "a mark nobody knows": SpoiltCase(CODES, "verified: ours", "verified: sure", "verified: sure", ("sure", "READ")),
    "a list that was read nowhere": SpoiltCase(
        CODES, "source: ours\nverified: ours", 'source: ""\nverified: READ', "source:", ("source",)
    ),
    # Councils.
    "a spelling of two councils": SpoiltCase(SPELLINGS, "GLG,Glasgow,", "GLG,fife,", "GLG,fife,", ("fife", "FIF")),
    "a spelling of no council": SpoiltCase(SPELLINGS, "GLG,Glasgow,", "GLW,Glasgow,", "GLW,Glasgow", ("GLW",)),
    "another header": SpoiltCase(SPELLINGS, "files_seen_in", "files", "council_code,spelling", ("header",)),
    "a cell too many": SpoiltCase(SPELLINGS, "GLG,Glasgow,3", "GLG,Glasgow,City,3", "GLG,Glasgow", ("6 cells",)),
    "an open quotation mark": SpoiltCase(SPELLINGS, "GLG,Glasgow,", 'GLG,"Glasgow,', "GLG,", ("CSV",)),
    # Sources.
    "a pattern without a period": SpoiltCase(SFTP, "?P<period>", "?P<month>", "pattern:", ("group period",)),
    "a pattern of a source that is none": SpoiltCase(SFTP, "(?P<period>", "((?P<period>", "pattern:", ("regular",)),
    "a pattern of a source that repeats a repeat": SpoiltCase(
        SFTP, "(?P<period>", "(_+)*(?P<period>", "pattern:", ("pattern", "for ever")
    ),
    "a return nobody asks for": SpoiltCase(SFTP, "return: PETS", "return: PET", "return: PET", ("PET", "Write PETS")),
    "a secret in the file": SpoiltCase(API, '"env:TOKEN_{council}"', '"hunter2"', "credential", ("credential",)),
    "a request for no council": SpoiltCase(API, "/{council}/food", "/food", "request", ("council",)),
    "a malformed reference": SpoiltCase(SFTP, "${HOME}/known_hosts", "$HOME/known_hosts", "known_hosts", ("${NAME}",)),
    "a council that is none": SpoiltCase(API, "[FIF, GLG]", "[FIF, GLA]", "[FIF", ("GLA", "GLG")),
    "a host without a port": SpoiltCase(SFTP, "127.0.0.1:22}", "127.0.0.1}", "address", ("host", "port")),
    "a token sent in the clear": SpoiltCase(API, "http://127.0.0.1:80", "http://example.org", "address", ("https",)),
    "a name that only begins as this machine's": SpoiltCase(
        API, "http://127.0.0.1:80", "http://127.0.0.1.example.org", "address", ("https",)
    ),
    "one account for all councils": SpoiltCase(SFTP, '"{council_lower}"', "lgdp", "username", ("share", "{council}")),
    "an SFTP source without host keys": SpoiltCase(
        SFTP, 'known_hosts: "file:${HOME}/known_hosts"\n', "", "id: somewhere-sftp", ("known_hosts",)
    ),
    "an API source with a folder": SpoiltCase(
        API, "    records: records", "    folder: out\n    records: records", "folder", ("folder", "API")
    ),
    "a schedule that is none": SpoiltCase(API, "30 6 * * *", "daily", "schedule", ("daily",)),
    "CSV in pages": SpoiltCase(API, "return: PET-FOOD", "return: PETS", "paging:", ("CSV", "pages")),
    "a return given twice": SpoiltCase(
        SFTP,
        "returns:\n",
        "returns:\n  - { return: PETS, folder: in, pattern: '(?P<period>.*)' }\n",
        "- return: PETS",
        ("PETS", "twice"),
    ),
    # YAML itself.
    "a key given twice": SpoiltCase(
        PETS, "domain: animals", "domain: animals\ndomain: plants", "plants", ("domain", "twice")
    ),
}

SPOILT_AND_FOLLOWED = {
    "a code list under another name": SpoiltCase(CODES, "id: pets-kind", "id: pet-kind", "id: pet-kind", ("pet-kind",)),
    "a code given twice": SpoiltCase(CODES, 'code: "2"', 'code: "cat"', 'label: "Dog"', ("cat", "Two codes")),
    "a council code of two letters": SpoiltCase(COUNCILS, "FIF,Fife", "FI,Fife", "FI,Fife", ("FI",)),
    "one code for two councils": SpoiltCase(COUNCILS, ",260,17,", ",250,17,", ",250,17,", ("sg_code 250", "line 2")),
    "a placeholder nobody fills": SpoiltCase(API, "period={period}", "quarter={quarter}", "request", ("quarter",)),
    "a list without codes": SpoiltCase(CODES, "codes:", "codez:", "id:", ("has no codes",)),
    "a transport that is not a text": SpoiltCase(
        SFTP, "transport: sftp", "transport: { sftp: 1 }", "transport", ("sftp",)
    ),
    "an alias": SpoiltCase(
        API,
        'address: "http://127.0.0.1:80"',
        'address: &a "http://127.0.0.1:80"\nusername: *a',
        "username: *a",
        ("alias",),
    ),
    "a tag": SpoiltCase(
        API, "title: Somewhere", "title: !!python/object/apply:os.system [ls]", "title:", ("tag", "not allowed")
    ),
}


NEW_SOURCE = "sources/new.yaml"


class TestASpoiltRegister:
    @pytest.mark.parametrize("text", ["", None, "code\nFIF\n"])
    def test_names_missing_councils_once(self, small: SmallRegister, text: str | None) -> None:
        if text is None:
            (small.root / COUNCILS).unlink()
        else:
            small.write(COUNCILS, text)
        (contradiction,) = small.contradictions()
        assert contradiction.file == COUNCILS
        assert contradiction.remedy

    def test_names_each_missing_word_of_a_source_without_transport(self, small: SmallRegister) -> None:
        small.write(NEW_SOURCE, "source: new\n")
        contradictions = small.contradictions()
        assert {contradiction.what for contradiction in contradictions} == {
            "A source has no id.",
            "A source has no title.",
            "A source has no transport.",
            "A source has no councils.",
            "A source has no returns.",
            "source is not allowed in a source.",
        }
        assert "Add transport; schemas/README.md shows a source." in {entry.remedy for entry in contradictions}

    def test_compares_nothing_with_an_unreadable_code_list(self, small: SmallRegister) -> None:
        text = small.read(CODES)
        small.write(CODES, f"{text[: text.index('codes:')]}codes: 3\n")
        (contradiction,) = small.contradictions()
        assert (contradiction.file, contradiction.what) == (CODES, "codes of a code list must be a list.")

    @pytest.mark.parametrize("case", SPOILT_AND_FOLLOWED.values(), ids=SPOILT_AND_FOLLOWED.keys())
    def test_names_the_cause_also_where_more_follows_from_it(self, small: SmallRegister, case: SpoiltCase) -> None:
        small.check_cause_is_named(case)

    @pytest.mark.parametrize("case", SPOILT.values(), ids=SPOILT.keys())
    def test_names_the_file_the_line_and_what_to_do(self, small: SmallRegister, case: SpoiltCase) -> None:
        small.check_only_contradiction(case)
