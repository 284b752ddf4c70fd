"""A site's NATS identity in a folder: made by the first start, completed after a killed one, kept ever after.

    site                                         the site's slug
    keys/root/{operator,system,site,ingest}.nk   may be moved to a safe once the first start is done
    keys/signing/{operator,system,site,ingest}.nk
    accounts/{operator,system,site,ingest}.jwt   public
    creds/<user>.creds                           one for each service, and `system.creds`, which may push accounts

The parts are written in this order, each file whole or not at all. A root key is made only while nothing that
comes after it is there: a missing one later means that it has been moved away, never that another is wanted.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from proto.names import InvalidName, SiteId, site_id
from services.bootstrap import accounts, jwt
from services.bootstrap.errors import BadKey, IdentityIncomplete, IdentityMismatch
from services.bootstrap.jwt import Claims, Token
from services.bootstrap.keys import (
    Key,
    KeyKind,
    load_key_if_there,
    load_or_make_key,
    make_private_folder,
    read_private,
    write_private,
)
from services.bootstrap.permissions import Account, User, permissions

FOREVER_S = 9_999_999_999
"""Until when every token of a user without a creds file is void."""

OPERATOR = "operator"
_PARTS: Mapping[str, KeyKind] = {OPERATOR: KeyKind.OPERATOR, **dict.fromkeys(Account, KeyKind.ACCOUNT)}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server and a bootstrap need: public tokens, and the key that signs accounts."""

    folder: Path
    site: SiteId
    operator: Token
    accounts: Mapping[Account, Token]
    _operator_signing: Key

    def creds(self, user: User) -> Path:
        return _creds(self.folder, user)

    def issue_after(self, account: Account, issued_at_s: int) -> Token:
        """The account's token, issued later than that, and kept.

        The resolver compares times of issue in whole seconds and keeps the newer when servers meet or start.
        """
        token = self.accounts[account]
        if token.issued_at_s > issued_at_s:
            return token
        later = jwt.issue(
            self._operator_signing,
            subject=token.subject,
            name=token.name,
            claims=token.claims,
            issued_at_s=issued_at_s + 1,
        )
        write_private(_token(self.folder, account), later.text + "\n")
        return later


def open_identity(folder: Path, site: SiteId | None, *, now_s: int) -> Identity:
    """Read the identity, making what is missing and re-issuing what this version says differently.

    Without `site` the folder must hold one. Raises BadKey, IdentityIncomplete, IdentityMismatch, OSError.
    """
    make_private_folder(folder)
    with _locked(folder):
        return _Opening(folder, _site(folder, site), now_s).run()


