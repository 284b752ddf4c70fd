"""The identity's folder over first starts, killed starts, upgrades, moved root keys and damage."""

import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proto.names import SiteId
from services.bootstrap import identity as module
from services.bootstrap import jwt, keys
from services.bootstrap.errors import BadKey, IdentityIncomplete, IdentityMismatch
from services.bootstrap.identity import Identity, open_identity
from services.bootstrap.permissions import Account, Permissions, User, permissions

SITE, NOW_S = SiteId("islington"), 1_800_000_000


def opened(folder: Path, *, now_s: int = NOW_S) -> Identity:
    return open_identity(folder, SITE, now_s=now_s)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def revoked(identity: Identity, account: Account = Account.SITE) -> dict[str, int]:
    return dict(identity.accounts[account].claims["revocations"])


def widen(monkeypatch: pytest.MonkeyPatch, user: User, subject: str) -> None:
    """Make the table of this version grant one user one subject more."""
    original = permissions

    def wider(asked: User, site: SiteId) -> Permissions:
        row = original(asked, site)
        return replace(row, publish=(*row.publish, subject)) if asked is user else row

    monkeypatch.setattr(module, "permissions", wider)


def test_first_start_makes_keys_tokens_and_creds(tmp_path: Path) -> None:
    opened(tmp_path)
    parts = ("operator", "system", "site", "ingest")
    assert set(contents(tmp_path)) == {
        "site",
        *(f"keys/{kind}/{part}.nk" for kind in ("root", "signing") for part in parts),
        *(f"accounts/{part}.jwt" for part in parts),
        *(f"creds/{user}.creds" for user in User),
    }


def test_everything_is_the_owners_alone(tmp_path: Path) -> None:
    opened(tmp_path / "identity")
    for path in (tmp_path / "identity").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_second_start_changes_nothing(tmp_path: Path) -> None:
    opened(tmp_path)
    before = contents(tmp_path)
    assert opened(tmp_path, now_s=NOW_S + 1_000_000).folder == tmp_path
    assert contents(tmp_path) == before


def test_start_killed_at_any_file_is_completed_without_a_second_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path / "whole")
    written = len(contents(tmp_path / "whole"))
    for kept in range(written):
        folder = tmp_path / str(kept)
        with monkeypatch.context() as patch:
            _die_after(patch, kept)
            with pytest.raises(KeyboardInterrupt):
                opened(folder)
        before = contents(folder)
        assert len(before) == kept
        opened(folder, now_s=NOW_S + 5)
        after = contents(folder)
        assert len(after) == written
        assert {name: after[name] for name in before} == before


def _die_after(patch: pytest.MonkeyPatch, files: int) -> None:
    write: Callable[[Path, str], None] = keys.write_private
    left = iter(range(files))

    def dying(path: Path, text: str) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        write(path, text)

    patch.setattr(keys, "write_private", dying)
    patch.setattr(module, "write_private", dying)


def test_temporary_files_of_a_killed_start_are_no_part_of_the_identity(tmp_path: Path) -> None:
    (tmp_path / "keys" / "root").mkdir(parents=True)
    (tmp_path / "keys" / "root" / ".site.nk.abcd").write_text("SAAN")
    opened(tmp_path)
    assert len(contents(tmp_path)) == 20


def test_root_keys_may_be_moved_away(tmp_path: Path) -> None:
    first = opened(tmp_path)
    shutil.move(tmp_path / "keys" / "root", tmp_path / "safe")
    again = opened(tmp_path, now_s=NOW_S + 1)
    assert (again.operator, again.accounts) == (first.operator, first.accounts)
    assert not (tmp_path / "keys" / "root").exists()


def test_permissions_of_a_new_version_are_issued_without_root_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path)
    shutil.move(tmp_path / "keys" / "root", tmp_path / "safe")
    before = contents(tmp_path)
    widen(monkeypatch, User.MASK, "new.subject")
    again = opened(tmp_path, now_s=NOW_S)
    changed = {name for name, text in contents(tmp_path).items() if before[name] != text}
    assert changed == {"creds/mask.creds", "accounts/site.jwt"}
    token, _ = jwt.read_creds(again.creds(User.MASK).read_text())
    assert token.claims["pub"]["allow"][-1] == "new.subject"


def test_reissued_user_is_later_and_its_earlier_token_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(tmp_path)
    old, _ = jwt.read_creds(first.creds(User.MASK).read_text())
    widen(monkeypatch, User.MASK, "new.subject")
    again = opened(tmp_path, now_s=NOW_S - 100)
    new, _ = jwt.read_creds(again.creds(User.MASK).read_text())
    assert new.subject == old.subject
    assert old.issued_at_s <= revoked(again)[new.subject] < new.issued_at_s


