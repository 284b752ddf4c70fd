"""Seeds on disk: whole or refused, and for their owner alone."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.bootstrap.errors import BadKey
from services.bootstrap.keys import Key, KeyKind, load_key, load_or_make_key, read_private, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("kind", "letter"), [(KeyKind.OPERATOR, "O"), (KeyKind.ACCOUNT, "A"), (KeyKind.USER, "U")])
def test_key_names_its_kind_in_both_halves(kind: KeyKind, letter: str) -> None:
    key = Key.make(kind)
    assert (key.public[0], key.seed[:2], key.kind) == (letter, f"S{letter}", kind)


def test_stored_key_is_loaded_again_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "site.nk"
    made = load_or_make_key(path, KeyKind.ACCOUNT)
    assert load_or_make_key(path, KeyKind.ACCOUNT).seed == made.seed


def test_seed_file_and_its_folder_are_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_or_make_key(tmp_path / "keys" / "site.nk", KeyKind.ACCOUNT)
    finally:
        os.umask(before)
    assert (mode(tmp_path / "keys"), mode(tmp_path / "keys" / "site.nk")) == (0o700, 0o600)


def test_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    load_or_make_key(tmp_path / "user.nk", KeyKind.USER)
    with pytest.raises(BadKey, match="user"):
        load_key(tmp_path / "user.nk", KeyKind.ACCOUNT)


_GOOD = Key.make(KeyKind.ACCOUNT).seed


@given(at=st.integers(0, len(_GOOD) - 1), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_seed_with_one_wrong_letter_is_refused(at: int, letter: str) -> None:
    wrong = _GOOD[:at] + letter + _GOOD[at + 1 :]
    assume(wrong != _GOOD)
    with pytest.raises(BadKey):
        Key(wrong)


@pytest.mark.parametrize(
    "seed", ["", "S", "nonsense", _GOOD[:-1], _GOOD[:20], _GOOD + "A", _GOOD.lower(), "\N{SNOWMAN}"]
)
def test_damaged_seed_is_refused_without_being_shown(tmp_path: Path, seed: str) -> None:
    path = tmp_path / "site.nk"
    path.write_text(seed, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(BadKey) as caught:
        load_key(path, KeyKind.ACCOUNT)
    assert str(path) in str(caught.value)
    assert len(seed) < 20 or seed[:20] not in str(caught.value)


def test_key_does_not_show_its_seed() -> None:
    key = Key.make(KeyKind.USER)
    assert key.seed not in f"{key} {key!r}"


def test_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.nk"
    write_private(path, _GOOD)
    path.chmod(0o604)
    with pytest.raises(BadKey, match="open to everybody"):
        read_private(path)


def test_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "site.nk"
    write_private(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "new \N{SNOWMAN}")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["site.nk"]
