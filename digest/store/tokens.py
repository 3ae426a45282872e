"""One-use tokens: only their SHA-256 is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, insert, select, update

from digest.model import SubscriberId
from digest.store.tables import TokenRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """What is known of a one-use token."""

    subscriber_id: SubscriberId
    expires_at: datetime
    used_at: datetime | None
    content: str = ""


def save_token(
    tx: Session,
    *,
    digest: str,
    purpose: str,
    subscriber_id: SubscriberId,
    now: datetime,
    expires_at: datetime,
    content: str = "",
) -> None:
    """Keep a new token, by its SHA-256 in hexadecimal, and what it stands for."""
    tx.exec(
        insert(TokenRow).values(
            digest=digest,
            purpose=purpose,
            subscriber_id=subscriber_id,
            created_at=now,
            expires_at=expires_at,
            content=content,
        )
    )


def find_token(tx: Session, *, digest: str, purpose: str) -> StoredToken | None:
    """Return what is known of a token, used or expired as it may be."""
    row = tx.exec(
        select(
            TokenRow.subscriber_id, TokenRow.expires_at, TokenRow.used_at, TokenRow.content
        ).where(col(TokenRow.digest) == digest, col(TokenRow.purpose) == purpose)
    ).first()
    if row is None:
        return None
    return StoredToken(
        subscriber_id=SubscriberId(row[0]), expires_at=row[1], used_at=row[2], content=row[3]
    )


def use_token(tx: Session, *, digest: str, purpose: str, now: datetime) -> bool:
    """Use a token up; False when it is unknown, used before, or expired."""
    result = tx.exec(
        update(TokenRow)
        .where(
            col(TokenRow.digest) == digest,
            col(TokenRow.purpose) == purpose,
            col(TokenRow.used_at).is_(None),
            col(TokenRow.expires_at) > now,
        )
        .values(used_at=now)
    )
    return result.rowcount == 1


def retire_tokens(tx: Session, subscriber_id: SubscriberId, *, now: datetime) -> None:
    """Use up all tokens of a subscriber: what they offered was overtaken."""
    tx.exec(
        update(TokenRow)
        .where(col(TokenRow.subscriber_id) == subscriber_id, col(TokenRow.used_at).is_(None))
        .values(used_at=now)
    )


def drop_tokens(tx: Session, *, expired_before: datetime) -> int:
    """Drop tokens that expired before an instant; returns how many."""
    return tx.exec(delete(TokenRow).where(col(TokenRow.expires_at) < expired_before)).rowcount
