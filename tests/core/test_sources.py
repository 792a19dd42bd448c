"""Claims about opening tables: what is read is right, and what cannot be read is one safe sentence."""

from __future__ import annotations

import os
import sqlite3
import zipfile
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.sources import column_list, load_extension, open_source

SECRET = "Zorblatt"
MANY = 150_000  # rows past what DuckDB looks at to recognize a file


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma.csv", "a,b\n1,x\n2,y\n"),
        ("semicolon.csv", "a;b\n1;x\n2;y\n"),
        ("tab.tsv", "a\tb\n1\tx\n2\ty\n"),
        ("pipe.txt", "a|b\n1|x\n2|y\n"),
        ("windows.csv", "a,b\r\n1,x\r\n2,y\r\n"),
        ("bom.csv", "\ufeffa,b\n1,x\n2,y\n"),
        ("quoted.csv", '"a","b"\n"1","x"\n"2","y"\n'),
        ("utf16.csv", "a,b\n1,x\n2,y\n".encode("utf-16")),
    ],
)
def test_delimited_text_is_read_whatever_its_separator_and_encoding(tmp_path, name, content):
    source = open_source(write(tmp_path, name, content))
    assert source.columns == ["a", "b"]
    assert source.n_rows == 2
    assert source.to_pandas()["b"].tolist() == ["x", "y"]
    assert source.label == name


def test_header_blanks_are_trimmed_so_that_columns_can_be_named(tmp_path):
    source = open_source(write(tmp_path, "t.csv", '"Check_Account ","Credit amount "\n"A14",12\n"A11",9\n'))
    assert source.columns == ["Check_Account", "Credit amount"]
    source.require(source.columns)


def test_quotes_and_line_breaks_inside_fields_are_kept(tmp_path):
    source = open_source(write(tmp_path, "t.csv", 'a,b\n"x, ""y""",2\n"two\nlines",3\n'))
    assert source.to_pandas()["a"].tolist() == ['x, "y"', "two\nlines"]


def test_a_leading_zero_survives(tmp_path):
    source = open_source(write(tmp_path, "t.csv", "zip,n\n02155,1\n10001,2\n"))
    assert source.to_pandas()["zip"].tolist() == ["02155", "10001"]
    assert source.types["n"] == "BIGINT"


@pytest.mark.parametrize("first", ["1", "1.5", "2020-01-01", "true"])
def test_a_word_far_below_numbers_makes_the_column_text(tmp_path, first):
    path = write(tmp_path, "t.csv", "a,b\n" + f"{first},2\n" * MANY + f"{SECRET},3\n")
    source = open_source(path)
    assert source.types == {"a": "VARCHAR", "b": "BIGINT"}
    assert source.sql("SELECT a FROM source WHERE b = 3").fetchone() == (SECRET,)


def test_a_null_byte_past_the_sniffed_part_is_data(tmp_path):
    path = write(tmp_path, "t.csv", b"a,b\n" + b"1,2\n" * 40_000 + b"1,x\0y\n")
    assert open_source(path).sql("SELECT b FROM source ORDER BY length(b) DESC").fetchone() == ("x\0y",)


def test_column_names_with_quotes_and_markup_are_only_names(tmp_path):
    path = write(tmp_path, "t.csv", '"a""b","<script>x</script>","c\'d","e,f"\n007,1,2,3\n008,1,2,3\n')
    source = open_source(path)
    assert source.columns == ['a"b', "<script>x</script>", "c'd", "e,f"]
    assert source.to_pandas()['a"b'].tolist() == ["007", "008"]
    assert [batch.num_rows for batch in source.batches(["c'd"])] == [2]


@pytest.mark.parametrize(
    "name", ["o'brien.csv", 'say "hi".csv', "a[1].csv", "star*.csv", "x; DROP TABLE.csv", "naïve 名.csv"]
)
def test_a_file_name_is_only_a_name(tmp_path, name):
    source = open_source(write(tmp_path, name, "a,b\n1,2\n"))
    assert (source.label, source.n_rows) == (name, 1)


def test_repeated_column_names_are_told_apart(tmp_path):
    source = open_source(write(tmp_path, "t.csv", "a,a,A,a_1\n1,2,3,4\n"))
    assert len(set(source.columns)) == 4
    assert source.to_pandas().iloc[0].tolist() == [1, 2, 3, 4]
    assert len(set(open_source(pd.DataFrame([[1, 2]], columns=["a", "a"])).columns)) == 2


