"""Names, comments and policies as the diagram and the list of tables say them."""

import pytest

from clarivum.checks.erd.policy_words import condition_words, policy_words
from clarivum.checks.erd.words import attribute, brief, entity_names, purpose, quoted, type_name
from clarivum.database.planning import Policy, Table


def table(*grants: tuple[str, str]) -> Table:
    return Table("public", "leads", 1, "r", "", True, True, (), (), (), grants, (), ())


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("id", "id"),
        ("Full Name", "Full_Name"),
        ("2nd", "_2nd"),
        ("", "_"),
        ("pk", "_pk"),
        ("fkß", "_fkß"),
        ("pkey", "pkey"),
        ("a.b-c", "a_b_c"),
        ("ß", "ß"),
    ],
)
def test_an_attribute_is_one_word_that_is_no_key(name: str, word: str) -> None:
    assert attribute(name) == word


@pytest.mark.parametrize(
    ("printed", "short"),
    [
        ("character varying(80)", "varchar"),
        ("timestamp(3) with time zone", "timestamptz"),
        ("timestamp with time zone[]", "timestamptz[]"),
        ("numeric(12,2)", "numeric"),
        ("double precision", "double_precision"),
        ("integer[][]", "integer[][]"),
        ('odd."Mood of Day"', "odd_Mood_of_Day"),
        ('"char"', "char"),
    ],
)
def test_a_type_is_one_word(printed: str, short: str) -> None:
    assert type_name(printed) == short


def test_no_two_tables_share_an_entity() -> None:
    tables = ["public.a b", "public.a_b", "public.a_b_2", "other.a_b"]
    assert list(entity_names(tables).values()) == ["a_b", "a_b_2", "a_b_2_2", "other.a_b"]


def test_a_comment_keeps_its_line_and_its_quotes() -> None:
    assert quoted('a "b"\n %%{c}%% <d> ~e~') == "\"a 'b' %{c}% ‹d› -e-\""


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("owner: growth. rows: 2_000_000. Addresses; one row each.", "Addresses; one row each."),
        ("distinct: 400", ""),
        ("nulls: 0.9. When it was deleted.", "When it was deleted."),
        ("Who owns rows: the caller.", "Who owns rows: the caller."),
        ("", ""),
    ],
)
def test_the_purpose_is_what_a_comment_says_beside_its_declarations(comment: str, said: str) -> None:
    assert purpose(comment) == said


def test_a_brief_comment_is_its_first_sentence_cut_at_seventy_characters() -> None:
    assert brief("distinct: 400. Where it came from. A campaign, or a page.") == "Where it came from"
    assert len(brief("word " * 40)) <= 70
    assert brief("word " * 40).endswith("word…")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("(subject = ( SELECT clarivum.subject() AS subject))", "`subject` is the caller"),
        ("(owner = ( SELECT (auth.jwt() ->> 'sub'::text)))", "`owner` is the caller"),
        ("( SELECT clarivum.has_role('admin'::text) AS has_role)", "the caller is admin"),
        ("( SELECT clarivum.has_any_role('{editor,admin,ops}'::text[]) AS x)", "the caller is editor, admin or ops"),
        ("((a = 1) AND ((b IS NULL) OR (c IS NOT NULL)))", "`a` is `1` and (`b` is null or `c` is not null)"),
        ("((a IS NULL) OR ((b >= 3) AND (c <> 'x'::text)))", "`a` is null or `b` is at least `3` and `c` is not `x`"),
        ("(NOT hidden)", "not (`hidden` is true)"),
        ("(status = ANY (ARRAY['open'::text, 'done'::text]))", "`status` is `open` or `done`"),
        ("(tags @> ARRAY['a'::text])", "`tags @> ARRAY[CAST('a' AS text)]`"),
        ("(EXISTS ( SELECT 1 FROM t WHERE t.id = id))", "`EXISTS (SELECT 1 FROM t WHERE t.id = id)`"),
        ("((status)::text = ( SELECT max(s) FROM t))", "`status` is `(SELECT max(s) FROM t)`"),
        ("not sql (", "`not sql (`"),
    ],
)
def test_a_condition_is_said_in_words_as_far_as_they_go(expression: str, words: str) -> None:
    assert condition_words(expression) == words


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy("p", "select", ("anon", "authenticated"), "true", ""), "`anon`, `authenticated` may read every row"),
        (Policy("p", "insert", ("public",), "", "(a IS NULL)"), "everyone may add rows where `a` is null"),
        (Policy("p", "delete", ("anon",), "false", ""), "`anon` may delete no row"),
        (Policy("p", "update", ("anon",), "(a IS NULL)", "(a IS NULL)"), "`anon` may change rows where `a` is null"),
        (
            Policy("p", "update", ("anon",), "(a IS NULL)", "true"),
            "`anon` may change rows where `a` is null, into any row",
        ),
        (Policy("p", "all", ("worker",), "true", "true"), "`worker` may read and delete every row"),
        (Policy("p", "all", ("other",), "true", ""), "`other` may read, add, change and delete every row"),
        (
            Policy("p", "select", ("anon",), "(a IS NULL)", "", permissive=False),
            "`anon` may read nothing but rows where `a` is null, whatever else is allowed",
        ),
    ],
)
def test_a_policy_is_one_sentence(policy: Policy, words: str) -> None:
    assert policy_words(policy, table(("worker", "delete"), ("worker", "select"))) == words
