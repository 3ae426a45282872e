"""Ids: integers and names that cannot be mixed up."""

from __future__ import annotations

from typing import NewType

PaperId = NewType("PaperId", int)
FeedId = NewType("FeedId", int)
QueryId = NewType("QueryId", int)
SubscriberId = NewType("SubscriberId", int)
DeliveryId = NewType("DeliveryId", int)

Alias = NewType("Alias", str)
"""One identifier of a paper with its scheme: `arxiv:2501.12345`, `doi:10.1/x`,
`pmid:123`, `feed:<feed name>:<its own id>`, `title:<key>`."""
