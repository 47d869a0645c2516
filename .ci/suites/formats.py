#!/usr/bin/env python3
"""Validates each report format with an independent tool: Microsoft's SARIF validator, a JUnit reader, a Markdown parser.

    formats.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The tools are installed in `target/ci-tools`. The scenarios have ordinary and hostile names.
"""
import itertools
import json
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON, NODE = ROOT / "target" / "ci-tools" / "formats", ROOT / "target" / "ci-tools" / "formats-node"
if pathlib.Path(sys.prefix) != PYTHON:
    # Run again in the virtual environment with the tools.
    if not (PYTHON / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", PYTHON], check=True)
    wanted = ["graphql-core>=3.2,<3.3", "junitparser==4.*", "jsonschema==4.*", "markdown-it-py[linkify]==4.*"]
    subprocess.run([PYTHON / "bin" / "pip", "install", "-q", *wanted], check=True)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", NODE, "@microsoft/sarif-multitool@5", "@taplo/cli@0.7"], check=True)
    sys.exit(subprocess.run([PYTHON / "bin" / "python", *sys.argv]).returncode)

import jsonschema
import junitparser
from markdown_it import MarkdownIt
from server_cases import INCIDENT_ENV, SCENARIOS, cases, cases_of, incident, run_all, world

HOSTILE = ["A|B", "C`D", "@team", "www.evil.example", "http://evil.example", "<img src=x>", "a<br>b", "::error::x", "%0A::error::y", "]]>", "日本"]


def weird():
    return json.loads((SCENARIOS / "weird.json").read_text(encoding="utf-8"))


def env_of(scenario):
    """Returns a `.env` with every key of every service, each with a different value."""
    keys = {name for one in scenario["projects"][0]["environments"][0]["instances"] for name in one.get("variables", {})}
    return "".join(f"{key}='local-of-the-file-2026'\n" for key in sorted(keys) if re.fullmatch(r"[A-Za-z_][\w.]*", key))


def hostile():
    """Returns the incident with additional services whose names are significant in some format."""
    scenario = incident()
    environment = scenario["projects"][0]["environments"][0]
    for number, name in enumerate(HOSTILE):
        scenario["projects"][0]["services"].append({"name": name})
        environment["instances"].append({"service": name, "source": {"image": "x:1"}, "variables": {
            "STAGING_OPS_API_KEY": {"value": f"another-value-{number}-2026", "updatedAt": "-9d"}}})
    return scenario


CASES = [("incident", incident, INCIDENT_ENV), ("weird", weird, None), ("hostile", hostile, INCIDENT_ENV)]


def report(it, name, *arguments):
    run = it.run("check", "--format", name, "--fail-on", "never", *arguments)
    it.check(f"{name}: the exit code is 0", run.code == 0, run)
    return run.out


@cases_of(CASES)
def sarif(name, scenario, env):
    scenario = scenario()
    with world(f"SARIF of {name}", scenario, env or env_of(scenario)) as it:
        text = report(it, "sarif")
        path = it.path.parent / "home" / "report.sarif"
        path.write_text(text, encoding="utf-8")
        tool = NODE / "node_modules" / ".bin" / "sarif-multitool-linux"
        result = subprocess.run([tool, "validate", path], capture_output=True, text=True)
        problems = [line for line in result.stdout.splitlines() if re.search(r": (error|warning) ", line) and "SARIF2005" not in line]
        it.check("Microsoft's validator finds no problem", result.returncode == 0 and not problems, result.stdout)
        results = json.loads(text)["runs"][0]["results"]
        findings = json.loads(report(it, "json"))["findings"]
        it.check("each finding is a result", [one["ruleId"] for one in results] == [one["code"] for one in findings])
        fingerprints = [one["partialFingerprints"]["doctor/v1"] for one in results]
        it.check("no two results have the same fingerprint", len(set(fingerprints)) == len(fingerprints), fingerprints)
        second = [one["partialFingerprints"]["doctor/v1"] for one in json.loads(report(it, "sarif"))["runs"][0]["results"]]
        it.check("fingerprints are the same in the next run", second == fingerprints)


@cases_of(CASES)
def documents(name, scenario, env):
    scenario = scenario()
    with world(f"JSON of {name}", scenario, env or env_of(scenario)) as it:
        schema = json.loads(it.run("schema", "report").out)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        key = next(line.split("=")[0] for line in (env or env_of(scenario)).splitlines() if "=" in line)
        for arguments in (["check"], ["check", "-v"], ["check", "--service", "no-such-service"], ["matrix"], ["fix", "--dry-run"], ["fix", "--push"],
                      ["fix", "--pull", "--dry-run"], ["fix", "--push", "--only", key, "--dry-run"], ["undo"], ["undo", "--list"], ["init"],
                      ["auth", "status"], ["explain"], ["hook", "status"], ["check", "--no-such-flag"]):
            run = it.run(*arguments, "--format", "json")
            documents = [line for line in run.err.splitlines() if line.startswith("{")] + [run.out] * bool(run.out)
            it.check(f"{arguments} prints a document", len(documents) > 0, run)
            for text in documents:
                problems = [error.message[:200] for error in validator.iter_errors(json.loads(text))]
                it.check(f"{arguments} matches the schema", not problems, (problems, text[:400]))
                controls = [letter for letter in text if letter != "\n" and not letter.isprintable()]
                it.check(f"{arguments} has no control characters", not controls, controls)


@cases_of(CASES)
def configuration(name, scenario, env):
    scenario = scenario()
    with world(f"doctor.toml of {name}", scenario, env or env_of(scenario)) as it:
        it.new_files |= {"doctor.toml", "doctor.schema.json"}
        schema = it.run("schema", "config").out
        (it.path / "doctor.schema.json").write_text(schema, encoding="utf-8")
        run = it.run("init", "--yes")
        it.check("the file is written", run.code == 0, run)
        text = (it.path / "doctor.toml").read_text(encoding="utf-8")
        it.check("the file refers to the schema", text.startswith("#:schema ./doctor.schema.json\n"), text)
        dated = text + '\n[[ignore]]\nkeys = ["X"]\nreason = "y"\nuntil = 2027-01-01\n'
        for name, text, is_valid in (("the generated", text, True), ("a dated", dated, True), ("an invalid", text + "\n[hooks]\n", False)):
            (it.path / "doctor.toml").write_text(text, encoding="utf-8")
            result = subprocess.run([NODE / "node_modules" / ".bin" / "taplo", "check", "doctor.toml"], cwd=it.path, capture_output=True, text=True)
            it.check(f"taplo checks {name} file", (result.returncode == 0) == is_valid, result.stderr)


@cases_of(CASES)
def junit(name, scenario, env):
    scenario = scenario()
    with world(f"JUnit of {name}", scenario, env or env_of(scenario)) as it:
        suites = junitparser.JUnitXml.fromstring(it.run("check", "--format", "junit").out.encode())
        summary = json.loads(it.run("check", "--format", "json").out)["summary"]
        it.check("failures are counted", (suites.failures + suites.errors > 0) == (summary["errors"] > 0), summary)
        counted = [sum(1 for case in suite for result in case.result if isinstance(result, junitparser.Failure)) for suite in suites]
        it.check("each suite has the right count", counted == [suite.failures for suite in suites], counted)


@cases_of(CASES)
def github(name, scenario, env):
    scenario = scenario()
    with world(f"annotations of {name}", scenario, env or env_of(scenario)) as it:
        it.variables["GITHUB_STEP_SUMMARY"] = str(it.path.parent / "home" / "summary")
        lines = report(it, "github").splitlines()
        command = re.compile(r"::(error|warning) (file=[^,:]+,line=\d+,)?title=[a-z-]+::\S.*")
        it.check("at most ten annotations and a summary line", 1 <= len(lines) <= 11, lines)
        it.check("each annotation is a valid workflow command", all(command.fullmatch(line) for line in lines[:-1]), lines)
        it.check("the last line is not a command", not lines[-1].startswith(("::", "##")), lines)
        summary = (it.path.parent / "home" / "summary").read_text(encoding="utf-8")
        it.check("the summary is written", summary.startswith("### doctor: "))
        notes = json.loads(report(it, "json"))["summary"]["notes"]
        it.check("the summary folds the notes", summary.count("<details>") == bool(notes), summary)


@cases_of(CASES)
def markdown(name, scenario, env):
    scenario = scenario()
    with world(f"Markdown of {name}", scenario, env or env_of(scenario)) as it:
        text = report(it, "markdown")
        parser = MarkdownIt("gfm-like", {"linkify": False})
        tokens = parser.parse(text)
        inline = [child for token in tokens for child in token.children or []]
        it.check("no link or image", not [one for one in inline if one.type in ("link_open", "image")], inline)
        tags = {one.content for one in inline if one.type == "html_inline"}
        it.check("only expected HTML tags", tags <= {"<!-- -->", "<code>", "</code>", "<br>"}, tags)
        data = json.loads(report(it, "json"))
        notes = sum(one["severity"] == "note" for one in data["findings"])
        blocks = [one.content.strip() for one in tokens if one.type == "html_block"]
        label = f"{notes:,} note{'s' * (notes != 1)}"
        it.check("only the notes are folded", blocks == [f"<details><summary>{label}</summary>", "</details>"] * bool(notes), blocks)
        is_break = lambda one: one.type == "html_inline" and one.content == "<br>"
        followers = [after for token in tokens for one, after in itertools.pairwise([*(token.children or []), None]) if is_break(one)]
        causes = [one for one in followers if one and one.type == "text" and one.content.startswith("cause: ")]
        commands = [one for one in followers if one and one.type == "code_inline"]
        it.check("only causes and commands follow a line break", len(followers) == len(causes) + len(commands), followers)
        reasons = [one for one in data["findings"][:200] if one.get("reason")]
        it.check("each cause follows a line break", len(causes) == len(reasons), (causes, reasons))
        services = max((index for index, token in enumerate(tokens) if token.type == "table_open"), default=0) if data["services"] else len(tokens)
        it.check("no line break among the services", not [one for token in tokens[services:] for one in token.children or [] if is_break(one)], text)
        tables = tables_of(tokens)
        listed = [row for table in tables[:-1] for row in table[1:]]
        it.check("each finding has one row", len(listed) == min(len(data["findings"]), 200), len(listed))
        it.check("each service has one row", len(tables[-1]) == 1 + len(data["services"]), tables[-1])
        it.check("no name adds a cell", {len(row) for row in listed} <= {5} and {len(row) for row in tables[-1]} == {3}, tables)


@cases_of(CASES)
def matrix_markdown(name, scenario, env):
    scenario = scenario()
    with world(f"Markdown of the matrix of {name}", scenario, env or env_of(scenario)) as it:
        for detail in ([], ["-v"]):
            run = it.run("matrix", "--format", "markdown", "--fail-on", "never", *detail)
            it.check("the exit code is 0", run.code == 0, run)
            tokens = MarkdownIt("gfm-like", {"linkify": True}).parse(run.out)
            inline = [child for token in tokens for child in token.children or []]
            it.check("no link, image or emphasis", {one.type for one in inline} <= {"text", "html_inline", "text_special", "softbreak"}, inline)
            tags = {one.content for one in inline if one.type == "html_inline"}
            it.check("only code tags", tags <= {"<code>", "</code>"}, tags)
            blocks = re.sub(r"</?(details|summary)>", "", "".join(one.content for one in tokens if one.type == "html_block"))
            it.check("only folding HTML blocks", "<" not in blocks, blocks)
            data = json.loads(it.run("matrix", "--format", "json", "--fail-on", "never", *detail).out)
            names = [one["name"] for one in data["services"]]
            tables = tables_of(tokens)
            keys = [row for table in tables if table[0][0] == "key" for row in table[1:]]
            headers = [table[0][1:1 + len(names)] for table in tables if table[0][0] == "key"]
            it.check("each table has a column for each service", all(printable(header) == printable(names) for header in headers), (headers, names))
            it.check("no name adds a cell", all(len(row) in (1 + len(names), 2 + len(names)) for row in keys), keys)
            wanted = [one["key"] for one in data["rows"] if detail or not one["folded"]]
            it.check("the table has rows", len(keys) > 0, run.out)
            it.check("each key has one row with its name", printable([row[0] for row in keys]) == printable(wanted), (keys, wanted))


def printable(names):
    """Replaces names that are shown escaped with None; other tests check how they are escaped."""
    return [name if name.isprintable() else None for name in map(str, names)]


def tables_of(tokens):
    """Returns each table as rows of cell texts, without HTML tags."""
    tables, row = [], []
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            row = []
            tables[-1].append(row)
        elif token.type in ("td_open", "th_open"):
            row.append("".join(one.content for one in tokens[index + 1].children if one.type != "html_inline"))
    return tables


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
run_all([entry for entry in cases if wanted in entry[0]])
