"""Sources: what each transport is read as, and each way in which a source can contradict itself."""

from dataclasses import dataclass

import pytest

from lgdp_pipelines.register.documents.yaml_nodes import read_yaml
from lgdp_pipelines.register.files.source_file import read_source
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.sources import (
    ApiReturn,
    ApiSource,
    ApiSourceAccount,
    BearerAuthentication,
    CursorPaging,
    DropBoxSource,
    FolderReturn,
    KeyAuthentication,
    NextPaging,
    NumberedPaging,
    OAuth2Authentication,
    Paging,
    PushSource,
    SecretReference,
    Source,
    SourceReturn,
    TransportKind,
)
from tests.support.small_register import API, FILES, FOOD, PETS, SFTP, SmallRegister

DROP_BOX = """\
id: boxes
title: Boxes
transport: drop-box
address: "/srv/boxes"
councils: all
username: "lgdp-{council_lower}"
outbox: out
returns:
  - return: PETS
    folder: in
    pattern: 'PETS_(?P<period>\\d{6})\\.csv'
"""

PUSH = """\
id: posts
title: Posts
transport: push
councils: [FIF, GLG]
credential: "env:PUSH_{council}"
returns:
  - return: PETS
"""

OAUTH2 = """\
id: tokens
title: Tokens
transport: api
address: "https://one.example"
councils: [FIF, GLG]
username: "client-{council}"
credential: "env:SECRET_{council}"
authentication: { method: oauth2, token: "https://login.example/token", scope: read }
schedule: "0 6 * * *"
accounts:
  GLG: { address: "https://two.example", credential: "file:/two" }
returns:
  - return: PET-FOOD
    request: "/{council}?period={period}"
    paging: { by: page, parameter: page, first: 0, total: meta.total }
"""

KEY = """\
id: keys
title: Keys
transport: api
address: "https://one.example"
councils: [FIF]
credential: "env:KEY"
authentication: { method: key, parameter: api_key }
schedule: "0 6 * * *"
returns:
  - return: PET-FOOD
    request: "/{council}?period={period}"
    paging: { by: cursor, at: meta.after, parameter: after }
"""

TEXTS = {"boxes": DROP_BOX, "posts": PUSH, "tokens": OAUTH2, "keys": KEY}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Source]:
    small = SmallRegister(tmp_path_factory.mktemp("register"))
    for file, text in FILES.items():
        small.write(file, text)
    for name, text in TEXTS.items():
        small.write(f"sources/{name}.yaml", text)
    return dict(load_register(small.root).sources)


def test_a_drop_box_is_a_folder_with_an_account_for_each_council(sources: dict[str, Source]) -> None:
    boxes = sources["boxes"]
    assert boxes == DropBoxSource(
        id="boxes",
        title="Boxes",
        address="/srv/boxes",
        councils=("FIF", "GLG"),
        username="lgdp-{council_lower}",
        returns=(FolderReturn("PETS", folder="in", pattern=r"PETS_(?P<period>\d{6})\.csv"),),
        outbox="out",
    )
    assert (boxes.transport, boxes.is_fetched, boxes.is_watched) == (TransportKind.DROP_BOX, True, True)
    assert (boxes.delivers_back, boxes.poll_schedule) == (True, "")


def test_a_push_source_has_a_token_for_each_council_and_no_address(sources: dict[str, Source]) -> None:
    assert sources["posts"] == PushSource(
        id="posts",
        title="Posts",
        councils=("FIF", "GLG"),
        credential=SecretReference("env:PUSH_{council}"),
        returns=(SourceReturn("PETS"),),
    )
    assert (sources["posts"].is_fetched, sources["posts"].is_watched) == (False, False)


def test_an_api_s_manners_are_read(sources: dict[str, Source]) -> None:
    tokens, keys, plain = sources["tokens"], sources["keys"], sources["somewhere-api"]
    assert isinstance(tokens, ApiSource)
    assert isinstance(keys, ApiSource)
    assert isinstance(plain, ApiSource)
    assert tokens.authentication == OAuth2Authentication(token_address="https://login.example/token", scope="read")
    assert tokens.returns[0].paging == NumberedPaging(parameter="page", first=0, total="meta.total")
    assert keys.authentication == KeyAuthentication(parameter="api_key")
    assert keys.returns[0].paging == CursorPaging(at="meta.after", parameter="after")
    assert plain.authentication == BearerAuthentication()
    assert (tokens.is_fetched, tokens.is_watched, tokens.poll_schedule) == (True, False, "0 6 * * *")


def test_what_is_different_about_a_council_s_account_holds_for_it_alone(sources: dict[str, Source]) -> None:
    tokens = sources["tokens"]
    assert isinstance(tokens, ApiSource)
    assert tokens.accounts == {
        "GLG": ApiSourceAccount(address="https://two.example", credential=SecretReference("file:/two"))
    }
    assert tokens.for_council("FIF") is tokens
    glasgow = tokens.for_council("GLG")
    assert (glasgow.address, glasgow.username) == ("https://two.example", "client-{council}")
    assert glasgow.credential == SecretReference("file:/two")


