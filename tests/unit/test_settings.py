"""Settings: one frozen value, all problems at once, each with its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from digest.errors import ConfigError
from digest.model import FeedKind
from digest.settings import Settings, ensure_secret_key, load_settings


def write(folder: Path, text: str) -> Path:
    path = folder / "digest.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(config: Path, environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_settings(config, environ)
    return caught.value.problems


def test_no_configuration_at_all_is_a_safe_local_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings(None, {})

    assert settings.database_url == "sqlite:///var/digest.db"
    assert settings.mail.transport == "outbox"
    assert settings.outbox_dir == Path("var/outbox")
    assert settings.web.host == "127.0.0.1"
    assert [spec.name for spec in settings.feed_specs] == [
        "hf-daily",
        "arxiv-cs.AI",
        "arxiv-cs.CL",
        "arxiv-cs.CV",
        "arxiv-cs.LG",
    ]
    assert settings.feed_specs[0].kind is FeedKind.HF_DAILY


def test_the_file_of_the_working_directory_is_preferred_to_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    write(tmp_path / "config", "[web]\nport = 8123\n")

    settings = load_settings(None, {})

    assert settings.web.port == 8123
    assert settings.feed == ()


def test_the_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    config = write(tmp_path, "[web]\nport = 8124\n")

    settings = load_settings(None, {"DIGEST_CONFIG": str(config)})

    assert settings.web.port == 8124


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, '[mail]\nfrom = "A <a@example.org>"\n')

    settings = load_settings(config, {"DIGEST_MAIL__FROM": "B <b@example.org>"})

    assert settings.mail.from_ == "B <b@example.org>"


def test_environment_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    config = write(tmp_path, "")

    settings = load_settings(config, {"DIGEST_DEBUG": "1", "PATH": "/bin"})

    assert settings == Settings()


def test_all_problems_are_told_at_once_each_with_its_key(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        """
        [web]
        prot = 80
        [service]
        base_url = "papers.example.org"
        secret_key = "short"
        [digest]
        retention_days = 20
        [[feed]]
        name = "a feed"
        url = "file:///etc/passwd"
        """,
    )

    problems = problems_of(config, {"DIGEST_SMTP__PORT": "70000"})

    keys = [problem.split(":")[0] for problem in problems]
    assert sorted(keys) == [
        "digest.retention_days",
        "feed.0.name",
        "feed.0.url",
        "service.base_url",
        "service.secret_key",
        "smtp.port",
        "web.prot",
    ]


def test_an_unknown_key_names_itself(tmp_path: Path) -> None:
    config = write(tmp_path, "[mail]\nform = 'x'\n")

    problems = problems_of(config, {})

    assert problems == (f"mail.form: unknown key in {config} or the environment",)


def test_a_feed_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    feed = '[[feed]]\nname = "a"\nurl = "https://example.org/feed"\n'

    problems = problems_of(write(tmp_path, feed + feed), {})

    assert "the name 'a' stands twice" in problems[0]


@pytest.mark.parametrize("text", ["[web", "port = = 3", "\x00"])
def test_a_file_that_is_not_toml_is_one_problem(tmp_path: Path, text: str) -> None:
    problems = problems_of(write(tmp_path, text), {})

    assert len(problems) == 1
    assert "is not TOML" in problems[0]


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    problems = problems_of(tmp_path / "absent.toml", {})

    assert problems == (f"{tmp_path / 'absent.toml'}: cannot be read: No such file or directory",)


def test_a_secret_may_come_from_a_file_named_in_the_environment(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n", encoding="utf-8")

    settings = load_settings(write(tmp_path, ""), {"DIGEST_SMTP__PASSWORD_FILE": str(secret)})

    assert settings.smtp.password == "hunter2"


def test_a_secret_may_come_from_a_file_named_in_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("k" * 40, encoding="utf-8")

    settings = load_settings(write(tmp_path, f'[service]\nsecret_key_file = "{secret}"\n'), {})

    assert settings.service.secret_key == "k" * 40


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("", {"DIGEST_SMTP__PASSWORD_FILE": "/nowhere/at-all"}),
        ('[smtp]\npassword_file = "/nowhere/at-all"\n', {}),
    ],
)
def test_a_secret_file_that_cannot_be_read_is_named(
    tmp_path: Path, text: str, environ: dict[str, str]
) -> None:
    problems = problems_of(write(tmp_path, text), environ)

    assert len(problems) == 1
    assert "/nowhere/at-all cannot be read" in problems[0]


def test_the_environment_cannot_set_a_list_of_tables(tmp_path: Path) -> None:
    config = write(tmp_path, '[[feed]]\nname = "a"\nurl = "https://example.org/feed"\n')

    problems = problems_of(config, {"DIGEST_FEED__URL": "x"})

    assert problems == ("DIGEST_FEED__URL: feed is not a section that the environment can set",)


def test_old_keys_are_a_list_in_the_environment(tmp_path: Path) -> None:
    settings = load_settings(
        write(tmp_path, ""), {"DIGEST_SERVICE__SECRET_KEYS_OLD": f"{'a' * 32};{'b' * 40}"}
    )

    assert settings.service.secret_keys_old == ("a" * 32, "b" * 40)


def test_settings_are_frozen() -> None:
    settings = Settings()

    with pytest.raises(ValidationError):
        settings.web.port = 1


def test_a_secret_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings.model_validate({"service": {"data_dir": str(tmp_path / "var")}})

    first, second = ensure_secret_key(settings), ensure_secret_key(settings)

    assert first == second
    assert len(first) >= 32
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]


def test_a_secret_key_that_is_set_is_used(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"service": {"data_dir": str(tmp_path), "secret_key": "s" * 32}}
    )

    assert ensure_secret_key(settings) == "s" * 32
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_secret_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short", encoding="ascii")
    settings = Settings.model_validate({"service": {"data_dir": str(tmp_path)}})

    with pytest.raises(ConfigError, match="fewer than 32 characters"):
        ensure_secret_key(settings)


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    settings = Settings.model_validate({"service": {"data_dir": str(tmp_path / "file" / "var")}})

    with pytest.raises(ConfigError, match="cannot be used"):
        ensure_secret_key(settings)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SERVICE__SECRET_KEYS_OLD", "short", "service.secret_keys_old: each must have 32"),
        ("MAIL__FROM", "nobody", "mail.from: must be one address"),
        ("MAIL__FROM", "", "mail.from: must be an address"),
        ("MAIL__FROM", "A <a@example.org>, B <b@example.org>", "mail.from: must be one address"),
        ("MAIL__REPLY_TO", "a@example.org\nBcc: b@example.org", "mail.reply_to: must be one"),
        ("MAIL__LIST_ID", "daily papers", "mail.list_id: must be a domain name"),
        ("MAIL__LIST_ID", "", "mail.list_id: must be a domain name"),
        ("MAIL__BOUNCE_DOMAIN", "a@b", "mail.bounce_domain: must be a domain name"),
        ("DATABASE__URL", "mysql://u:s3cret@h/db", "database.url: mysql is not supported; use "),
        ("DATABASE__URL", "postgresql://h/db", "database.url: postgresql is not supported; use "),
        ("DATABASE__URL", "s3cretpassword", "database.url: is not a database URL"),
        ("DATABASE__URL", "postgresql://u:s3cret@@@h:x/db", "database.url: is not a database URL"),
    ],
)
def test_a_value_that_would_break_every_mail_is_refused_at_the_start(
    tmp_path: Path, name: str, value: str, problem: str
) -> None:
    problems = problems_of(write(tmp_path, ""), {f"DIGEST_{name}": value})

    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert "s3cret" not in problems[0]


@pytest.mark.parametrize(
    "sender",
    ["digest@localhost", "Daily papers <digest@example.org>", '"Papers, daily" <d@example.org>'],
)
def test_usual_senders_are_taken(tmp_path: Path, sender: str) -> None:
    settings = load_settings(write(tmp_path, ""), {"DIGEST_MAIL__FROM": sender})

    assert settings.mail.from_ == sender


def test_no_old_keys_are_no_old_keys(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, ""), {"DIGEST_SERVICE__SECRET_KEYS_OLD": ""})

    assert settings.service.secret_keys_old == ()


def test_mail_that_would_leave_in_clear_is_refused_at_the_start(tmp_path: Path) -> None:
    environ = {
        "DIGEST_MAIL__TRANSPORT": "smtp",
        "DIGEST_SMTP__HOST": "relay.example.org",
        "DIGEST_SMTP__SECURITY": "none",
    }

    problems = problems_of(write(tmp_path, ""), environ)
    allowed = load_settings(
        write(tmp_path, ""), environ | {"DIGEST_SMTP__ALLOW_CLEAR_TEXT": "true"}
    )

    assert len(problems) == 1
    assert problems[0].startswith('smtp.security: "none" would send mail in clear to relay')
    assert allowed.smtp.allow_clear_text


def test_an_operator_who_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, ""), {"DIGEST_SERVICE__OPERATOR_EMAIL": "nonsense"})

    assert problems == ("service.operator_email: must be an address, such as you@example.org",)


def test_what_keys_contradict_is_told_beside_what_is_wrong_with_others(tmp_path: Path) -> None:
    feed = '[[feed]]\nname = "a"\nurl = "nonsense"\n'
    config = write(
        tmp_path,
        "[digest]\nretention_days = 20\nmax_papers = 0\n"
        '[mail]\ntransport = "smtp"\n[smtp]\nhost = "relay.example.org"\nsecurity = "none"\n'
        "port = 70000\n" + feed + feed,
    )

    problems = problems_of(config, {})

    assert [problem.split(": ")[0] for problem in problems] == [
        "smtp.port",
        "digest.max_papers",
        "feed.0.url",
        "feed.1.url",
        "digest.retention_days",
        "feed",
        "smtp.security",
    ]
    assert problems[4] == (
        "digest.retention_days: must be at least three times digest.eligibility_days (14), "
        "so 42 or more"
    )


def test_a_key_that_is_wrong_itself_is_not_said_to_contradict_another(tmp_path: Path) -> None:
    config = write(tmp_path, '[digest]\nretention_days = "long"\neligibility_days = 100\n')

    problems = problems_of(config, {})

    assert [problem.split(": ")[0] for problem in problems] == ["digest.retention_days"]


def test_a_table_that_is_none_is_one_problem(tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, 'web = 3\nfeed = "all"\n'), {})

    assert [problem.split(": ")[0] for problem in problems] == ["web", "feed"]