def test_account_is_always_issued_later_than_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [opened(tmp_path).accounts[Account.SITE].issued_at_s]
    for number in range(3):
        widen(monkeypatch, User.MASK, f"new.subject{number}")
        times.append(opened(tmp_path, now_s=NOW_S - number).accounts[Account.SITE].issued_at_s)
    assert times == sorted(set(times))


def test_account_is_issued_after_one_that_a_server_holds(tmp_path: Path) -> None:
    identity = opened(tmp_path)
    assert identity.issue_after(Account.SITE, NOW_S - 1) == identity.accounts[Account.SITE]
    later = identity.issue_after(Account.SITE, NOW_S + 50)
    assert (later.issued_at_s, later.claims) == (NOW_S + 51, identity.accounts[Account.SITE].claims)
    assert opened(tmp_path).accounts[Account.SITE] == later


def test_deleted_creds_file_is_replaced_and_its_user_void_for_ever(tmp_path: Path) -> None:
    first = opened(tmp_path)
    old, _ = jwt.read_creds(first.creds(User.GATEWAY).read_text())
    first.creds(User.GATEWAY).unlink()
    again = opened(tmp_path, now_s=NOW_S + 1)
    new, _ = jwt.read_creds(again.creds(User.GATEWAY).read_text())
    assert new.subject != old.subject
    assert revoked(again)[old.subject] == module.FOREVER_S
    before = contents(tmp_path)
    opened(tmp_path, now_s=NOW_S + 2)
    assert contents(tmp_path) == before


def test_deleted_signing_key_is_replaced_while_the_root_key_is_there(tmp_path: Path) -> None:
    first = opened(tmp_path)
    (tmp_path / "keys" / "signing" / "site.nk").unlink()
    again = opened(tmp_path, now_s=NOW_S + 1)
    assert again.accounts[Account.SITE].subject == first.accounts[Account.SITE].subject
    assert again.accounts[Account.SITE].claims["signing_keys"] != first.accounts[Account.SITE].claims["signing_keys"]
    token, _ = jwt.read_creds(again.creds(User.MASK).read_text())
    assert [token.issuer] == again.accounts[Account.SITE].claims["signing_keys"]


@pytest.mark.parametrize("lost", ["keys/signing/operator.nk", "keys/signing/site.nk", "accounts/operator.jwt"])
def test_lost_part_without_its_root_key_is_asked_for(tmp_path: Path, lost: str) -> None:
    opened(tmp_path)
    shutil.rmtree(tmp_path / "keys" / "root")
    (tmp_path / lost).unlink()
    with pytest.raises(IdentityIncomplete, match=Path(lost).name):
        opened(tmp_path)
    assert not (tmp_path / lost).exists()


def test_lost_account_token_is_issued_again_from_the_root_key(tmp_path: Path) -> None:
    first = opened(tmp_path)
    (tmp_path / "accounts" / "site.jwt").unlink()
    again = opened(tmp_path, now_s=NOW_S + 9)
    assert again.accounts[Account.SITE].subject == first.accounts[Account.SITE].subject


@pytest.mark.parametrize(
    "damaged", ["keys/root/operator.nk", "keys/signing/site.nk", "accounts/site.jwt", "creds/mask.creds"]
)
@pytest.mark.parametrize("rest", [0, 10, 40])
def test_damaged_file_is_refused_by_name(tmp_path: Path, damaged: str, rest: int) -> None:
    opened(tmp_path)
    text = (tmp_path / damaged).read_text()
    (tmp_path / damaged).write_text(text[:rest])
    with pytest.raises(BadKey, match=Path(damaged).name):
        opened(tmp_path)
    assert (tmp_path / damaged).read_text() == text[:rest]


def test_folder_of_another_site_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(IdentityMismatch, match="islington"):
        open_identity(tmp_path, SiteId("hackney"), now_s=NOW_S)


def test_empty_folder_without_a_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentityIncomplete):
        open_identity(tmp_path, None, now_s=NOW_S)
    opened(tmp_path)
    assert open_identity(tmp_path, None, now_s=NOW_S).site == SITE


def test_root_key_of_another_identity_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "one")
    opened(tmp_path / "two")
    shutil.copy(tmp_path / "two/keys/root/site.nk", tmp_path / "one/keys/root/site.nk")
    with pytest.raises(IdentityMismatch, match=r"site\.nk"):
        opened(tmp_path / "one")


def test_no_public_token_holds_a_seed(tmp_path: Path) -> None:
    opened(tmp_path)
    seeds = [p.read_text().strip() for p in (tmp_path / "keys").rglob("*.nk")]
    for path in (tmp_path / "accounts").iterdir():
        assert not [seed for seed in seeds if seed in path.read_text()]