def test_a_glob_reads_all_its_files(tmp_path):
    write(tmp_path, "p1.csv", "a,b\n1,2\n")
    write(tmp_path, "p2.csv", "a,b\n3,4\n")
    assert open_source(tmp_path / "p*.csv").to_pandas()["a"].tolist() == [1, 3]


def test_parquet_json_lines_excel_and_sqlite_give_the_same_table(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "é"]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    frame.to_json(tmp_path / "t.json", orient="records")
    writer = duckdb.connect()
    load_extension(writer, "excel")
    writer.execute(
        f"COPY (SELECT * FROM frame) TO '{tmp_path}/t.xlsx' (FORMAT xlsx, HEADER true, SHEET 'first')"
    )
    with sqlite3.connect(tmp_path / "t.db") as database:
        frame.to_sql("my table", database, index=False)
    opened = [open_source(tmp_path / name) for name in ("t.parquet", "t.jsonl", "t.json", "t.xlsx")]
    opened += [
        open_source(tmp_path / "t.xlsx", table="first"),
        open_source(f"sqlite://{tmp_path}/t.db", table="my table"),
        open_source(frame),
        open_source(pa.Table.from_pandas(frame)),
    ]
    for source in opened:
        assert source.to_pandas().to_dict("list") == {"a": [1, 2], "b": ["x", "é"]}, source.label


def test_latin_1_is_read_when_named(tmp_path):
    path = write(tmp_path, "t.csv", "a,b\n1,José\n".encode("latin-1"))
    assert open_source(path, encoding="latin-1").to_pandas()["b"].tolist() == ["José"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20),
        min_size=1,
        max_size=5,
    )
)
def test_any_column_name_of_a_data_frame_can_be_queried(names):
    source = open_source(pd.DataFrame([range(len(names))], columns=names))
    assert source.sql(f"SELECT {column_list(source.columns)} FROM source").fetchone() == tuple(
        range(len(names))
    )


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_a_large_file_is_a_view_and_a_small_one_a_copy_with_the_same_rows(tmp_path, monkeypatch, limit):
    monkeypatch.setattr("secure_ai.core.sources.PARSED_ONCE_BYTES", limit)
    source = open_source(write(tmp_path, "t.csv", "a,b\n1,x\n2,y\n"))
    kind = source.connection.execute("SELECT table_type FROM information_schema.tables").fetchone()[0]
    assert kind == ("BASE TABLE" if limit else "VIEW")
    assert source.to_pandas().to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


# ---------------------------------------------------------------- what cannot be read

BROKEN = {
    "absent.csv": (None, "does not exist"),
    "empty.csv": ("", "is empty"),
    "blank.csv": ("\n\n \n", "only blank lines"),
    "header.csv": ("a,b\n", "has no rows"),
    "ragged.csv": (f"a,b\n1,2\n4,{SECRET},5,6\n7,8\n", "as many fields"),
    "ragged_later.csv": ("a,b\n" + "1,2\n" * MANY + f"4,{SECRET},5,6\n", "as many fields"),
    "random.csv": (os.urandom(64) + b"\0" + os.urandom(64), "binary file"),
    "workbook.csv": (b"PK\x03\x04" + SECRET.encode(), "ZIP or Excel"),
    "latin.csv": (f"a,b\n1,{SECRET}é\n".encode("latin-1"), "not UTF-8"),
    "latin_later.csv": (b"a,b\n" + b"x,y\n" * MANY + f"1,{SECRET}é\n".encode("latin-1"), "not UTF-8"),
    "long_field.csv": (f'a,b\n1,"{SECRET}{"x" * 3_000_000}"\n', "more than 2 MB"),
    "fake.parquet": (f"a,b\n1,{SECRET}\n", "cannot be read as .parquet"),
    "fake.json": (f'{{"a": {SECRET}', "cannot be read as .json"),
    "fake.jsonl": (f'{{"a": 1}}\n{SECRET}\n', "cannot be read as .jsonl"),
    "fake.xlsx": (SECRET, "cannot be read as .xlsx"),
    "empty.json": ("[]", "has no rows"),
    "letter.doc": (SECRET, "ending that is not known"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_sentence_without_its_content_or_folder(tmp_path, name):
    content, says = BROKEN[name]
    path = tmp_path / name if content is None else write(tmp_path, name, content)
    with pytest.raises(UserError) as caught:
        open_source(path).to_pandas()
    message = str(caught.value)
    assert says in message
    assert name in message
    assert SECRET not in message
    assert str(tmp_path) not in message
    assert message.count("\n") == 0


@pytest.mark.parametrize("fetch", ["to_pandas", "batches", "fetchall", "fetchone", "df"])
def test_a_row_that_breaks_while_fetching_is_not_quoted(tmp_path, fetch, monkeypatch):
    # Text columns only and no copy in memory, so that opening does not read the whole file.
    monkeypatch.setattr("secure_ai.core.sources.PARSED_ONCE_BYTES", 0)
    path = write(tmp_path, "t.csv", "a,b\n" + "x,y\n" * 600_000 + f"x,{SECRET},5,6\n")
    source = open_source(path)
    with pytest.raises(UserError) as caught:
        if fetch == "batches":
            list(source.batches())
        elif fetch == "to_pandas":
            source.to_pandas()
        else:
            result = source.sql("SELECT a, b FROM source")
            while getattr(result, fetch)() is not None and fetch == "fetchone":
                pass
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"delimiter": ","}, "read as a single column"),
        ({"encoding": "klingon"}, "encoding 'klingon' is not known"),
        ({"encoding": "cp1252"}, "encoding 'cp1252' is not known"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, options, says):
    path = write(tmp_path, "t.csv", f"a;b\n1;{SECRET}\n2;y\n")
    with pytest.raises(UserError, match=says):
        open_source(path, **options)


