"""`digest topics`: the tags that the operator defines by a query."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from digest.cli import output
from digest.cli.frame import Frame, command, new_group
from digest.model import Topic

group = new_group(name="topics", help_text="Tags that a query defines, for readers to pick.")


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    app.add_typer(group)


@command(group, "list", example="digest topics list")
def list_topics(frame: Frame) -> None:
    """List the topics, and how many papers carry each."""
    from digest.store.fulltext import count_tagged

    with frame.service() as service:
        topics = service.annotator.topics
        with service.store.read() as tx:
            counts = count_tagged(tx, [topic.name for topic in topics])
    columns = [
        output.Column(heading="topic", max_width=36),
        output.Column(heading="group", max_width=26),
        output.Column(heading="papers", align="right"),
        output.Column(heading="description", max_width=60),
    ]
    rows = [
        (topic.name, topic.group, counts.get(topic.name, 0), topic.description) for topic in topics
    ]
    frame.show(
        {"topics": [_document(topic, papers=counts.get(topic.name, 0)) for topic in topics]},
        output.table(columns, rows) if rows else "no topics: the file is empty",
    )


NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[TOPIC]…", help="All, unless named.")
]
DaysOption = Annotated[
    int, typer.Option("--days", metavar="N", min=1, max=3660, help="How far to look back.")
]


@command(group, "test", example="digest topics test 'Diffusion models' --days 30")
def try_topics(frame: Frame, names: NamesArgument = None, days: DaysOption = 30) -> None:
    """Show what each topic would catch, as the file stands now; writes nothing."""
    from digest.errors import NotFoundError
    from digest.lookback import look_back
    from digest.matching.query import parse_query
    from digest.matching.text import fold_label

    with frame.service() as service:
        topics = {fold_label(topic.name): topic for topic in service.annotator.topics}
        unknown = [name for name in names or () if fold_label(name) not in topics]
        if unknown:
            raise NotFoundError(f"there is no topic named {', '.join(unknown)}")
        chosen = [topics[fold_label(name)] for name in names] if names else [*topics.values()]
        now = service.clock()
        with service.store.read() as tx:
            found = [
                look_back(
                    tx,
                    parse_query(topic.query),
                    service.annotator,
                    since=now - timedelta(days=days),
                    until=now,
                    show=3,
                    narrow=False,
                )
                for topic in chosen
            ]
    columns = [
        output.Column(heading="topic", max_width=36),
        output.Column(heading="papers", align="right"),
        output.Column(heading="best of them", max_width=90),
    ]
    rows = [
        (topic.name, one.total, output.printable(one.matches[0].paper.title) if one.total else "")
        for topic, one in zip(chosen, found, strict=True)
    ]
    frame.show(
        {
            "days": days,
            "topics": [
                {
                    **_document(topic, papers=one.total),
                    "best": [match.paper.alias for match in one.matches],
                }
                for topic, one in zip(chosen, found, strict=True)
            ],
        },
        output.table(columns, rows),
    )


def _document(topic: Topic, *, papers: int) -> dict[str, object]:
    return {
        "name": topic.name,
        "group": topic.group,
        "description": topic.description,
        "query": topic.query,
        "papers": papers,
    }
