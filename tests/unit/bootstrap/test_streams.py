"""Stream configurations: bounds, and what makes a server's configuration differ from the wanted one."""

import pytest

from proto.limits import MAX_POINTS, MAX_POLYGONS, MAX_STILL_BYTES
from proto.messages import MaskSet
from proto.names import SiteId
from proto.subjects import Bucket
from services.bootstrap import streams

WANTED = {config["name"]: config for config in streams.wanted(SiteId("islington"))}


def test_there_is_a_stream_for_each_bucket_and_the_record() -> None:
    assert set(WANTED) == {f"KV_{bucket}" for bucket in Bucket} | {"AUDIT"}


@pytest.mark.parametrize("name", list(WANTED))
def test_stream_is_bounded_and_refuses_when_full(name: str) -> None:
    assert WANTED[name]["max_bytes"] > 0
    assert WANTED[name]["max_msg_size"] > 0
    assert WANTED[name]["discard"] == "new"


@pytest.mark.parametrize("name", list(WANTED))
def test_nothing_can_be_deleted_purged_or_rolled_up(name: str) -> None:
    config = WANTED[name]
    assert (config["deny_delete"], config["deny_purge"], config["allow_rollup_hdrs"]) == (True, True, False)


@pytest.mark.parametrize("bucket", list(Bucket))
def test_bucket_keeps_one_value_a_key_and_republishes_it(bucket: Bucket) -> None:
    config = WANTED[f"KV_{bucket}"]
    assert config["max_msgs_per_subject"] == 1
    assert config["republish"] == {"src": f"$KV.{bucket}.>", "dest": f"changed.{bucket}.>"}
    assert config["allow_direct"]


def test_record_is_kept_for_ever_on_disk_and_not_republished() -> None:
    audit = WANTED["AUDIT"]
    assert (audit["storage"], audit["max_age"], audit["allow_msg_ttl"]) == ("file", 0, False)
    assert audit["subjects"] == ["audit.islington.>"]
    assert "republish" not in audit


def test_stills_alone_are_in_memory() -> None:
    assert [name for name, config in WANTED.items() if config["storage"] == "memory"] == ["KV_stills"]
    assert WANTED["KV_stills"]["max_msg_size"] >= MAX_STILL_BYTES


def test_largest_mask_set_fits_its_bucket() -> None:
    digits = 0.12345678901234567
    polygon = ((digits, digits),) * MAX_POINTS
    largest = MaskSet.model_validate(
        {
            "camera": "c" * 63,
            "revision": 10**9,
            "polygons": (polygon,) * MAX_POLYGONS,
            "aspect": digits * 10,
            "approved_by": "\N{SNOWMAN}" * 100,
            "approved_at": "2026-11-22T13:00:00Z",
        }
    )
    assert len(largest.to_wire()) < WANTED["KV_masks"]["max_msg_size"]


def test_reserved_bytes_are_those_of_one_storage() -> None:
    wanted = tuple(WANTED.values())
    assert streams.reserved_bytes(wanted, "memory") == streams.BOUNDS[Bucket.STILLS].max_bytes
    assert streams.reserved_bytes(wanted, "file") + streams.reserved_bytes(wanted, "memory") == sum(
        config["max_bytes"] for config in wanted
    )


def test_server_that_leaves_out_what_is_off_does_not_differ() -> None:
    found = {name: value for name, value in WANTED["AUDIT"].items() if value not in (False, 0)}
    assert streams.differences(WANTED["AUDIT"], {**found, "created": "now", "max_consumers": -1}) == {}


@pytest.mark.parametrize(
    ("setting", "value"), [("max_bytes", 5), ("deny_purge", False), ("num_replicas", 3), ("subjects", ["x"])]
)
def test_difference_is_named_with_the_wanted_value(setting: str, value: object) -> None:
    wanted = WANTED["AUDIT"]
    assert streams.differences(wanted, {**wanted, setting: value}) == {setting: wanted[setting]}
