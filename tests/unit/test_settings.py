"""Settings: what wins over what, and what is refused."""

from pathlib import Path

import pytest

import jumar
from jumar import project, settings
from jumar.defaults import defaults_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project's root, without settings from outside."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    for name in settings.SETTINGS:
        monkeypatch.delenv(f"JUMAR_{name.upper()}", raising=False)
    monkeypatch.setattr(settings, "_configured", {})
    return tmp_path


def configure_file(folder, text):
    (folder / "pyproject.toml").write_text(f"[tool.jumar]\n{text}\n")


def test_everything_has_a_default(folder):
    values = settings.resolve(folder=folder)
    assert values["store"] == (folder / ".jumar", "default")
    assert {value.origin for value in values.values()} == {"default"}


def test_later_sources_win_and_each_value_tells_its_origin(folder, monkeypatch):
    def workers(given=None):
        return settings.resolve({"workers": given}, folder)["workers"]

    assert workers() == (None, "default")
    configure_file(folder, "workers = 3")
    assert workers() == (3, f"[tool.jumar] in {folder / 'pyproject.toml'}")
    monkeypatch.setenv("JUMAR_WORKERS", "4")
    assert workers() == (4, "JUMAR_WORKERS")
    settings.configure(workers=5)
    assert workers() == (5, "jumar.configure")
    assert workers(6) == (6, "Session")
    settings.configure(workers=None)
    assert workers() == (4, "JUMAR_WORKERS")


def test_a_store_in_the_file_is_relative_to_the_file(folder):
    configure_file(folder, "store = 'cache/results'")
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    assert settings.resolve(folder=inner)["store"].value == folder / "cache/results"


def test_several_stores_are_a_list_or_have_colons_between_them(folder, monkeypatch):
    def store():
        return settings.resolve(folder=folder)["store"].value

    configure_file(folder, "store = ['cache', '/data/theirs']")
    assert store() == (folder / "cache", Path("/data/theirs"))
    configure_file(folder, "store = ['cache']")
    assert store() == folder / "cache"
    monkeypatch.setenv("JUMAR_STORE", "/mine:~/theirs")
    assert store() == (Path("/mine"), Path("~/theirs").expanduser())
    settings.configure(store=[Path("/a"), "/b", "/c"])
    assert store() == (Path("/a"), Path("/b"), Path("/c"))
    settings.configure(store="/a:b")  # only a variable cannot hold a list
    assert store() == Path("/a:b")
    for wrong in ([], ["/a", ""], ["/a", 3]):
        with pytest.raises(jumar.SettingsError, match="the path of a folder, or a list of paths"):
            settings.configure(store=wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = 0", "workers takes a whole number of at least 1, not 0"),
        ("worker = 2", "there is no setting 'worker'. Did you mean 'workers'?"),
        ("executor = 'dask'", "executor takes 'threads' or 'inline' or 'processes', not 'dask'"),
        ("progress = 'maybe'", "progress takes true or false, not 'maybe'"),
        ("store = 3", "store takes the path of a folder, or a list of paths, not 3"),
        ("workers =", "cannot be read for its [tool.jumar] settings"),
    ],
)
def test_a_wrong_value_in_the_file_is_refused_with_its_place(folder, text, message):
    configure_file(folder, text)
    with pytest.raises(jumar.SettingsError) as caught:
        settings.resolve(folder=folder)
    assert message in str(caught.value)
    assert "pyproject.toml" in str(caught.value)


def test_a_wrong_variable_is_refused_by_its_name(folder, monkeypatch):
    monkeypatch.setenv("JUMAR_VERIFY", "sometimes")
    with pytest.raises(jumar.SettingsError, match="the variable JUMAR_VERIFY: verify takes"):
        settings.resolve(folder=folder)