def test_a_wrong_separator_names_the_one_that_is_there(tmp_path):
    with pytest.raises(UserError, match="holds ';'"):
        open_source(write(tmp_path, "t.csv", "a;b\n1;2\n"), delimiter=",")


@pytest.mark.parametrize("value", [[1, 2], None, 3, pd.DataFrame(), {"a": [1]}])
def test_what_is_no_table_is_refused(value):
    with pytest.raises(UserError, match="DataFrame or an Arrow table"):
        open_source(value)


def test_a_table_without_rows_a_folder_an_empty_name_and_an_empty_pattern_are_refused(tmp_path):
    for value, says in [
        (pd.DataFrame({"a": []}), "no rows"),
        (tmp_path, "is not a file"),
        ("", "is empty"),
        (tmp_path / "*.csv", "No file matches"),
    ]:
        with pytest.raises(UserError, match=says):
            open_source(value)


def test_files_of_a_pattern_that_do_not_fit_together_are_refused(tmp_path):
    write(tmp_path, "m1.csv", "a,b\n1,2\n")
    write(tmp_path, "m2.csv", f"x,y,z\n3,4,{SECRET}\n")
    with pytest.raises(UserError) as caught:
        open_source(tmp_path / "m*.csv").to_pandas()
    assert SECRET not in str(caught.value)


def test_a_missing_column_lists_those_that_exist():
    with pytest.raises(UserError, match="no column 'c': choose from a, b"):
        open_source(pd.DataFrame({"a": [1], "b": [2]})).require(["a", "c"])


def test_a_database_error_does_not_repeat_the_address_and_its_password(tmp_path):
    for address, table, says in [
        (f"postgresql://user:{SECRET}@127.0.0.1:1/db", "t", "cannot be read"),
        (f"sqlite://{tmp_path}/absent.db", "t", "does not exist"),
        (f"sqlite://{write(tmp_path, 'fake.db', SECRET * 200)}", "t", "cannot be read"),
        (f"postgresql://user:{SECRET}@127.0.0.1:1/db", None, "needs the name of a table"),
    ]:
        with pytest.raises(UserError, match=says) as caught:
            open_source(address, table=table)
        assert SECRET not in str(caught.value)


def test_a_mistake_in_a_query_stays_a_programming_error():
    with pytest.raises(duckdb.BinderException):
        open_source(pd.DataFrame({"a": [1]})).sql("SELECT nope FROM source")


