"""paper-digest: trending papers that match your interests, in your inbox once a day."""

__version__ = "0.1.0"
