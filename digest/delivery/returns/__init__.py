"""What comes back by mail: bounces, complaints, requests to leave (docs/mail.md)."""
