from llmproxy.cli.table import aligned


def test_columns_are_as_wide_as_their_widest_text():
    assert list(aligned([("a", "bbb", "c"), ("aaaa", "b", "")], "> ")) == ["> a     bbb  c", "> aaaa  b"]


def test_no_rows_are_no_lines():
    assert list(aligned([])) == []
