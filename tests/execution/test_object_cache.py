"""Machine code on disk: what is damaged, foreign or stale is made again, never used."""

import os
import threading

import pytest

from symopt.execution.object_cache import cached, folder

PARTS = ("define void @f()", "x86_64", "some processor", "+avx2", "symopt 1, LLVM 20")
CODE = bytes(range(256)) * 9


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMOPT_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept" / "machine-code"


def made_anew(parts=PARTS, code=CODE):
    """Whether the code had to be made; either way it is the right one."""
    calls = []
    assert cached(parts, lambda: calls.append(1) or code) == code
    return bool(calls)


def test_what_was_made_is_found_by_everything_that_it_follows_from(place):
    assert made_anew()
    assert not made_anew()
    for part in range(len(PARTS)):
        other = tuple(text + "!" if i == part else text for i, text in enumerate(PARTS))
        assert made_anew(other, b"another code"), f"part {part} is in the key"
    assert len(list(place.iterdir())) == 1 + len(PARTS)


def damages(content):
    yield b""
    yield content[:-1]
    yield content[: len(content) // 2]
    yield content[:40]
    yield content + b"\0"
    yield b"not machine code"
    yield content.replace(b"machine code 1", b"machine code 0")
    for place in (0, 30, 60, 90, len(content) // 2, len(content) - 1):
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_a_damaged_file_is_replaced(place):
    made_anew()
    (file,) = place.iterdir()
    whole = file.read_bytes()
    for damaged in damages(whole):
        file.write_bytes(damaged)
        assert made_anew(), damaged[:50]
        assert file.read_bytes() == whole
    assert not made_anew()


def test_a_file_of_another_program_is_not_taken_for_this_one(place):
    made_anew(("another", *PARTS[1:]), b"another code")
    (foreign,) = place.iterdir()
    content = foreign.read_bytes()
    foreign.unlink()
    made_anew()
    (file,) = place.iterdir()
    file.write_bytes(content)
    assert made_anew()


def test_a_folder_in_the_way_is_no_error(place):
    made_anew()
    (file,) = place.iterdir()
    file.unlink()
    file.mkdir()
    assert made_anew()


def test_a_place_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SYMOPT_CACHE", str(tmp_path / "file"))
    assert made_anew()
    assert made_anew()


@pytest.mark.skipif(os.name == "nt", reason="no such permissions there")
def test_where_others_may_write_nothing_is_read(place):
    made_anew()
    place.chmod(0o777)
    assert made_anew()
    place.chmod(0o700)
    assert not made_anew()


def test_off_keeps_nothing_and_the_usual_place_is_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMOPT_CACHE", "off")
    assert folder() is None
    assert made_anew()
    assert made_anew()
    monkeypatch.delenv("SYMOPT_CACHE")
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert tmp_path in folder().parents or "Library" in folder().parts


def test_writers_at_the_same_time_leave_a_whole_file(place):
    wrong = []

    def work():
        for _ in range(40):
            for file in list(place.glob("[!.]*")) if place.exists() else []:
                file.write_bytes(file.read_bytes()[:100])  # and someone damages it all the time
            if cached(PARTS, lambda: CODE) != CODE:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    made_anew()
    assert not made_anew()
    assert len(list(place.iterdir())) == 1, "no temporary file remains"


def test_of_too_many_files_the_older_ones_go(place, monkeypatch):
    monkeypatch.setattr("symopt.execution.object_cache._MOST", 10)
    for number in range(11):
        made_anew((str(number),))
        os.utime(max(place.iterdir(), key=lambda file: file.stat().st_mtime_ns), (number, number))
    assert len(list(place.iterdir())) == 6
    assert not made_anew(("10",))
    assert made_anew(("0",))