class _Opening:
    """One pass over the folder, in the order in which the parts depend on each other."""

    def __init__(self, folder: Path, site: SiteId, now_s: int) -> None:
        self._folder = folder
        self._site = site
        self._now_s = now_s

    def run(self) -> Identity:
        roots = self._roots()
        signing = {part: self._signing(part, roots[part]) for part in _PARTS}
        public = {part: self._public(part, roots[part]) for part in _PARTS}
        operator_claims = jwt.operator_claims(
            system_account=public[Account.SYSTEM], signing_key=signing[OPERATOR].public
        )
        operator = self._issued(OPERATOR, roots[OPERATOR], public[OPERATOR], operator_claims)
        users = {user: self._user(user, signing[user.account], public[user.account]) for user in User}
        tokens = {
            account: self._issued(
                account,
                signing[OPERATOR],
                public[account],
                self._account_claims(account, signing[account], users, {a: public[a] for a in Account}),
            )
            for account in Account
        }
        return Identity(self._folder, self._site, operator, tokens, signing[OPERATOR])

    def _roots(self) -> dict[str, Key | None]:
        later = [path(self._folder, part) for part in _PARTS for path in (_signing, _token)]
        later += [_creds(self._folder, user) for user in User]
        read = load_key_if_there if any(path.exists() for path in later) else load_or_make_key
        return {part: read(_root(self._folder, part), kind) for part, kind in _PARTS.items()}

    def _signing(self, part: str, root: Key | None) -> Key:
        """The signing key. One that was deleted is replaced while the root key is there, else it is asked for."""
        path = _signing(self._folder, part)
        if root is None and not path.exists():
            raise IdentityIncomplete(f"{path} is missing: restore it, or keys/root/{part}.nk to have another made")
        return load_or_make_key(path, _PARTS[part])

    def _public(self, part: str, root: Key | None) -> str:
        """Public half of the root key, from its token where the root key is away."""
        path = _token(self._folder, part)
        token = _read_token(path)
        if token is None:
            if root is None:
                raise IdentityIncomplete(f"{path} is missing: restore it, or keys/root/{part}.nk to have it made")
            return root.public
        if root is not None and token.subject != root.public:
            raise IdentityMismatch(f"{path} is of another identity than keys/root/{part}.nk")
        return token.subject

    def _issued(self, part: str, signer: Key | None, public: str, claims: Claims) -> Token:
        """The token as it is stored, if that still says what it should, else a later one."""
        path = _token(self._folder, part)
        old, name = _read_token(path), f"{self._site}-{part}"
        issuer = public if signer is None else signer.public
        if old is not None and old.says(issuer=issuer, subject=public, name=name, claims=claims):
            return old
        if signer is None:
            raise IdentityIncomplete(f"{path} must be issued again: put {part}.nk back into keys/root for one start")
        token = jwt.issue(signer, subject=public, name=name, claims=claims, issued_at_s=self._later(old))
        write_private(path, token.text + "\n")
        return token

    def _account_claims(
        self, account: Account, signing: Key, users: Mapping[User, Token], public: Mapping[Account, str]
    ) -> Claims:
        return jwt.account_claims(
            signing_key=signing.public,
            has_jetstream=account is Account.SITE,
            revoked_until_s=self._revoked(account, users),
            exports=accounts.exports(account, self._site),
            imports=accounts.imports(account, self._site, public),
        )

    def _revoked(self, account: Account, users: Mapping[User, Token]) -> dict[str, int]:
        """Until when each user's tokens are void: a wider one that was issued earlier must not be used again."""
        old = _read_token(_token(self._folder, account))
        gone = dict.fromkeys(old.claims.get("revocations", {}), FOREVER_S) if old is not None else {}
        current = {t.subject: t.issued_at_s - 1 for user, t in users.items() if user.account is account}
        return {**gone, **current}

    def _user(self, user: User, signing: Key, account: str) -> Token:
        claims = jwt.user_claims(permissions(user, self._site), account=account)
        path = _creds(self._folder, user)
        old, key = _read_creds(path)
        key = key or Key.make(KeyKind.USER)
        if old is not None and old.says(issuer=signing.public, subject=key.public, name=user, claims=claims):
            return old
        token = jwt.issue(signing, subject=key.public, name=user, claims=claims, issued_at_s=self._later(old))
        write_private(path, jwt.creds_text(token, key))
        return token

    def _later(self, old: Token | None) -> int:
        return self._now_s if old is None else max(self._now_s, old.issued_at_s + 1)


def _read_creds(path: Path) -> tuple[Token | None, Key | None]:
    try:
        return jwt.read_creds(read_private(path))
    except FileNotFoundError:
        return None, None
    except BadKey as exc:
        raise BadKey(f"{path}: {exc}; delete it to have another made") from None


def _site(folder: Path, wanted: SiteId | None) -> SiteId:
    path = folder / "site"
    try:
        found = site_id(path.read_text(encoding="ascii", errors="replace").strip())
    except FileNotFoundError:
        if wanted is None:
            raise IdentityIncomplete(f"{folder} holds no identity: make one with `keys --site`") from None
        write_private(path, wanted + "\n")
        return wanted
    except InvalidName as exc:
        raise IdentityMismatch(f"{path}: {exc}") from None
    if wanted not in (None, found):
        raise IdentityMismatch(f"{folder} holds the identity of {found}, not of {wanted}")
    return found


def _root(folder: Path, part: str) -> Path:
    return folder / "keys" / "root" / f"{part}.nk"


def _signing(folder: Path, part: str) -> Path:
    return folder / "keys" / "signing" / f"{part}.nk"


def _token(folder: Path, part: str) -> Path:
    return folder / "accounts" / f"{part}.jwt"


def _creds(folder: Path, user: User) -> Path:
    return folder / "creds" / f"{user}.creds"


def _read_token(path: Path) -> Token | None:
    try:
        return jwt.read(read_private(path))
    except FileNotFoundError:
        return None
    except BadKey as exc:
        raise BadKey(f"{path}: {exc}; restore it from your copy") from None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second process from making another identity at the same time."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
