"""Mails that come back, read: what each says, and whom it is proven to be about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.returns.proof import prove
from digest.delivery.returns.read import read_returned_mail
from digest.delivery.returns.report import Proof, ReturnedMail
from digest.errors import ReportError
from digest.model import DeliveryId, SubscriberId
from tests.support.returned_mail import NAMES, SIGNER, returned_mail

SAYS = {
    "a-letter-from-a-reader": (None, None, "no report"),
    "arf-auth-failure": (None, None, "a feedback report of type 'auth-failure'"),
    "arf-forged": ("complaint", None, "feedback report"),
    "arf-not-spam": (None, None, "a feedback report of type 'not-spam'"),
    "arf-opt-out": ("unsubscribe", None, "feedback report"),
    "arf-redacted": ("complaint", None, "feedback report"),
    "arf-rfc-sample": ("complaint", None, "feedback report"),
    "arf-unsubscribe-link-only": ("complaint", None, "feedback report"),
    "arf-yahoo": ("complaint", None, "feedback report"),
    "exchange-disabled": ("failed", "5.2.1", "delivery status"),
    "exchange-online": ("failed", "5.1.10", "delivery status"),
    "exchange-quota": ("failed", "5.2.2", "delivery status"),
    "exim-delayed": ("delayed", None, "bounce"),
    "exim-status": ("failed", "5.1.1", "delivery status"),
    "exim-text": ("failed", "5.1.1", "bounce"),
    "forged-address": ("failed", "5.1.1", "delivery status"),
    "gmail": ("failed", "5.1.1", "delivery status"),
    "gmail-over-quota": ("failed", "5.2.2", "delivery status"),
    "message-id-alone": ("failed", "5.1.1", "delivery status"),
    "moved-away": ("failed", "5.1.6", "delivery status"),
    "only-in-returned-headers": ("failed", "5.1.1", "delivery status"),
    "out-of-office": (None, None, "an automatic reply"),
    "outlook-junk-report": ("complaint", None, "junk mail report"),
    "postfix-delayed": ("delayed", "4.4.1", "delivery status"),
    "postfix-delivered": ("delivered", "2.0.0", "delivery status"),
    "postfix-expired": ("failed", "4.4.1", "delivery status"),
    "postfix-mailbox-full": ("failed", "4.2.2", "delivery status"),
    "postfix-no-such-domain": ("failed", "5.1.2", "delivery status"),
    "postfix-no-such-user": ("failed", "5.1.1", "delivery status"),
    "postfix-policy": ("failed", "5.7.1", "delivery status"),
    "postfix-relayed": (None, None, "a delivery status that says nothing final"),
    "qmail": ("failed", "5.1.1", "bounce"),
    "qmail-no-code": ("failed", None, "bounce"),
    "read-receipt": (None, None, "a receipt of reading"),
    "rfc6533-base64": ("failed", "5.1.1", "delivery status"),
    "rfc6533-utf8": ("failed", "5.1.1", "delivery status"),
    "sendmail-unknown": ("failed", "5.1.1", "delivery status"),
    "ses-no-user": ("failed", "5.1.1", "delivery status"),
    "status-in-words-only": ("failed", "5.0.0", "delivery status"),
    "status-without-action": ("failed", "5.1.1", "delivery status"),
    "two-stations": ("failed", "5.1.1", "delivery status"),
    "unsubscribe-forged": ("unsubscribe", None, "mail to unsubscribe"),
    "unsubscribe-mail": ("unsubscribe", None, "mail to unsubscribe"),
    "unsubscribe-mail-encoded": ("unsubscribe", None, "mail to unsubscribe"),
    "unsubscribe-without-token": ("unsubscribe", None, "mail to unsubscribe"),
    "vacation-rfc3834": (None, None, "an automatic reply"),
    "yahoo-text": ("failed", None, "bounce"),
}

UNPROVEN = (
    "arf-forged",
    "forged-address",
    "message-id-alone",
    "unsubscribe-forged",
    "unsubscribe-without-token",
)
OF_SUBSCRIBER = ("arf-unsubscribe-link-only", "unsubscribe-mail", "unsubscribe-mail-encoded")
OF_DELIVERY = tuple(
    name
    for name, (kind, _, _) in SAYS.items()
    if kind is not None and name not in UNPROVEN and name not in OF_SUBSCRIBER
)


def test_every_mail_of_the_fixtures_is_judged_here() -> None:
    assert tuple(SAYS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_says_what_its_sender_meant(name: str) -> None:
    mail = read_returned_mail(returned_mail(name))

    assert (mail.kind, mail.status, mail.what) == SAYS[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_says_the_same_with_the_line_ends_of_smtp(name: str) -> None:
    wire = returned_mail(name).replace(b"\n", b"\r\n")

    mail = read_returned_mail(wire)

    assert (mail.kind, mail.status, mail.what) == SAYS[name]


@pytest.mark.parametrize("name", OF_DELIVERY)
def test_a_bounce_address_proves_the_delivery(name: str) -> None:
    mail = read_returned_mail(returned_mail(name, delivery_id=77))

    assert prove(mail, SIGNER) == Proof(delivery_id=DeliveryId(77))


@pytest.mark.parametrize("name", OF_SUBSCRIBER)
def test_a_token_to_unsubscribe_proves_the_subscriber_alone(name: str) -> None:
    mail = read_returned_mail(returned_mail(name, subscriber_id=5))

    assert prove(mail, SIGNER) == Proof(subscriber_id=SubscriberId(5))


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_we_did_not_sign_proves_nothing(name: str) -> None:
    mail = read_returned_mail(returned_mail(name))

    assert prove(mail, SIGNER) is None


def test_a_bounce_is_not_proven_by_the_link_to_unsubscribe() -> None:
    mail = read_returned_mail(returned_mail("message-id-alone"))

    assert mail.leave_marks != ()
    assert prove(mail, SIGNER) is None


def test_a_server_that_folds_case_breaks_no_bounce_address() -> None:
    mail = read_returned_mail(returned_mail("qmail", delivery_id=9).upper())

    assert prove(mail, SIGNER) == Proof(delivery_id=DeliveryId(9))


def test_words_of_other_alphabets_are_kept() -> None:
    mail = read_returned_mail(returned_mail("rfc6533-utf8"))

    assert mail.said == "smtp; 550 5.1.1 <ada@universität.example> gibt es nicht"


def test_a_vague_status_gives_way_to_the_code_in_the_servers_words() -> None:
    mail = read_returned_mail(returned_mail("exim-status"))

    assert mail.status == "5.1.1"


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"\x00\xff\xfe", b"no header here\nat all\n", b"%PDF-1.7 \x00\x01"],
    ids=["empty", "blank", "bytes", "prose", "pdf"],
)
def test_what_is_no_mail_is_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(ReportError, match="this is no mail"):
        read_returned_mail(data)


NESTED = b"".join(
    b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth)
    for depth in range(2_000)
)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"To: x\n" + NESTED, "more parts are nested"),
        (b"To: x\n" + b"Content-Type: message/rfc822\n\n" * 5_000, "more parts are nested"),
        (b"Content-Type: multipart/x" + b";" * 200_000 + b"\n\n", "a Content-Type is longer"),
        (b"To: x\nContent-Type: multipart/x" + b";\n a" * 90_000, "a Content-Type is longer"),
    ],
    ids=["multiparts", "mails in mails", "semicolons", "folded"],
)
def test_what_would_take_for_ever_to_take_apart_is_refused_first(data: bytes, cause: str) -> None:
    with pytest.raises(ReportError, match=cause):
        read_returned_mail(data)


def _read(data: bytes) -> ReturnedMail | None:
    try:
        return read_returned_mail(data)
    except ReportError:
        return None


@given(st.binary(max_size=4_000))
def test_any_bytes_end_in_a_value_or_one_typed_error(data: bytes) -> None:
    mail = _read(data)

    assert mail is None or len(mail.said) <= 500


@given(
    name=st.sampled_from(NAMES),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=40)), max_size=6
    ),
)
def test_a_damaged_mail_ends_in_a_value_or_one_typed_error(
    name: str, cuts: list[tuple[float, int, bytes]]
) -> None:
    data = returned_mail(name)
    for where, length, put in cuts:
        at = int(where * len(data))
        data = data[:at] + put + data[at + length :]

    mail = _read(data)

    assert mail is None or (len(mail.said) <= 500 and len(mail.bounce_marks) <= 20)
