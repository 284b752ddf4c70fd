"""Limits that two services must agree on; each names the figure that it rests on."""

DEMAND_INTERVAL_S = 2.0
"""How often a demander repeats a demand."""

DEMAND_TTL_S = 6.0
"""When a demand that is not repeated is forgotten: three lost messages."""

MAX_MESSAGE_BYTES = 1_000_000
"""Payload and headers of any message. A larger one disconnects a partner's bridge at nats-server's default
`max_payload` of 1,048,576 bytes, so nothing above it is ever published."""

MAX_HEADER_BYTES = 1_024
MAX_ACCESS_UNIT_BYTES = MAX_MESSAGE_BYTES - MAX_HEADER_BYTES

MAX_STILL_BYTES = 256_000
STILL_INTERVAL_S = 5.0

CLOCK_RATE_HZ = 90_000
"""Of every `pts_90k` (RFC 6184 section 5.1)."""

FENCE_RESET_S = 10.0
"""Silence after which a relay takes any epoch again, so that a lost lease store cannot darken a camera."""

SLATE_AFTER_S = 1.0
"""A relay sends its own slate when no valid access unit has come for this long."""

FRAME_DEADLINE_S = 0.5
"""The mask service drops frames older than this; it never shows them."""

MAIN_MAX_WIDTH, MAIN_MAX_HEIGHT = 1920, 1080
TILE_WIDTH, TILE_HEIGHT = 640, 360
TILE_FPS = 12.5

MAX_POLYGONS = 64
MAX_POINTS = 256
"""Of one mask set, and of one of its polygons."""

STATUS_INTERVAL_S = 2.0
"""Heartbeat of `status.`; a camera not heard of for three of them is shown as down."""
