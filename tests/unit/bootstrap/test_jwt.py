"""Tokens: what they say, who signed them, and creds files."""

import base64
import json

import nkeys
import pytest

from services.bootstrap import jwt
from services.bootstrap.errors import BadKey
from services.bootstrap.keys import Key, KeyKind
from services.bootstrap.permissions import Permissions

ACCOUNT, USER = Key.make(KeyKind.ACCOUNT), Key.make(KeyKind.USER)
NOW_S = 1_800_000_000


def user_token(issued_at_s: int = NOW_S) -> jwt.Token:
    claims = jwt.user_claims(Permissions(("a",), ("b",)), account=ACCOUNT.public)
    return jwt.issue(ACCOUNT, subject=USER.public, name="mask", claims=claims, issued_at_s=issued_at_s)


def test_token_says_what_was_signed() -> None:
    token = user_token()
    assert (token.issuer, token.subject, token.name) == (ACCOUNT.public, USER.public, "mask")
    assert token.issued_at_s == NOW_S
    assert jwt.read(token.text) == token


def test_signature_holds_for_the_issuers_key() -> None:
    signed, _, signature = user_token().text.rpartition(".")
    pair = nkeys.from_seed(ACCOUNT.seed.encode())
    assert pair.verify(signed.encode(), base64.urlsafe_b64decode(signature + "=="))


def test_header_is_of_version_2() -> None:
    head = user_token().text.split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"typ": "JWT", "alg": "ed25519-nkey"}


def test_tokens_of_different_seconds_have_different_ids() -> None:
    assert user_token(NOW_S).id != user_token(NOW_S + 1).id


def test_token_says_the_same_whenever_it_was_issued() -> None:
    later = user_token(NOW_S + 1)
    assert user_token().says(issuer=later.issuer, subject=later.subject, name="mask", claims=later.claims)
    assert not user_token().says(issuer=later.issuer, subject=later.subject, name="relay", claims=later.claims)
    assert not user_token().says(issuer=later.subject, subject=later.subject, name="mask", claims=later.claims)


@pytest.mark.parametrize("permissions", [Permissions((), ("b",)), Permissions(("a",), ())])
def test_user_with_an_empty_allow_list_is_refused(permissions: Permissions) -> None:
    with pytest.raises(ValueError, match="every subject"):
        jwt.user_claims(permissions, account=ACCOUNT.public)


def test_user_connects_as_a_client_alone() -> None:
    assert user_token().claims["allowed_connection_types"] == ["STANDARD"]


def test_user_answers_requests_only_where_the_table_says_so() -> None:
    silent = jwt.user_claims(Permissions(("a",), ("b",)), account="A")
    answering = jwt.user_claims(Permissions(("a",), ("b",), answer_within_s=5), account="A")
    assert "resp" not in silent
    assert answering["resp"] == {"max": 1, "ttl": 5_000_000_000}


def test_account_takes_no_leaf_nodes() -> None:
    assert jwt.account_claims(signing_key="A")["limits"]["leaf"] == 0


def test_account_has_jetstream_only_where_asked() -> None:
    assert "disk_storage" not in jwt.account_claims(signing_key="A")["limits"]
    assert jwt.account_claims(signing_key="A", has_jetstream=True)["limits"]["disk_storage"] == jwt.UNLIMITED


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "a.!.c", f"a.{base64.b64encode(b'[]').decode()}.c", "a.e30.c"])
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        jwt.read(text)


def test_creds_file_is_read_back() -> None:
    token, key = jwt.read_creds(jwt.creds_text(user_token(), USER))
    assert (token, key.seed) == (user_token(), USER.seed)


def test_creds_file_that_was_cut_is_refused() -> None:
    text = jwt.creds_text(user_token(), USER)
    for length in range(0, len(text) - 2, 7):
        with pytest.raises(BadKey):
            jwt.read_creds(text[:length])


def test_creds_file_with_anothers_seed_is_refused() -> None:
    with pytest.raises(BadKey, match="different users"):
        jwt.read_creds(jwt.creds_text(user_token(), Key.make(KeyKind.USER)))
