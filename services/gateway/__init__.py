"""The gateway: lets people in, says what they may, records each look, and speaks HTTP and WHEP."""
