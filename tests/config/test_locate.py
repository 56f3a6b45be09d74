import tomllib

import pytest

from llmproxy.config.locate import Lines


def paths(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def test_a_key_stands_where_it_is_assigned():
    assert Lines('[server]\nhost = "x"\nport = 1\n').of(("server", "port")) == 3


def test_a_table_stands_at_its_header():
    assert Lines("\n\n[llm.x]\n").of(("llm", "x")) == 3


def test_a_header_counts_more_than_a_sub_table_before_it():
    assert Lines("[llm.x.timeouts]\nidle_secs = 1\n[llm.x]\n").of(("llm", "x")) == 3


def test_a_missing_key_stands_at_the_table_it_is_missing_from():
    assert Lines("[server]\n[llm.x]\n").of(("llm", "x", "provider")) == 2


def test_nothing_is_known_of_a_table_that_is_not_there():
    assert Lines("[server]\n").of(("llm", "x")) is None


def test_quoted_keys_are_read_as_toml_reads_them():
    lines = Lines('[price."a/b"]\ninput = 1\n[price.\'c.d\']\n"out\\u0070ut" = 2\n')
    assert lines.of(("price", "a/b", "input")) == 2
    assert lines.of(("price", "c.d", "output")) == 4


def test_dotted_keys_lead_into_sub_tables():
    lines = Lines("[llm.x]\ntimeouts.idle_secs = 1\ntimeouts . 'total_secs' = 2\n")
    assert lines.of(("llm", "x", "timeouts", "total_secs")) == 3


def test_each_route_has_its_own_lines():
    lines = Lines('[[route]]\npath_prefix = "/a"\n[[route]]\npath_prefix = "/b"\n')
    assert [lines.of(("route", index, "path_prefix")) for index in (0, 1)] == [2, 4]


def test_a_sub_table_belongs_to_the_latest_element_of_a_list():
    lines = Lines("[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2\n[[a.d]]\n[[a.d]]\ne = 3\n")
    assert lines.of(("a", 1, "b", "c")) == 6
    assert lines.of(("a", 1, "d", 1, "e")) == 9


def test_what_stands_in_a_multi_line_text_is_no_key():
    lines = Lines('[a]\ntext = """\n[b]\nport = 1\n""\\"\n"""\nport = 2\n')
    assert lines.of(("a", "port")) == 7
    assert lines.of(("b",)) is None


def test_multi_line_texts_may_end_in_quotes_of_their_own():
    lines = Lines("a = \"\"\"x\"\"\"\"\"\nb = '''\n'y''''\nc = 1\n")
    assert lines.of(("c",)) == 4


def test_elements_of_a_multi_line_list_have_lines_of_their_own():
    lines = Lines('targets = [\n  "a/b",  # ] no end\n  # "x",\n  { llm = "c",\tmodel = "]" }, \n]\nlast = 1\n')
    assert lines.of(("targets",)) == 1
    assert lines.of(("targets", 1, "model")) == 4
    assert lines.of(("last",)) == 6


def test_an_inline_table_stands_where_its_key_does():
    assert Lines("[a]\nheaders = { 'x' = { y = 1 }, \"z.z\" = 2 }\n").of(("a", "headers", "z.z")) == 2


def test_comments_and_windows_line_ends_count_as_lines():
    assert Lines("# [x]\r\n\r\n[a] # b = 1\r\nb = 2 # c\r\n").of(("a", "b")) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "a.b.c = 1\na.b.d = [[1, 2], [[]], {}]\n",
        "a = 1979-05-27 07:32:00\nb = [1979-05-27 07:32:00, 1979-05-28]\nc = 07:32:00.5\n",
        "a = '''\n[b]\n'''\n[[c]]\nd = [ 'x' , \"y\" ,\n]\n[c.e]\n[[c]]\n",
        'a = "\\"]" # "\nb = [ "#", \'"\' ]\n"" = 1\n',
        "[ a . 'b c' ]\nd = inf\n[[ a . e ]]\n",
        'a = """\\\n   x \\""" \n   """\nb = { c.d = 1, e = [ { f = 2 } ] }',
    ],
)
def test_every_key_of_a_text_is_found(text):
    lines = Lines(text)
    missing = [path for path in paths(tomllib.loads(text)) if path not in lines._lines]
    assert missing == []
