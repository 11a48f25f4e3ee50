"""Keyed tokens: equal for equal values only, under a key that stays secret."""

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from lgdp_pipelines.dbt_build.lake_plugin import HMAC_MACRO
from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.storage.pseudonym_keys import PseudonymKey, load_pseudonym_key

KEY = PseudonymKey(bytes(range(32)))


def test_token_is_half_of_hmac_sha256_over_lengths_and_texts() -> None:
    expected = hmac.digest(bytes(range(32)), b"3:hl116:urn:lgdp:item:x123", hashlib.sha256).hex()[:32]
    assert KEY.derive_token("hl1", "urn:lgdp:item:x1", "23") == expected


def test_token_depends_on_the_boundaries_of_texts() -> None:
    assert (
        len({KEY.derive_token("ab", "c", "d"), KEY.derive_token("a", "bc", "d"), KEY.derive_token("a", "b", "cd")}) == 3
    )


def test_duckdb_makes_the_same_token() -> None:
    texts = ["", "x", "REF-1", "Ünïcødé", "汉字", "a" * 300, "'; drop table x; --", "0:"]
    with duckdb.connect() as connection:
        connection.execute(HMAC_MACRO)
        connection.execute("set variable lgdp_inner_pad = $1", [KEY.inner_pad])
        connection.execute("set variable lgdp_outer_pad = $1", [KEY.outer_pad])
        for text in texts:
            row = connection.execute("select lgdp_token($1, $2, $3)", [text, "ü", text]).fetchone()
            assert row == (KEY.derive_token(text, "ü", text),)
        assert connection.execute("select lgdp_token('a', 'b', null)").fetchone() == (None,)


def test_key_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    key = load_pseudonym_key(folder)
    assert len(key.secret) == 32
    assert load_pseudonym_key(folder) == key
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_concurrent_first_users_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: load_pseudonym_key(tmp_path / "secrets"), range(64)))
    assert len(keys) == 1


def test_representation_does_not_show_the_key() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in f"{KEY} {KEY!r}"


def test_invalid_key_is_not_replaced(tmp_path: Path) -> None:
    load_pseudonym_key(tmp_path)
    (tmp_path / "token.key").write_text("half")
    with pytest.raises(LedgerError, match="is not a key"):
        load_pseudonym_key(tmp_path)
    assert (tmp_path / "token.key").read_text() == "half"
