"""`digest topics`: the tags that the operator defines by a query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from digest.cli import output
from digest.cli.doubts import meant_names
from digest.cli.frame import Frame, command, new_group
from digest.model import Topic

_NO_TOPICS = "no topics: the file is empty"

group = new_group(name="topics", help_text="Tags that a query defines, for readers to pick.")


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    app.add_typer(group)


@command(group, "list", example="digest topics list")
def list_topics(frame: Frame) -> None:
    """List the topics, and how many papers carry each."""
    from digest.store.fulltext import any_stale, count_tagged

    with frame.service() as service:
        topics = service.annotator.topics
        with service.store.read() as tx:
            counts = count_tagged(tx, [topic.name for topic in topics])
            stale = any_stale(tx, service.annotator.fingerprint)
    if stale:
        frame.note(
            "digest: papers are not yet read against these topics; "
            "`digest feeds poll` and the scheduler do that at the next poll"
        )
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
        output.table(columns, rows) if rows else _NO_TOPICS,
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
    from digest.matching.annotate import Annotator
    from digest.topic_trial import try_topics as try_on_papers

    with frame.service() as service:
        chosen = _named(names, service.annotator.topics) if names else service.annotator.topics
        now = service.clock()
        with service.store.read() as tx:
            trial = try_on_papers(
                tx,
                Annotator(chosen, service.annotator.synonyms),
                since=now - timedelta(days=days),
                until=now,
                show=3,
            )
    columns = [
        output.Column(heading="topic", max_width=36),
        output.Column(heading="papers", align="right"),
        output.Column(heading="share", align="right"),
        output.Column(heading="best of them", max_width=84),
    ]
    rows = [
        (
            one.topic.name,
            one.total,
            f"{one.total / trial.papers:.1%}" if trial.papers else "",
            output.printable(one.best[0].title) if one.best else "",
        )
        for one in trial.found
    ]
    told = f"{trial.papers:,} papers of the last {days} days, {trial.none:,} without any of these"
    frame.show(
        {
            "days": days,
            "papers": trial.papers,
            "without_topic": trial.none,
            "topics": [
                {
                    **_document(one.topic, papers=one.total),
                    "best": [paper.alias for paper in one.best],
                }
                for one in trial.found
            ],
        },
        f"{output.table(columns, rows)}\n\n{told}" if rows else _NO_TOPICS,
    )


def _named(names: list[str], topics: Sequence[Topic]) -> list[Topic]:
    """Choose topics by name, compared as tags are.

    Raises:
        NotFoundError: With what each unknown name may mean.
    """
    from digest.errors import NotFoundError
    from digest.matching.text import fold_label

    known = {fold_label(topic.name): topic for topic in topics}
    for name in names:
        label = fold_label(name)
        if label not in known:
            meant = meant_names(label, {one: topic.name for one, topic in known.items()})
            raise NotFoundError(f"there is no topic named {name}{meant}")
    return [known[fold_label(name)] for name in names]


def _document(topic: Topic, *, papers: int) -> dict[str, object]:
    return {
        "name": topic.name,
        "group": topic.group,
        "description": topic.description,
        "query": topic.query,
        "papers": papers,
    }
