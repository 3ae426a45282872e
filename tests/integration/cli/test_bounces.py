"""`digest bounces ingest`: files, Maildirs and standard input."""

from __future__ import annotations

import io
import mailbox
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from digest.subscribers.tokens import TokenSigner
from tests.support.command_line import CommandLine
from tests.support.returned_mail import returned_mail

WEDNESDAY = ("--at", "2026-02-04T20:00:00Z")


@pytest.fixture
def sent(after_demo: CommandLine) -> dict[str, int]:
    """The numbers of the demo's deliveries that were sent, by address."""
    said = after_demo("deliveries", "list", "--state", "sent", "--json", *WEDNESDAY)
    return {one["email"]: one["id"] for one in reversed(said.document["deliveries"])}


def write(digest: CommandLine, name: str, delivery_id: int, *, file: str = "") -> str:
    """Write a mail that came back about a delivery of the demo; return its path."""
    key = (digest.folder / "var" / "secret_key").read_text(encoding="utf-8").strip()
    path = digest.folder / (file or f"{name}.eml")
    path.write_bytes(
        returned_mail(name, delivery_id=delivery_id, subscriber_id=1, signer=TokenSigner([key]))
    )
    return str(path)


def test_a_bounce_stops_the_mail_and_the_operator_sees_why(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    email, delivery_id = next(iter(sent.items()))
    file = write(after_demo, "postfix-no-such-user", delivery_id)

    said = after_demo("bounces", "ingest", file, "--json", *WEDNESDAY)
    listed = after_demo("subscribers", "list", "--state", "bounced", "--json")

    assert said.code == 0
    assert said.document == {
        "files": [
            {
                "file": file,
                "effect": "bounced",
                "kind": "failed",
                "status": "5.1.1",
                "delivery": delivery_id,
                "email": email,
                "resolved": False,
                "detail": "5.1.1 (no such mailbox)",
            }
        ],
        "counts": {"bounced": 1},
    }
    assert [one["email"] for one in listed.document["subscribers"]] == [email]


def test_one_bad_file_stops_no_other_and_is_told_by_its_name(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    good = write(after_demo, "arf-rfc-sample", next(iter(sent.values())))
    bad = after_demo.folder / "prose.eml"
    bad.write_text("this is no mail\nat all\n", encoding="utf-8")

    said = after_demo("bounces", "ingest", "gone.eml", str(bad), "var", good, *WEDNESDAY)

    assert said.code == 1
    assert said.causes == [
        "digest: gone.eml: cannot be read: No such file or directory",
        f"digest: {bad}: this is no mail: it has no header",
        "digest: var: is a folder, but no Maildir: it has neither new/ nor cur/",
    ]
    assert "complained" in said.out
    assert said.out.splitlines()[-1] == "1 complained, 2 unreadable"


def test_without_a_file_the_command_is_used_wrongly(digest: CommandLine) -> None:
    said = digest("bounces", "ingest")

    assert said.code == 2


def test_a_mail_of_a_forger_is_told_and_does_nothing(after_demo: CommandLine) -> None:
    file = write(after_demo, "forged-address", 1)

    said = after_demo("bounces", "ingest", file, *WEDNESDAY)
    listed = after_demo("subscribers", "list", "--state", "bounced")

    assert said.code == 0
    assert said.out.splitlines()[1].split()[:3] == ["unproven", "failed", "5.1.1"]
    assert listed.out == "no subscribers\n"


def test_a_maildir_is_taken_in_once_and_nothing_is_deleted(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    folder = after_demo.folder / "bounces"
    box = mailbox.Maildir(folder)
    for name in ("postfix-mailbox-full", "out-of-office"):
        box.add(Path(write(after_demo, name, next(iter(sent.values())))).read_bytes())
    (folder / "new" / "prose").write_text("no mail\n", encoding="utf-8")
    box.close()

    first = after_demo("bounces", "ingest", str(folder), "--json", *WEDNESDAY)
    again = after_demo("bounces", "ingest", str(folder), "--json", *WEDNESDAY)
    seen = after_demo("bounces", "ingest", str(folder), "--seen", "--json", *WEDNESDAY)

    assert first.document["counts"] == {"ignored": 1, "noted": 1, "unreadable": 1}
    assert first.code == 1
    assert again.document == {"files": [], "counts": {}}
    assert again.code == 0
    assert seen.document["counts"] == {"ignored": 1, "known": 1, "unreadable": 1}
    assert list((folder / "new").iterdir()) == []
    assert sorted(path.name.partition(":2,")[2] for path in (folder / "cur").iterdir()) == [
        "FS",
        "S",
        "S",
    ]


def test_a_mail_that_was_not_seen_yet_is_taken_out_of_cur(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    mail = write(after_demo, "postfix-mailbox-full", next(iter(sent.values())))
    (after_demo.folder / "bounces" / "cur").mkdir(parents=True)
    old = after_demo.folder / "bounces" / "cur" / "1.a.b:2,R"
    Path(mail).rename(old)

    said = after_demo("bounces", "ingest", "bounces", "--json", *WEDNESDAY)

    assert said.document["counts"] == {"noted": 1}
    assert [path.name for path in old.parent.iterdir()] == ["1.a.b:2,RS"]


def test_a_pipe_brings_one_mail(
    after_demo: CommandLine, sent: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = Path(write(after_demo, "arf-rfc-sample", next(iter(sent.values())))).read_bytes()
    padding = b"x" * 400_000
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(mail + padding)))

    said = after_demo("bounces", "ingest", "-", "--json", *WEDNESDAY)

    assert said.document["files"][0]["file"] == "standard input"
    assert said.document["counts"] == {"complained": 1}
    assert sys.stdin.buffer.read() == b""


def test_an_import_never_brings_back_who_bounced_or_complained(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    (first, one), (second, two) = list(sent.items())[:2]
    after_demo("bounces", "ingest", write(after_demo, "gmail", one), *WEDNESDAY)
    after_demo("bounces", "ingest", write(after_demo, "arf-yahoo", two), *WEDNESDAY)
    (after_demo.folder / "readers.csv").write_text(f"email\n{first}\n{second}\n", encoding="utf-8")

    said = after_demo("subscribers", "import", "readers.csv", "--confirmed", "--json", *WEDNESDAY)

    assert said.code == 1
    assert [one["email"] for one in said.document["rejected"]] == [first, second]
    assert "bounced" in said.document["rejected"][0]["error"]
    assert "spam" in said.document["rejected"][1]["error"]


def test_an_unknown_delivery_that_bounced_is_known_to_be_sent(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    import sqlite3

    delivery_id = next(iter(sent.values()))
    with sqlite3.connect("var/digest.db") as database:
        database.execute("UPDATE delivery SET state = 'unknown' WHERE id = ?", (delivery_id,))
    database.close()

    said = after_demo(
        "bounces", "ingest", write(after_demo, "postfix-delayed", delivery_id), "--json", *WEDNESDAY
    )
    shown = after_demo("deliveries", "show", str(delivery_id), "--json")

    assert said.document["files"][0]["resolved"] is True
    assert shown.document["delivery"]["state"] == "sent"


def test_show_tells_an_operator_why_somebody_is_not_mailed_and_what_undoes_it(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    email, delivery_id = next(iter(sent.items()))
    after_demo("bounces", "ingest", write(after_demo, "gmail", delivery_id), *WEDNESDAY)

    said = after_demo("subscribers", "show", email)
    document = after_demo("subscribers", "show", email, "--json").document["subscriber"]

    assert "not mailed since  2026-02-04 20:00 UTC" in said.out
    assert "why               their address does not take mail" in said.out
    assert document["suppression"] == {
        "state": "bounced",
        "since": "2026-02-04T20:00:00Z",
        "why": "their address does not take mail",
        "evidence": f"delivery {delivery_id}, delivery status: 5.1.1 (no such mailbox)",
        "undo": "once the address takes mail again, they confirm anew: the sign-up form or a "
        f"login link, or `digest subscribers add {email}`",
    }
    assert document["reports"][0]["status"] == "5.1.1"


def test_show_of_an_active_subscriber_says_nothing_of_suppression(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    said = after_demo("subscribers", "show", next(iter(sent)), "--json")

    assert said.document["subscriber"]["suppression"] is None
    assert said.document["subscriber"]["reports"] == []


def test_the_suppressed_are_listed_with_reasons_as_json_and_csv(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    (first, one), (second, two) = list(sent.items())[:2]
    after_demo("bounces", "ingest", write(after_demo, "gmail", one), *WEDNESDAY)
    after_demo("bounces", "ingest", write(after_demo, "arf-yahoo", two), *WEDNESDAY)

    everybody = after_demo("subscribers", "suppressed", "--json").document["suppressed"]
    complained = after_demo("subscribers", "suppressed", "--state", "complained", "--csv")
    nobody = after_demo("subscribers", "suppressed", "--state", "unsubscribed")

    assert sorted((line["email"], line["state"]) for line in everybody) == sorted(
        [(first, "bounced"), (second, "complained")]
    )
    assert complained.out == (
        "email,state,since,why,evidence,undo\n"
        f'{second},complained,2026-02-04T20:00:00Z,called a digest spam,"delivery {two}, feedback '
        'report",nothing: no mail may go to this address again\n'
    )
    assert nobody.out == "nobody is suppressed\n"


def test_csv_and_json_at_once_is_wrong_usage(digest: CommandLine) -> None:
    said = digest("subscribers", "suppressed", "--csv", "--json")

    assert said.code == 2


def test_a_delivery_shows_what_came_back_and_what_can_be_done(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    delivery_id = next(iter(sent.values()))
    after_demo("bounces", "ingest", write(after_demo, "exim-status", delivery_id), *WEDNESDAY)

    said = after_demo("deliveries", "show", str(delivery_id), *WEDNESDAY)
    shown = after_demo("deliveries", "show", str(delivery_id), "--json", *WEDNESDAY)

    assert "smtp; 550 5.1.1 no such user here" in said.out
    assert shown.document["delivery"]["next"] == (
        "nothing: it was accepted, and came back later; it is on the web"
    )
    assert shown.document["delivery"]["reports"] == [
        {
            "kind": "failed",
            "at": "2026-02-04T20:00:00Z",
            "delivery": delivery_id,
            "status": "5.1.1",
            "source": "delivery status",
            "said": "smtp; 550 5.1.1 no such user here",
        }
    ]


def test_deliveries_are_listed_by_period(after_demo: CommandLine) -> None:
    everything = after_demo("deliveries", "list", "--json").document["deliveries"]

    one_day = after_demo("deliveries", "list", "--period", "2026-02-03", "--json")
    wrong = after_demo("deliveries", "list", "--period", "tuesday")

    assert one_day.document["deliveries"] == [
        one for one in everything if one["period"] == "2026-02-03"
    ]
    assert len(one_day.document["deliveries"]) == 3
    assert wrong.causes == ["digest: --period: tuesday is neither a day (2026-02-03) nor welcome"]


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("resend", "999"), "digest: there is no delivery 999"),
        (("show", "999"), "digest: there is no delivery 999"),
        (("resolve", "999", "--as", "sent"), "digest: there is no delivery 999"),
    ],
)
def test_a_delivery_that_is_not_there_is_told(
    after_demo: CommandLine, words: tuple[str, ...], cause: str
) -> None:
    said = after_demo("deliveries", *words)

    assert (said.code, said.causes) == (1, [cause])


def test_what_was_sent_is_neither_resent_nor_resolved(
    after_demo: CommandLine, sent: dict[str, int]
) -> None:
    number = str(next(iter(sent.values())))

    resent = after_demo("deliveries", "resend", number)
    resolved = after_demo("deliveries", "resolve", number, "--as", "failed")

    assert resent.causes == [
        (
            f"digest: delivery {number} is sent: "
            "only what is failed or bounced or unknown can be resent"
        )
    ]
    assert resolved.causes == [
        f"digest: delivery {number} is sent: only what is unknown can be resolved"
    ]
