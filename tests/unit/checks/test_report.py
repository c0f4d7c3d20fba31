"""A report in each of its formats."""

import json
from typing import Any

import pytest

from clarivum.checks import Finding, Level, Report
from clarivum.checks.registry import RULES
from clarivum.cli.report import FindingsFormat, failing, render, summary

FINDING = Finding(
    file="bff/leads/queries.sql",
    line=14,
    rule="database/query-without-index",
    subject="leads_by_source",
    level=Level.ERROR,
    message="reads about 10,000,000 rows to return 50 (Seq Scan on leads, filter: source)",
    fix="create index concurrently leads_source_idx on public.leads (source);\n-- planned again with it: 51 rows",
    owner="growth",
    ask="data champion, #clarivum-data",
    docs="docs/checks/database.md#query-without-index",
)
WARNING = Finding(
    "waivers.toml", 3, "checks/waiver-unused", "a,b:c", Level.WARNING, "100 % unused", "delete it", "growth", "x", "y"
)


def report(*findings: Finding, **more: Any) -> Report:
    usual: dict[str, Any] = {
        "rules": 23,
        "skipped": (),
        "waived": 0,
        "queries": 41,
        "tables": 9,
        "elapsed_s": 4.21,
    }
    return Report(findings=findings, **{**usual, **more})


def test_text_reads_like_the_guide() -> None:
    assert render(report(FINDING), RULES, FindingsFormat.TEXT) == (
        "  database/query-without-index   bff/leads/queries.sql:14  leads_by_source\n"
        "    reads about 10,000,000 rows to return 50 (Seq Scan on leads, filter: source)\n"
        "    fix   create index concurrently leads_source_idx on public.leads (source);\n"
        "          -- planned again with it: 51 rows\n"
        "    ask   data champion, #clarivum-data            docs/checks/database.md#query-without-index\n"
        "  1 finding in 23 rules, 41 queries, 9 tables (4.2 s)\n"
    )


def test_colour_is_only_where_it_is_asked_for() -> None:
    assert "\033[" not in render(report(FINDING, WARNING), RULES, FindingsFormat.TEXT)
    coloured = render(report(FINDING), RULES, FindingsFormat.TEXT, colour=True)
    assert "\033[31m1 finding in 23 rules" in coloured


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (report(), "0 findings in 23 rules, 41 queries, 9 tables (4.2 s)"),
        (report(queries=0, tables=0, rules=1), "0 findings in 1 rule (4.2 s)"),
        (report(FINDING, WARNING, queries=1, waived=2), "2 findings, 2 waived in 23 rules, 1 query, 9 tables (4.2 s)"),
    ],
)
def test_a_summary_counts_what_was_looked_at(given: Report, said: str) -> None:
    assert summary(given) == said


def test_rules_that_could_not_look_are_not_passed_over() -> None:
    text = render(report(skipped=RULES[:2]), RULES, FindingsFormat.TEXT)
    assert "  2 rules could not look: the application does not load\n" in text


def test_json_holds_every_field() -> None:
    document = json.loads(render(report(FINDING, skipped=RULES[:1]), RULES, FindingsFormat.JSON))
    assert document["findings"][0] == {
        "file": "bff/leads/queries.sql",
        "line": 14,
        "rule": "database/query-without-index",
        "subject": "leads_by_source",
        "level": "error",
        "message": FINDING.message,
        "fix": FINDING.fix,
        "owner": "growth",
        "ask": "data champion, #clarivum-data",
        "docs": "docs/checks/database.md#query-without-index",
    }
    assert (document["rules"], document["skipped"], document["elapsed_s"]) == (23, [RULES[0].id], 4.21)


def test_sarif_places_each_result_and_describes_its_rule() -> None:
    document = json.loads(render(report(FINDING), RULES, FindingsFormat.SARIF))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == FINDING.rule
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "bff/leads/queries.sql", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 14},
    }


def test_a_sarif_fingerprint_survives_lines_moving() -> None:
    def fingerprint(line: int, subject: str) -> str:
        moved = Finding(
            **{**{name: getattr(FINDING, name) for name in Finding.__slots__}, "line": line, "subject": subject}
        )
        document = json.loads(render(report(moved), RULES, FindingsFormat.SARIF))
        return str(document["runs"][0]["results"][0]["partialFingerprints"])

    assert fingerprint(14, "a") == fingerprint(99, "a")
    assert fingerprint(14, "a") != fingerprint(14, "b")


def test_github_commands_are_one_line_each_with_their_delimiters_escaped() -> None:
    lines = render(report(FINDING, WARNING), RULES, FindingsFormat.GITHUB).splitlines()
    assert lines[0].startswith(
        "::error file=bff/leads/queries.sql,line=14,title=database/query-without-index::leads_by_source: reads about"
    )
    assert "(source);%0A-- planned again" in lines[0]
    assert lines[1].startswith("::warning file=waivers.toml,line=3,title=checks/waiver-unused::a,b:c: 100 %25 unused")
    assert lines[2] == "::notice::2 findings in 23 rules, 41 queries, 9 tables (4.2 s)"


def test_warnings_fail_unless_only_errors_are_asked_for() -> None:
    assert list(failing([WARNING], Level.WARNING)) == [WARNING]
    assert list(failing([WARNING], Level.ERROR)) == []
    assert list(failing([WARNING, FINDING], Level.ERROR)) == [FINDING]


def test_what_could_not_be_looked_at_is_told_in_every_format() -> None:
    noted = report(notes=("bff/leads/routes.py:7 session.many: which query q is cannot be read",))
    text = render(noted, RULES, FindingsFormat.TEXT)
    assert "  1 place could not be looked at:\n    bff/leads/routes.py:7 session.many: which query" in text
    assert text.endswith("0 findings in 23 rules, 41 queries, 9 tables (4.2 s)\n")
    assert json.loads(render(noted, RULES, FindingsFormat.JSON))["notes"] == list(noted.notes)
    (run,) = json.loads(render(noted, RULES, FindingsFormat.SARIF))["runs"]
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification == {"level": "note", "message": {"text": noted.notes[0]}}
    assert "::notice::not looked at: bff/leads/routes.py:7" in render(noted, RULES, FindingsFormat.GITHUB)
