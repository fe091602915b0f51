import pytest

from server.attendance.canonical import MAX_INTEGER, canonical


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, False, None, -1, 0]}, '{"a":[true,false,null,-1,0],"b":1}'),
        ({"a": {"d": (), "c": {}}}, '{"a":{"c":{},"d":[]}}'),
        ('"\\/\b\f\n\r\t\x00\x1f\x7f', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"'),
        ("é\u2028€😂", '"é\u2028€😂"'),
        ({"\ufb33": 1, "😂": 2, "€": 3, "\r": 4, "1": 5, "ö": 6, "\x80": 7},
         '{"\\r":4,"1":5,"\x80":7,"ö":6,"€":3,"😂":2,"\ufb33":1}'),  # RFC 8785 §3.2.3
        (MAX_INTEGER, "9007199254740991"),
    ],
)  # fmt: skip
def test_there_is_one_form(value: object, text: str) -> None:
    assert canonical(value) == text.encode()


@pytest.mark.parametrize("value", [1.0, [0.5], {"a": MAX_INTEGER + 1}, -MAX_INTEGER - 1, "\ud800"])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical(value)
