"""How many lines of code there are in a text: without blank ones, comments and docstrings."""

import ast
import io
import tokenize

NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def lines_of_code(text):
    """The number of lines on which something other than a comment or a docstring stands."""
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            found.update(range(token.start[0], token.end[0] + 1))
    return len(found - set(_docstring_lines(ast.parse(text))))


def _docstring_lines(tree):
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            yield from range(node.body[0].lineno, node.body[0].end_lineno + 1)
