"""`proto/README.md` is the specification: these tests hold it and the code to each other."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from proto import limits, messages, subjects
from proto.codec import VERSION, AccessUnitHeaders
from proto.messages import CameraState, DownReason, Message, WithheldReason
from proto.names import CameraId, Epoch, Layer, PodId, RelayId, SiteId
from proto.subjects import AuditKind, Bucket, RelayCall

README = (Path(messages.__file__).parent / "README.md").read_text()
SITE, CAMERA = SiteId("islington"), CameraId("cam7")


def section(title: str) -> str:
    return re.split(r"\n##+ ", README.split(f" {title}\n", 1)[1])[0]


def first_column(title: str) -> list[str]:
    return [row for row, _ in rows(title)]


def rows(title: str) -> Iterator[tuple[str, list[str]]]:
    for line in section(title).splitlines():
        if match := re.match(r"\| `([^`]+)` \|(.*)\|$", line):
            yield match.group(1), [cell.strip() for cell in match.group(2).split("|")]


MESSAGES = [
    value
    for _, value in inspect.getmembers(messages, inspect.isclass)
    if issubclass(value, Message) and value is not Message
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.__name__)
def test_every_field_of_every_message_is_specified(message: type[Message]) -> None:
    assert first_column(message.__name__) == list(message.model_fields)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.__name__)
def test_every_message_is_frozen_and_versioned(message: type[Message]) -> None:
    assert message.model_config.get("frozen")
    assert get_args(message.model_fields["v"].annotation) == (1,)


def test_no_message_is_specified_that_the_code_does_not_have() -> None:
    listed = re.findall(r"^### (\w+)$", README, re.MULTILINE)
    assert sorted(listed) == sorted(m.__name__ for m in MESSAGES)


def test_subjects_of_the_specification_are_those_that_the_functions_build() -> None:
    built = {
        subjects.demand(SiteId("hackney"), SITE, CAMERA, Layer.MAIN): "demand.<demander>.<site>.<camera>.<layer>",
        subjects.keyframe(SiteId("hackney"), SITE, CAMERA, Layer.MAIN): "keyframe.<demander>.<site>.<camera>.<layer>",
        subjects.frames(PodId("pod-0"), CAMERA): "frames.<pod>.<camera>",
        subjects.masked(SITE, CAMERA, Layer.MAIN): "masked.<site>.<camera>.<layer>",
        subjects.still(SITE, CAMERA): "still.<site>.<camera>",
        subjects.withhold(SITE, CAMERA): "withhold.<site>.<camera>",
        subjects.status(SITE, CAMERA): "status.<site>.<camera>",
        subjects.relay_offer(): "relay.offer",
        subjects.relay_call(RelayId("relay-0"), RelayCall.CLOSE): "relay.<relay>.close",
        subjects.audit(SITE, CAMERA, AuditKind.LOOK_START): "audit.<site>.<camera>.<kind>",
        subjects.kv(Bucket.MASKS, "cam7.current"): "$KV.<bucket>.<key>",
        subjects.changed(Bucket.MASKS, "cam7.current"): "changed.<bucket>.<key>",
    }
    names = {
        "demander": "hackney",
        "site": SITE,
        "camera": CAMERA,
        "layer": "main",
        "pod": "pod-0",
        "relay": "relay-0",
        "kind": "look-start",
        "bucket": "masks",
        "key": "cam7.current",
    }
    specified = first_column("Subjects")
    assert sorted(built.values()) == sorted(specified)
    for subject, pattern in built.items():
        assert re.sub(r"<(\w+)>", lambda m: names[m.group(1)], pattern) == subject


def test_every_header_is_specified_and_every_specified_header_is_sent() -> None:
    sent = AccessUnitHeaders(Epoch(1), 1, -1, 0, 0, True, 1920, 1080, 0, WithheldReason.REVOKED).to_wire()
    assert first_column("Access units: `masked.<site>.<camera>.<layer>`") == list(sent)
    assert sent["Us-Version"] == VERSION


def test_every_limit_is_specified_with_its_value() -> None:
    specified = {name: float(cells[0]) for name, cells in rows("Limits")}
    actual = {name: float(value) for name, value in vars(limits).items() if name.isupper()}
    assert specified == actual


def test_every_bucket_is_specified() -> None:
    assert list(dict.fromkeys(first_column("Buckets"))) == sorted(
        (b.value for b in Bucket), key=first_column("Buckets").index
    )


@pytest.mark.parametrize("word", [*CameraState, *DownReason, *WithheldReason])
def test_every_word_of_the_vocabulary_is_specified(word: str) -> None:
    assert f"`{word}`" in README
