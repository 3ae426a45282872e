"""The main job once, offline: sample feeds on loopback, three subscribers, three days."""

from digest.demo.story import DayReport, DemoReport, SentDigest, run_demo

__all__ = ["DayReport", "DemoReport", "SentDigest", "run_demo"]