def test_an_address_on_the_network_is_never_fetched(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(UserError, match="does not exist"):
        open_source("https://data.example.org/t.csv")


UNFIT = {
    "bom.csv": (b"\xef\xbb\xbf", "only blank lines"),
    "big_endian.csv": (
        b"\xfe\xff" + f"a,b\n1,{SECRET}\n".encode("utf-16-be"),
        "UTF-16 text of the big-endian",
    ),
    "big_unmarked.csv": (f"a,b\n1,{SECRET}\n".encode("utf-16-be"), "UTF-16 text of the big-endian"),
    "unmarked.csv": (f"a,b\n1,{SECRET}\n".encode("utf-16-le"), "--encoding utf-16"),
    "utf32.csv": (f"a,b\n1,{SECRET}\n".encode("utf-32"), "UTF-32"),
    "json.csv": (b'[{"a": 1, "b": "x"}]', "holds JSON"),
    "endings.csv": (f"a,b\r\n1,{SECRET}\n3,4\r\n5,6\n".encode(), "same line breaks"),
    "short_header.csv": (b"a,b,c\n" + f"1,2,3,{SECRET}\n".encode() * 20, "as many fields as it"),
    "scalar.json": (b"5", "no rows that are objects"),
    "text.json": (f'"{SECRET}"'.encode(), "no rows that are objects"),
    "deep.json": (b"[" * 5000 + b"]" * 5000, "nested more than 200 deep"),
    "latin.json": ('[{"a": "M\u00fcller"}]'.encode("latin-1"), "save it as UTF-8."),
    "long.csv": (b"name,age\n" + b"x" * 3_000_000 + b",4\n", "more than 2 MB"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_text_that_does_not_fit_is_refused_with_a_remedy_that_does(tmp_path, name):
    content, says = UNFIT[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        open_source(tmp_path / name).to_pandas()
    message = str(caught.value)
    assert says in message and SECRET not in message and str(tmp_path) not in message
    assert "\n" not in message and message.endswith(".")


def test_utf_16_without_its_mark_is_read_when_it_is_named(tmp_path):
    (tmp_path / "t.csv").write_bytes("name,age\nM\u00fcller,3\n".encode("utf-16-le"))
    assert open_source(tmp_path / "t.csv", encoding="utf-16").to_pandas()["name"].tolist() == ["M\u00fcller"]


@pytest.mark.parametrize(
    ("written", "named", "says"),
    [
        ("utf-8", "utf-16", "is not UTF-16 text"),
        ("utf-16", "latin-1", "leave --encoding out"),
        ("cp1252", "latin-1", "save it as UTF-8."),
    ],
)
def test_a_wrong_encoding_is_not_answered_with_the_advice_to_name_one(tmp_path, written, named, says):
    (tmp_path / "t.csv").write_bytes("name,age\n\u201cM\u00fcller\u201d,3\n".encode(written) * 9)
    with pytest.raises(UserError, match=says) as caught:
        open_source(tmp_path / "t.csv", encoding=named).to_pandas()
    assert "name its --encoding" not in str(caught.value)


def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path):
    for name in ("a" * 300 + ".csv", "a" * 5000 + ".csv", "nul\0.csv", "line\nbreak.csv"):
        with pytest.raises(UserError) as caught:
            open_source(str(tmp_path / name))
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_devices_and_pipes_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        with pytest.raises(UserError, match="a device or a pipe"):
            open_source(tmp_path / name)


def test_files_of_several_kinds_are_not_read_as_the_first(tmp_path):
    write(tmp_path, "p1.csv", "a\n1\n")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "p2.parquet")
    with pytest.raises(UserError, match="several kinds"):
        open_source(tmp_path / "p*")


def test_the_message_on_a_missing_column_is_one_short_line():
    wide = open_source(pd.DataFrame({f"c{i}\n" + "x" * 500: [1] for i in range(1000)}))
    with pytest.raises(UserError, match="and 980 more") as caught:
        wide.require(["y\n" * 5000])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 2000


def workbook(path, *sheets):
    names = "".join(f'<sheet name="{name}" sheetId="{i}"/>' for i, name in enumerate(sheets, 1))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", f"<workbook><sheets>{names}</sheets></workbook>")
    return path


def test_no_sheet_and_no_workbook_is_passed_over_in_silence(tmp_path):
    workbook(tmp_path / "w1.xlsx", "Patients", "A &amp; B")
    with pytest.raises(UserError, match=r"2 sheets: name one with --table \(Patients, A & B\)"):
        open_source(tmp_path / "w1.xlsx")
    with pytest.raises(UserError, match="no sheet 'Bills'"):
        open_source(tmp_path / "w1.xlsx", table="Bills")
    workbook(tmp_path / "w2.xlsx", "One")
    with pytest.raises(UserError, match="2 workbooks"):
        open_source(tmp_path / "w*.xlsx")