def test_a_wrong_configuration_changes_nothing(folder):
    with pytest.raises(jumar.SettingsError, match="Did you mean 'durability'"):
        jumar.configure(workers=2, durable="power")
    assert settings.resolve(folder=folder)["workers"].origin == "default"


@pytest.mark.parametrize(("written", "value"), [("1", True), ("true", True), ("off", False), ("No", False)])
def test_flags_are_written_in_the_usual_ways(folder, monkeypatch, written, value):
    monkeypatch.setenv("JUMAR_PROGRESS", written)
    assert settings.resolve(folder=folder)["progress"].value is value


def test_the_root_is_the_nearest_folder_with_a_project_file_or_a_repository(tmp_path):
    inner = tmp_path / "repo" / "package" / "deep"
    inner.mkdir(parents=True)
    assert project.root(inner) == inner
    (tmp_path / "repo" / ".git").mkdir()
    assert project.root(inner) == tmp_path / "repo"
    (tmp_path / "repo" / "package" / "pyproject.toml").touch()
    assert project.root(inner) == tmp_path / "repo" / "package"


def test_an_existing_store_between_here_and_the_root_is_found(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert project.store_path(inner) == tmp_path / ".jumar"
    (tmp_path / "a" / ".jumar").mkdir()
    assert project.store_path(inner) == tmp_path / "a" / ".jumar"


def test_a_home_like_path_is_expanded(folder):
    settings.configure(store="~/results")
    assert settings.resolve(folder=folder)["store"].value == Path("~/results").expanduser()


def test_tables_are_merged_by_name_and_tell_who_said_what(folder, monkeypatch):
    configure_file(folder, "options = {retries = 2, timeout_s = 60}\n[tool.jumar.executors]\nio = 'threads'")
    origin = f"[tool.jumar] in {folder / 'pyproject.toml'}"
    assert settings.resolve(folder=folder)["executors"] == ({"io": "threads"}, origin)
    monkeypatch.setenv("JUMAR_OPTIONS", 'retries=3, executor="io"')
    monkeypatch.setenv("JUMAR_EXECUTORS", 'cpu={kind="processes", workers=4}')
    settings.configure(options={"priority": 1})
    found = settings.resolve({"options": {"retries": 4}}, folder)
    assert found["options"] == (
        {"retries": 4, "timeout_s": 60, "executor": "io", "priority": 1},
        f"{origin}, then JUMAR_OPTIONS, then jumar.configure, then Session",
    )
    assert found["executors"].value == {"io": "threads", "cpu": {"kind": "processes", "workers": 4}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("executors = {io = 'thread'}", r"executors takes, by name, .* \(see 'io'\), not {'io': 'thread'}"),
        (
            "executors = {io = {kind = 'threads', workers = 0}}",
            "takes a whole number of at least 1 as workers of 'io'",
        ),
        ("executors = 3", "executors takes a table of values by name, not 3"),
        ("options = 'retries: 2'", "options takes a table as in TOML, which this is not"),
    ],
)
def test_a_table_with_a_mistake_is_refused_with_its_origin(folder, text, message):
    configure_file(folder, text)
    with pytest.raises(jumar.SettingsError, match=rf"\[tool.jumar\] in .*pyproject.toml: .*{message}"):
        settings.resolve(folder=folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retrys": 2}, "Did you mean retries="),
        ({"retries": -1}, "retries"),
        ({"version": "2"}, "option version= cannot be said for a session"),
        ({"retry_on": "OSError"}, "a class of errors"),
    ],
)
def test_options_of_all_calls_are_checked_like_those_of_one(folder, options, message):
    with pytest.raises(jumar.SettingsError, match=rf"^jumar.configure: options: .*{message}"):
        defaults_of({"options": settings.Value(options, "jumar.configure")})
    with pytest.raises(jumar.DeclarationError, match=message):
        defaults_of({"options": settings.Value(options, "Session")})


def test_no_options_make_no_layer(folder):
    assert defaults_of(settings.resolve(folder=folder)) is None
