from __future__ import annotations

from digest.digests.kept import Kept


def test_what_is_kept_is_given_back() -> None:
    kept: Kept[str, str] = Kept(10_000)

    kept.keep("a", "one", 100)

    assert kept.get("a") == "one"
    assert kept.get("b") is None
    assert kept.again("b") is None


def test_values_that_nobody_asked_for_go_when_their_bytes_are_used_up() -> None:
    kept: Kept[int, str] = Kept(10_000)

    for number in range(100):
        kept.keep(number, "value", 850)  # 10 of them fill it

    assert sorted(kept) == list(range(90, 100))
    assert kept.again(79) is None
    assert kept.again(80) == "value"


def test_a_value_that_is_asked_for_stays() -> None:
    kept: Kept[int, str] = Kept(10_000)

    for number in range(100):
        kept.keep(number, f"value {number}", 850)
        assert kept.get(0) or kept.again(0)

    assert kept.get(0) == "value 0"


def test_large_values_count_for_more_than_small_ones() -> None:
    small: Kept[int, str] = Kept(10_000)
    large: Kept[int, str] = Kept(10_000)

    for number in range(20):
        small.keep(number, "value", 50)
        large.keep(number, "value", 4_850)

    assert len(small) == 20
    assert len(large) == 2


def test_what_is_forgotten_is_gone() -> None:
    kept: Kept[int, str] = Kept(500)
    for number in range(9):
        kept.keep(number, "value", 100)

    kept.clear()

    assert [number for number in range(9) if kept.get(number) or kept.again(number)] == []