@pytest.mark.parametrize(
    ("paging", "covers_answer"),
    [(None, True), (NextPaging(at="next"), False), (NextPaging(at="next", has_one_etag=True), True)],
)
def test_only_a_mark_of_the_whole_answer_says_what_has_changed(*, paging: Paging | None, covers_answer: bool) -> None:
    assert ApiReturn("WASTE", request="/{council}/{year}", paging=paging).has_whole_etag is covers_answer


def test_a_return_names_the_system_that_its_files_come_from(small: SmallRegister) -> None:
    councils = load_register(small.root).councils
    document, _ = read_yaml("sources/boxes.yaml", DROP_BOX.replace("folder: in", "folder: in\n    system: kennels"))
    file, contradictions = read_source(document, councils)
    assert contradictions == ()
    assert file is not None
    assert file.source.returns[0].system == "kennels"


@dataclass(frozen=True)
class Wrong:
    """A text of one of the sources, what is put in its place, and words of what is said of it."""

    source: str
    old: str
    new: str
    words: tuple[str, ...]


WRONG = {
    "a drop box with a secret": Wrong("boxes", "outbox: out", 'credential: "env:X"', ("credential", "drop box")),
    "a drop box that is an address": Wrong("boxes", "/srv/boxes", "sftp://example.org", ("not a folder",)),
    "an account name with a space": Wrong("boxes", "lgdp-{council_lower}", "Box {council}", ("name of an account",)),
    "an outbox among what is fetched": Wrong("boxes", "outbox: out", "outbox: in/out", ("among",)),
    "an outbox above what is fetched": Wrong("boxes", "folder: in", "folder: out/in", ("among",)),
    "an outbox outside the account": Wrong("boxes", "outbox: out", "outbox: ../out", ("below the account",)),
    "a folder outside the account": Wrong("boxes", "folder: in", "folder: in/../../x", ("below the account",)),
    "one token for all": Wrong("posts", "PUSH_{council}", "PUSH", ("one token",)),
    "a push source that is asked": Wrong("posts", "return: PETS", "return: PETS\n    request: /x", ("request", "push")),
    "a push source with an address": Wrong("posts", "councils:", 'address: "x:1"\ncouncils:', ("address", "push")),
    "an account of a council without one": Wrong("tokens", "  GLG:", "  ABE:", ("ABE has no account",)),
    "an account without a difference": Wrong(
        "tokens", '{ address: "https://two.example", credential: "file:/two" }', "{}", ("accounts.GLG",)
    ),
    "host keys at an API": Wrong("tokens", '"file:/two"', '"file:/two", known_hosts: "env:X"', ("known_hosts", "API")),
    "a council's address in the clear": Wrong("tokens", "https://two.example", "http://two.example", ("https",)),
    "a secret sent in the clear": Wrong("tokens", "https://login", "http://login", ("secret may be sent",)),
    "a client without an id": Wrong("tokens", 'username: "client-{council}"\n', "", ("username",)),
    "a client without a token's address": Wrong("tokens", 'token: "https://login.example/token", ', "", ("token",)),
    "a client with a header": Wrong("tokens", "scope: read", "header: X-Key", ("header",)),
    "a key in no place": Wrong("keys", ", parameter: api_key", "", ("one of the two",)),
    "a key that is the cursor": Wrong("keys", "parameter: after", "parameter: api_key", ("api_key", "holds the key")),
    "a key that is asked for": Wrong("keys", "?period=", "?api_key=1&period=", ("api_key", "holds the key")),
    "a cursor without a place": Wrong("keys", "at: meta.after, ", "", ("at",)),
    "links with a parameter": Wrong("keys", "by: cursor, at: meta.after", "by: link", ("parameter",)),
    "a way of paging that is none": Wrong("keys", "by: cursor", "by: magic", ("by",)),
    "an outbox at an API": Wrong("keys", "schedule:", "outbox: out\nschedule:", ("outbox", "API")),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_source_says_against_itself_is_told(case: str, small: SmallRegister) -> None:
    wrong = WRONG[case]
    for file in (API, SFTP) if wrong.source in ("boxes", "posts") else (API, SFTP, PETS):
        (small.root / file).unlink()
    if wrong.source in ("boxes", "posts"):
        (small.root / FOOD).unlink()
    text = TEXTS[wrong.source]
    assert text.count(wrong.old) == 1
    small.write(f"sources/{wrong.source}.yaml", text.replace(wrong.old, wrong.new))
    messages = [f"{contradiction.what} {contradiction.remedy}" for contradiction in small.contradictions()]
    assert any(all(word in sentence for word in wrong.words) for sentence in messages), messages


def test_what_the_environment_alone_can_tell_is_not_judged(small: SmallRegister) -> None:
    for file in (API, SFTP, PETS):
        (small.root / file).unlink()
    text = OAUTH2.replace("https://one.example", "${SOMEWHERE}/one").replace("https://login.example", "${SOMEWHERE}")
    small.write("sources/tokens.yaml", text)
    assert load_register(small.root).sources["tokens"].address == "${SOMEWHERE}/one"
