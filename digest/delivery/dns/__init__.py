"""What DNS says of the domains that our mail is from: SPF, DKIM, DMARC, MX."""
