"""The table of permissions and what follows from it, without a server."""

import pytest

from proto.names import SiteId
from services.bootstrap import accounts
from services.bootstrap.permissions import Account, User, permissions

SITE = SiteId("islington")
KEYS = {account: f"A{account}" for account in Account}


@pytest.mark.parametrize("user", list(User))
def test_user_reads_its_own_inbox_and_no_other(user: User) -> None:
    inboxes = [subject for subject in permissions(user, SITE).subscribe if subject.startswith("_INBOX")]
    assert inboxes == [f"_INBOX_{user}.>"]


@pytest.mark.parametrize("user", list(User))
def test_user_may_neither_create_consumers_nor_publish_replies(user: User) -> None:
    for subject in permissions(user, SITE).publish:
        assert ".CONSUMER." not in subject
        assert not subject.startswith(("_INBOX", "_R_", ">", "*"))


@pytest.mark.parametrize("user", [user for user in User if user is not User.BOOTSTRAP])
def test_services_may_not_touch_streams(user: User) -> None:
    assert not [s for s in permissions(user, SITE).publish if s.startswith(("$JS.API.STREAM", "$JS.>", "$JS.API.>"))]


def test_only_the_relay_answers_requests() -> None:
    assert [user for user in User if permissions(user, SITE).answer_within_s] == [User.RELAY]


def test_sites_permissions_name_that_site() -> None:
    for user in User:
        row = permissions(user, SiteId("hackney"))
        assert not [subject for subject in row.publish + row.subscribe if "islington" in subject]


def test_imports_of_each_account_are_exports_of_the_other() -> None:
    for account, other in ((Account.SITE, Account.INGEST), (Account.INGEST, Account.SITE)):
        exported = {(claim["subject"], claim["type"]) for claim in accounts.exports(account, SITE)}
        imported = {(claim["subject"], claim["type"]) for claim in accounts.imports(other, SITE, KEYS)}
        assert exported == imported
        assert {claim["account"] for claim in accounts.imports(other, SITE, KEYS)} == {KEYS[account]}


def test_everything_that_ingest_needs_crosses_and_nothing_else() -> None:
    row = permissions(User.INGEST, SITE)
    crossing = {c["subject"] for account in Account for c in accounts.exports(account, SITE)}
    assert crossing == {*row.publish, *row.subscribe} - {"_INBOX_ingest.>"}


def test_system_account_shares_nothing() -> None:
    assert accounts.exports(Account.SYSTEM, SITE) == accounts.imports(Account.SYSTEM, SITE, KEYS) == []


def test_batched_reads_may_be_answered_many_times_and_writes_once() -> None:
    kinds = {c["subject"]: c.get("response_type") for c in accounts.exports(Account.SITE, SITE)}
    assert kinds["$JS.API.DIRECT.GET.KV_leases"] == "Stream"
    assert kinds["$KV.leases.>"] == "Singleton"
