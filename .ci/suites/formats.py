#!/usr/bin/env python3
"""Has each format read by a tool that nobody here wrote: Microsoft's SARIF validator, a JUnit reader, a Markdown parser.

    formats.py target/release/doctor path/to/server.py [PART OF A CASE'S NAME]

The tools are installed below `target/ci-tools`. The worlds hold ordinary and hostile names.
"""
import json
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # This folder is for sources.
ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON, NODE = ROOT / "target" / "ci-tools" / "formats", ROOT / "target" / "ci-tools" / "formats-node"
if pathlib.Path(sys.prefix) != PYTHON:
    # Once more, with the readers.
    if not (PYTHON / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", PYTHON], check=True)
    wanted = ["graphql-core>=3.2,<3.3", "junitparser==4.*", "jsonschema==4.*", "markdown-it-py[linkify]==4.*"]
    subprocess.run([PYTHON / "bin" / "pip", "install", "-q", *wanted], check=True)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", NODE, "@microsoft/sarif-multitool@5", "@taplo/cli@0.7"], check=True)
    sys.exit(subprocess.run([PYTHON / "bin" / "python", *sys.argv]).returncode)

import jsonschema
import junitparser
from markdown_it import MarkdownIt
from server_cases import INCIDENT_ENV, SCENARIOS, cases, cases_of, incident, play_all, tally, world

HOSTILE = ["A|B", "C`D", "@team", "www.evil.example", "http://evil.example", "<img src=x>", "::error::x", "%0A::error::y", "]]>", "日本"]


def weird():
    return json.loads((SCENARIOS / "weird.json").read_text(encoding="utf-8"))


def env_of(scenario):
    """A file that shares every key with every service, with another value."""
    keys = {name for one in scenario["projects"][0]["environments"][0]["instances"] for name in one.get("variables", {})}
    return "".join(f"{key}='local-of-the-file-2026'\n" for key in sorted(keys) if re.fullmatch(r"[A-Za-z_][\w.]*", key))


def hostile():
    """The incident with services of every name that could mean something."""
    scenario = incident()
    environment = scenario["projects"][0]["environments"][0]
    for number, name in enumerate(HOSTILE):
        scenario["projects"][0]["services"].append({"name": name})
        environment["instances"].append({"service": name, "source": {"image": "x:1"}, "variables": {
            "STAGING_OPS_API_KEY": {"value": f"another-value-{number}-2026", "updatedAt": "-9d"}}})
    return scenario


WORLDS = [("incident", incident, INCIDENT_ENV), ("weird", weird, None), ("hostile", hostile, INCIDENT_ENV)]


def report(it, name, *arguments):
    run = it.run("check", "--format", name, "--fail-on", "never", *arguments)
    it.check(f"{name} ends well", run.code == 0, run)
    return run.out


@cases_of(WORLDS)
def sarif(name, scenario, env):
    scenario = scenario()
    with world(f"SARIF of {name}", scenario, env or env_of(scenario)) as it:
        text = report(it, "sarif")
        path = it.path.parent / "home" / "report.sarif"
        path.write_text(text, encoding="utf-8")
        tool = NODE / "node_modules" / ".bin" / "sarif-multitool-linux"
        told = subprocess.run([tool, "validate", path], capture_output=True, text=True)
        problems = [line for line in told.stdout.splitlines() if re.search(r": (error|warning) ", line) and "SARIF2005" not in line]
        it.check("Microsoft's validator finds nothing", told.returncode == 0 and not problems, told.stdout)
        results = json.loads(text)["runs"][0]["results"]
        findings = json.loads(report(it, "json"))["findings"]
        it.check("each finding is a result", [one["ruleId"] for one in results] == [one["code"] for one in findings])
        prints = [one["partialFingerprints"]["doctor/v1"] for one in results]
        it.check("no two results have the same fingerprint", len(set(prints)) == len(prints), prints)
        again = [one["partialFingerprints"]["doctor/v1"] for one in json.loads(report(it, "sarif"))["runs"][0]["results"]]
        it.check("fingerprints are the same in the next run", again == prints)


@cases_of(WORLDS)
def documents(name, scenario, env):
    scenario = scenario()
    with world(f"JSON of {name}", scenario, env or env_of(scenario)) as it:
        schema = json.loads(it.run("schema", "report").out)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        key = next(line.split("=")[0] for line in (env or env_of(scenario)).splitlines() if "=" in line)
        for words in (["check"], ["check", "-v"], ["check", "--service", "no-such-service"], ["matrix"], ["fix", "--dry-run"], ["fix", "--push"],
                      ["fix", "--pull", "--dry-run"], ["fix", "--push", "--only", key, "--dry-run"], ["undo"], ["undo", "--list"], ["init"],
                      ["auth", "status"], ["explain"], ["hook", "status"], ["check", "--no-such-flag"]):
            run = it.run(*words, "--format", "json")
            told = [line for line in run.err.splitlines() if line.startswith("{")] + [run.out] * bool(run.out)
            it.check(f"{words} tells something", len(told) > 0, run)
            for text in told:
                problems = [error.message[:200] for error in validator.iter_errors(json.loads(text))]
                it.check(f"{words} fits the schema", not problems, (problems, text[:400]))
                hidden = [letter for letter in text if letter != "\n" and not letter.isprintable()]
                it.check(f"{words} holds nothing that a terminal obeys", not hidden, hidden)


@cases_of(WORLDS)
def configuration(name, scenario, env):
    scenario = scenario()
    with world(f"doctor.toml of {name}", scenario, env or env_of(scenario)) as it:
        it.makes |= {"doctor.toml", "doctor.schema.json"}
        schema = it.run("schema", "config").out
        (it.path / "doctor.schema.json").write_text(schema, encoding="utf-8")
        run = it.run("init", "--yes")
        it.check("it is written", run.code == 0, run)
        text = (it.path / "doctor.toml").read_text(encoding="utf-8")
        it.check("it names the schema", text.startswith("#:schema ./doctor.schema.json\n"), text)
        dated = text + '\n[[ignore]]\nkeys = ["X"]\nreason = "y"\nuntil = 2027-01-01\n'
        for what, text, fits in (("init's", text, True), ("a dated", dated, True), ("a mistaken", text + "\n[hooks]\n", False)):
            (it.path / "doctor.toml").write_text(text, encoding="utf-8")
            told = subprocess.run([NODE / "node_modules" / ".bin" / "taplo", "check", "doctor.toml"], cwd=it.path, capture_output=True, text=True)
            it.check(f"taplo judges {what} file", (told.returncode == 0) == fits, told.stderr)


@cases_of(WORLDS)
def junit(name, scenario, env):
    scenario = scenario()
    with world(f"JUnit of {name}", scenario, env or env_of(scenario)) as it:
        suites = junitparser.JUnitXml.fromstring(it.run("check", "--format", "junit").out.encode())
        summary = json.loads(it.run("check", "--format", "json").out)["summary"]
        it.check("it says how many failed", (suites.failures + suites.errors > 0) == (summary["errors"] > 0), summary)
        counted = [sum(1 for case in suite for result in case.result if isinstance(result, junitparser.Failure)) for suite in suites]
        it.check("each suite counts its own", counted == [suite.failures for suite in suites], counted)


@cases_of(WORLDS)
def github(name, scenario, env):
    scenario = scenario()
    with world(f"annotations of {name}", scenario, env or env_of(scenario)) as it:
        it.variables["GITHUB_STEP_SUMMARY"] = str(it.path.parent / "home" / "summary")
        lines = report(it, "github").splitlines()
        command = re.compile(r"::(error|warning|notice) (file=[^,:]+,line=\d+,)?title=[a-z-]+::\S.*")
        it.check("annotations, and one line below them", 1 <= len(lines) <= 11, lines)
        it.check("each is a command as GitHub reads it", all(command.fullmatch(line) for line in lines[:-1]), lines)
        it.check("the last line is none", not lines[-1].startswith(("::", "##")), lines)
        it.check("the summary is written", (it.path.parent / "home" / "summary").read_text(encoding="utf-8").startswith("### doctor: "))


@cases_of(WORLDS)
def markdown(name, scenario, env):
    scenario = scenario()
    with world(f"Markdown of {name}", scenario, env or env_of(scenario)) as it:
        text = report(it, "markdown")
        parser = MarkdownIt("gfm-like", {"linkify": False})
        tokens = parser.parse(text)
        inline = [child for token in tokens for child in token.children or []]
        it.check("no link, image or picture", not [one for one in inline if one.type in ("link_open", "image")], inline)
        tags = {one.content for one in inline if one.type == "html_inline"} | {one.content for one in tokens if one.type == "html_block"}
        it.check("no HTML but code, and the comments that break names", tags <= {"<!-- -->", "<code>", "</code>"}, tags)
        rows = [token for token in tokens if token.type == "tr_open"]
        found = json.loads(report(it, "json"))
        least = min(len(found["findings"]), 200) + len(found["services"])
        it.check("each finding and each service is one row", len(rows) == least + 2 - (not found["findings"]), (len(rows), least))
        cells = [token for token in tokens if token.type in ("td_open", "th_open")]
        widths = len(cells) == 5 * (min(len(found["findings"]), 200) + bool(found["findings"])) + 3 * (len(found["services"]) + 1)
        it.check("no name makes a cell more", widths, len(cells))


@cases_of(WORLDS)
def matrix_markdown(name, scenario, env):
    scenario = scenario()
    with world(f"Markdown of the matrix of {name}", scenario, env or env_of(scenario)) as it:
        for detail in ([], ["-v"]):
            run = it.run("matrix", "--format", "markdown", "--fail-on", "never", *detail)
            it.check("it ends well", run.code == 0, run)
            tokens = MarkdownIt("gfm-like", {"linkify": True}).parse(run.out)
            inline = [child for token in tokens for child in token.children or []]
            it.check("no link, image or emphasis", {one.type for one in inline} <= {"text", "html_inline", "text_special", "softbreak"}, inline)
            tags = {one.content for one in inline if one.type == "html_inline"}
            it.check("no HTML but code", tags <= {"<code>", "</code>"}, tags)
            blocks = re.sub(r"</?(details|summary)>", "", "".join(one.content for one in tokens if one.type == "html_block"))
            it.check("no block of HTML but what folds", "<" not in blocks, blocks)
            told = json.loads(it.run("matrix", "--format", "json", "--fail-on", "never", *detail).out)
            names = [one["name"] for one in told["services"]]
            tables = tables_of(tokens)
            keys = [row for table in tables if table[0][0] == "key" for row in table[1:]]
            heads = [table[0][1:1 + len(names)] for table in tables if table[0][0] == "key"]
            it.check("each table has a column for each service", all(seen(head) == seen(names) for head in heads), (heads, names))
            it.check("no name makes a cell more", all(len(row) in (1 + len(names), 2 + len(names)) for row in keys), keys)
            wanted = [one["key"] for one in told["rows"] if detail or not one["folded"]]
            it.check("something is told", len(keys) > 0, run.out)
            it.check("each key is one row, under its own name", seen([row[0] for row in keys]) == seen(wanted), (keys, wanted))


def seen(names):
    """Names without what is shown escaped: how control characters are told is another test's."""
    return [name if name.isprintable() else None for name in map(str, names)]


def tables_of(tokens):
    """Each table as rows of texts, as a reader sees them."""
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
play_all([entry for entry in cases if wanted in entry[0]])
