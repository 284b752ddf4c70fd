"""Tokens are kept as hashes, and sessions end in time."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.gateway import sessions
from services.gateway.accounts import MIN_PASSWORD, new_password, new_person, person_key
from services.gateway.policy import Right, Role
from services.gateway.sessions import Caller, SessionKind, SessionRecord

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def record(kind: SessionKind = SessionKind.COOKIE, role: Role = Role.OPERATOR) -> SessionRecord:
    token = sessions.new_token()
    return sessions.new_record(token, kind=kind, person_key="k", role=role, now=NOW, length_s=1_000)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_record_holds_nothing_of_its_token() -> None:
    token = sessions.new_token()
    made = sessions.new_record(token, kind=SessionKind.BEARER, person_key="k", role=Role.OPERATOR, now=NOW, length_s=60)
    wire = made.to_wire().decode()
    assert token.removeprefix("us_") not in wire
    assert made.token_hash not in repr(made)
    assert sessions.is_of(made, sessions.hash_token(token))
    assert not sessions.is_of(made, sessions.hash_token(token + "x"))


def test_tokens_are_256_random_bits() -> None:
    tokens = {sessions.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token.removeprefix("us_")) == 43 for token in tokens)


def test_a_session_ends_when_its_time_is_up_however_busy_it_is() -> None:
    made = record()
    assert sessions.holds(made, after(999), after(998), idle_s=100)
    assert not sessions.holds(made, after(1_000), after(999), idle_s=100)


def test_an_idle_session_ends_and_an_idle_token_does_not() -> None:
    assert sessions.holds(record(), after(99), NOW, idle_s=100)
    assert not sessions.holds(record(), after(100), NOW, idle_s=100)
    assert sessions.holds(record(SessionKind.BEARER), after(900), NOW, idle_s=100)


def test_a_use_that_another_replica_has_written_counts() -> None:
    made = record().model_copy(update={"used": after(50)})
    assert sessions.holds(made, after(120), NOW, idle_s=100)


def test_a_session_can_do_what_both_it_and_its_person_may() -> None:
    administrator = new_person("a", Role.ADMINISTRATOR, "hash", NOW)
    operator = new_person("o", Role.OPERATOR, "hash", NOW)
    assert not Caller(administrator, record(role=Role.OPERATOR)).may(Right.MANAGE_CAMERAS)
    assert not Caller(operator, record(role=Role.ADMINISTRATOR)).may(Right.MANAGE_CAMERAS)
    assert Caller(operator, record(role=Role.ADMINISTRATOR)).may(Right.SEE_LIVE)
    assert not Caller(new_person("x", Role.AUDITOR, "hash", NOW), record()).may_know_of()


@pytest.mark.parametrize("other", ["ann", "ANN", " Ann ", "\uff21nn"])
def test_names_that_people_take_for_the_same_have_one_key(other: str) -> None:
    assert person_key("Ann") == person_key(other)
    assert person_key("Ann") != person_key("Anne")


def test_a_person_who_is_replaced_keeps_the_id_of_the_record() -> None:
    person = new_person("Ann", Role.OPERATOR, "hash", NOW)
    assert new_person("Ann", Role.WARDEN, "hash", NOW, id_=person.id).id == person.id
    assert "hash" not in repr(person).replace("password_hash", "")
    assert "Ann" not in person.id


def test_a_generated_password_is_long_enough_and_never_the_same() -> None:
    passwords = {new_password() for _ in range(50)}
    assert len(passwords) == 50
    assert all(len(password) >= MIN_PASSWORD for password in passwords)


def test_a_role_that_is_not_known_is_no_person() -> None:
    person = new_person("Ann", Role.OPERATOR, "hash", NOW)
    with pytest.raises(ValidationError):
        type(person).from_wire(person.to_wire().replace(b"operator", b"emperor"))
