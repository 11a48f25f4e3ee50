"""The time zone in which councils' days begin and schedules run."""

SCOTTISH_TIMEZONE = "Europe/London"
