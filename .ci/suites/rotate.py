#!/usr/bin/env python3
"""Tests `doctor rotate` against the independent simulated Railway.

    rotate.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run. In addition, no run shows or records the old or the new value in any
encoding, and the judge of server_copies.py compares each variable, deployment and file with what a rotation must leave.
"""
import base64
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
import jsonschema
from server_cases import case, cases, cases_of, environment_of, run_all
from server_copies import (
    FORMATS, KEY, NEW, OTHER, PLAIN, THIRD, VALUES, Copy, Spread, all_forms, check_file, check_no_leak, check_places, check_undone, contains, holders_only,
    judge, left_of, many, nothing_happened, outcomes, part, percent, places_of, planted, prepare, project, rotate, run_with, sent, small, snapshot)
from server_pairs import postgres
import rotate_faults  # noqa: F401  Adds its cases.

SCHEMAS = {}


# The planted copies ----------------------------------------------------------------------------------------------------------

SEALED = ("service", "vaulted", KEY, "sealed", None)


@case
def rotate_the_spread():
    """The main acceptance test: every copy is replaced, only the sealed one is left and reported, and undo restores it all."""
    spread = planted(advance="polls")
    with project("spread", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", new=NEW, code=6)
        it.check("only the sealed variable is left", left_of(run) == [SEALED], left_of(run))
        it.check("every step is done", outcomes(run) == {"done"}, run)
        judge(it, run, spread, before, NEW, decoys=("decoy", "vaulted"))
        check_file(it, spread, NEW)
        it.check("a trace finds the new value at the same places", set(places_of(it.run("trace", KEY, "--format", "json", code=0).report["trace"])) ==
                 {(*one[:4], "url" if one[2] in ("AMQP_URL", "CALLBACK_URL") else one[4]) for one in spread.places()})
        check_undone(it, before, files)
        run = rotate(it, "--all-copies", new=NEW, code=6)
        judge(it, run, spread, before, NEW, decoys=("decoy", "vaulted"))


@case
def rotate_sealed():
    spread = planted()
    with project("spread with the sealed one", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = it.run("rotate", KEY, "--all-copies", "--generate", "hex:32", "--allow-sealed", KEY, "--dry-run", code=1)
        it.check("the plan warns that the value can't be restored", re.search("sealed.*(can't|cannot)|(can't|cannot).*sealed", run.unwrapped), run)
        run = rotate(it, "--all-copies", "--allow-sealed", KEY, new=NEW, code=0)
        it.check("nothing is left", not left_of(run), left_of(run))
        judge(it, run, spread, before, NEW, changed=[*spread.copies, Copy("vaulted", KEY, "literal")])
        sealed = it.environment()["services"]
        it.check("the variable is still sealed", next(one for one in sealed if one["name"] == "vaulted")["variables"][KEY]["sealed"])
        run = it.run("undo", "--yes", "--format", "json", code=6)
        stored = snapshot(it)[0]
        different = {place for place in before[0] if before[0][place] != stored.get(place)}
        it.check("everything else is restored", different == {("vaulted", KEY)} and it.files() == files, different)


@case
def rotate_the_key_only():
    """Without --all-copies, only holders of the old value under the key change. The rest is reported."""
    spread = planted()
    with project("spread, the key only", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, new=NEW, code=6)
        changed = [copy for copy in spread.copies if copy.key == KEY]
        judge(it, run, spread, before, NEW, changed=changed, searched=False)
        check_file(it, spread, NEW)
        expected = [one for one in spread.places() if one[0] != "file" and (one[2] != KEY or one[3] == "sealed")]
        it.check("all others are left", set(left_of(run)) == set(expected), set(left_of(run)) ^ set(expected))
        check_undone(it, before, files)


# Every form of a value ---------------------------------------------------------------------------------------------------------

@cases_of([(name, old, new, has_file) for name, old, new, has_file in VALUES])
def every_form_is_replaced(name, old, new, has_file):
    spread = all_forms(old, new, with_file=has_file)
    source = [] if has_file else ["--from", "api"]
    with project(f"forms of {name}", spread, new) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", *source, new=new + "\n", code=0)
        it.check("every step is done", outcomes(run) == {"done"}, run)
        it.check("nothing is left", not left_of(run), left_of(run))
        judge(it, run, spread, before, new, also_deployed=("old", "gone"))
        if has_file:
            check_file(it, spread, new)
        found = it.run("trace", KEY, *source, "--format", "json", code=0).report["trace"]
        check_places(it, "a trace of the new value", found, spread.places(new))
        check_undone(it, before, files)
        found = it.run("trace", KEY, *source, "--format", "json", code=0).report["trace"]
        check_places(it, "a trace after undo", found, [one for one in spread.places() if one[3] != "running"])


@cases_of([("twice in one text", lambda v: f"https://a.example/?a={v}&b={v}&c={PLAIN}4"), ("in a list", lambda v: f"first,{v},last,{v}"),
           ("in a fragment", lambda v: f"https://a.example/#{v}"), ("on several lines", lambda v: f"user=relay\npassword={v}\n\n"),
           ("with hostile text around it", lambda v: f"\u202e\"'`${{HOME}} {v} \\n%zz"), ("in base64 of base64", None)])
def further_forms(name, text):
    twice = lambda v: base64.b64encode(base64.b64encode(v.encode())).decode()
    place = Copy("api", "PLACE", None, text or twice)
    decoy = PLAIN + "4"
    spread = Spread(PLAIN, [part("api", {"DECOY": decoy})], [Copy("api", KEY, "literal"), place], env=lambda value: f"{KEY}={value}\n")
    with project(name, spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", new=NEW, code=0)
        judge(it, run, spread, before, NEW, searched=False)
        check_undone(it, before, files)



@case
def composites_are_reported():
    """No stored text contains a value that references put together, so it can't be replaced. It is reported."""
    half = len(PLAIN) // 2
    instances = [part("api"), part("joined", {"TOKEN": "${{shared.FIRST}}${{shared.SECOND}}"})]
    spread = Spread(PLAIN, instances, [Copy("api", KEY, "literal")], shared={"FIRST": PLAIN[:half], "SECOND": PLAIN[half:]})
    with project("composites", spread, NEW) as it:
        before = snapshot(it)
        run = rotate(it, "--all-copies", new=NEW, code=6)
        judge(it, run, spread, before, NEW, searched=False)
        it.check("the composite is left", [one[:3] for one in left_of(run)] == [("service", "joined", "TOKEN")], left_of(run))


@case
def new_value_with_the_old_one():
    """A new value that begins with the old one is another token. A rotation to it is complete, and the next one replaces it."""
    spread, longer = small(), small(PLAIN + "4")
    with project("longer value", spread, PLAIN + "4", NEW) as it:
        before, files = snapshot(it), it.files()
        judge(it, rotate(it, "--all-copies", new=PLAIN + "4", code=0), spread, before, PLAIN + "4", searched=False)
        between, after = snapshot(it), it.files()
        judge(it, rotate(it, "--all-copies", new=NEW, code=0), longer, between, NEW)
        check_undone(it, between, after)
        it.run("undo", it.journals()[0], "--yes", code=0)
        it.check("both rotations are undone", snapshot(it)[0] == before[0] and it.files() == files)


@case
def unencodable_values():
    """A new value that would break the text around it is not written there: the run is refused, or the place is left and reported."""
    copies = [Copy("api", KEY, "literal"), Copy("web", "CONNECTION", "text", before="Server=db;Password=", after=";Encrypt=True")]
    for new in ("with;semicolon-9Kq4Zt", "two\nlines-9Kq4Zt7Wm"):
        spread = Spread(PLAIN, [part("api"), part("web")], copies)
        with project("unencodable", spread, new) as it:
            run = rotate(it, "--all-copies", new=new)
            value = it.value("web", "CONNECTION")
            fields = value.split(";")
            whole = f'Server=db;Password="{new}";Encrypt=True', f"Server=db;Password='{new}';Encrypt=True"
            it.check("the text is not broken", value in whole or (value == copies[1].text(PLAIN) and run.code in (2, 6)), (fields, run))


# Files ---------------------------------------------------------------------------------------------------------------------------

FILE = ("\ufeff# settings\r\nexport  " + KEY + " = '{0}'   # rotate me\r\n\r\nLEGACY_TOKEN=\"{0}\"\nCALLBACK_URL=https://h.example/in?token={1}&mode=live # here\n"
        "DECOY={2}4\nPROVIDERS='{{\"token\": \"{0}\"}}'\n\tINDENTED = {0}\nUNRELATED='keep'   \nLAST=noeol")


def file_text(value):
    return FILE.format(value, percent(value), PLAIN)


@case
def files_keep_every_other_byte():
    spread = holders_only(env=file_text)
    spread.file_keys = [KEY, "LEGACY_TOKEN", "INDENTED"]
    with project("file", spread, NEW) as it:
        (it.path / ".env").chmod(0o640)
        before, files = snapshot(it), it.files()
        rotate(it, "--all-copies", new=NEW, code=0)
        # `sh` would end the unquoted URL at the `&`, so its new value is quoted.
        url = f"https://h.example/in?token={percent(NEW)}&mode=live"
        it.check("only the values changed", it.env() == file_text(NEW).replace(url, f"'{url}'").encode(), it.env())
        it.check("the mode is unchanged", (it.path / ".env").stat().st_mode & 0o777 == 0o640)
        check_undone(it, before, files)
    with project("file, the key only", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, new=NEW, code=6)
        it.check("only the key changed", it.env() == file_text(PLAIN).replace(f"'{PLAIN}'   #", f"'{NEW}'   #").encode(), it.env())
        it.check("the others are reported", {one[2] for one in left_of(run)} == {"LEGACY_TOKEN", "CALLBACK_URL", "PROVIDERS", "INDENTED"}, left_of(run))
        check_undone(it, before, files)


@cases_of([("with the key twice", "{0}={1}\n{0}={1}\n"), ("linked", "{0}={1}\n"), ("with quotes needed", "{0}={1}\n"), ("with a comment", "# was {0}={1}\n{0}={1}\n")])
def special_files(name, text):
    new = "needs 'no #quotes; \"ever" if "quotes" in name else NEW
    spread = holders_only(env=lambda value: text.format(KEY, value))
    with project(f"file {name}", spread, new) as it:
        if name == "linked":
            (it.path / ".env").rename(it.path / "real.env")
            (it.path / ".env").symlink_to("real.env")
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", new=new)
        reported = [one for one in left_of(run) if one[0] == "file"] if run.code == 6 else []
        it.check("every assignment of the old value is changed or reported", run.code == 2 or reported or PLAIN.encode() not in re.sub(b"#.*", b"", it.env()), it.env())
        if name == "with quotes needed":
            it.check("it is written as all loaders read it, or refused with a reason", run.code == 0 or run.code == 2 and not run.mutations, run)
            if run.code == 2:
                return nothing_happened(it, before, files, run)
        if name == "with the key twice":
            it.check("the assignment that has no effect is reported", run.code == 6 and len(reported) == 1, run)
        elif name == "with a comment":
            it.check("the comment is replaced, or left and reported", PLAIN.encode() not in it.env() or run.code == 6 and reported, run)
        else:
            it.check("the run is complete", run.code == 0, run)
            check_file(it, spread, new)
        it.check("a link stays a link", name != "linked" or (it.path / ".env").is_symlink())
        check_undone(it, before, files)


@case
def layers():
    with project("layers", holders_only(env=lambda value: f"{KEY}={value}\n"), NEW, OTHER) as it:
        (it.path / "base.env").write_text(f"# base\n{KEY}={PLAIN}\nOTHER_NAME={PLAIN}\n")
        (it.path / "middle.env").write_text(f"{KEY}={OTHER}\n")
        (it.path / "top.env").write_text(f"export {KEY}='{PLAIN}' # top\n")
        before, files = snapshot(it), it.files()
        flags = [word for name in ("base", "middle", "top") for word in ("--env-file", f"{name}.env")]
        rotate(it, "--all-copies", *flags, new=NEW, code=0)
        texts = [(it.path / f"{name}.env").read_text() for name in ("base", "middle", "top")]
        it.check("each file in use is changed where it has the old value", texts == [f"# base\n{KEY}={NEW}\nOTHER_NAME={NEW}\n", f"{KEY}={OTHER}\n", f"export {KEY}='{NEW}' # top\n"])
        it.check("a file that is not in use is unchanged", it.env() == f"{KEY}={PLAIN}\n".encode())
        check_undone(it, before, files)


@case
def tracked_file():
    with project("tracked by git", holders_only(), NEW) as it:
        git = lambda *words: subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], cwd=it.path, check=True, capture_output=True)
        git("init", "-q")
        git("add", "-f", ".env")
        git("commit", "-q", "-m", "x")
        before, env = snapshot(it), it.env()
        run = rotate(it, new=NEW)
        it.check("the file is unchanged, and that is an error", it.env() == env and run.code in (2, 6) and "--allow-tracked" in run.text, run)
        it.check("nothing is sent if it is refused", run.code == 6 or not run.mutations, run)
        if run.code == 2:
            run = rotate(it, "--allow-tracked", new=NEW, code=0)
            judge(it, run, holders_only(), before, NEW)
            it.check("the file is changed", it.env() == env.replace(PLAIN.encode(), NEW.encode()))


# The new value ---------------------------------------------------------------------------------------------------------------------

SPECS = [("hex:32", lambda v: re.fullmatch("[0-9a-f]{64}", v)), ("base64:32", lambda v: len(base64.b64decode(v, validate=True)) == 32),
         ("base64url:32", lambda v: re.fullmatch("[A-Za-z0-9_-]{43}=?", v)), ("alnum:40", lambda v: re.fullmatch("[A-Za-z0-9]{40}", v)),
         ("uuid", lambda v: str(uuid.UUID(v)) == v and uuid.UUID(v).version == 4), ("hex:16", lambda v: re.fullmatch("[0-9a-f]{32}", v))]


@cases_of(SPECS)
def generated(spec, is_valid):
    seen = set()
    for _ in range(2):
        with project(f"generated {spec}", holders_only()) as it:
            before = snapshot(it)
            run = rotate(it, "--generate", spec, code=0)
            new = it.value("api", KEY)
            seen.add(new)
            it.check("the value has the form", is_valid(new), new)
            prepare(it, new)
            check_no_leak(it, "generated", run.text)
            it.check("it is not shown", not [one for one in it.values if one in run.text], run)
            judge(it, run, holders_only(), before, new)
            check_file(it, holders_only(), new)
    it.check("two generated values differ", len(seen) == 2)


@cases_of([(spec or "nothing",) for spec in ("hex:0", "hex:x", "hex:-1", "words:4", "hex:100000000", "", "uuid:4", "HEX:32", "base64:", PLAIN)])
def wrong_specs(spec):
    spec = "" if spec == "nothing" else spec
    with project(f"spec {spec}", holders_only()) as it:
        before, files = snapshot(it), it.files()
        if spec == PLAIN:
            # A value in place of a specification is not repeated.
            out = it.start("rotate", KEY, "--yes", f"--generate={spec}").communicate(timeout=60)
            it.check("a value as specification is refused and not repeated", PLAIN not in "".join(out), out)
            return
        run = it.run("rotate", KEY, "--yes", f"--generate={spec}", code=2)
        it.check("the error lists the forms", "hex:32" in run.unwrapped and "alnum:40" in run.unwrapped, run)
        nothing_happened(it, before, files, run)
        it.check("nothing is requested", it.server.summary()["requests"] == 0)


@cases_of([("one newline", NEW + "\n", NEW), ("no newline", NEW, NEW), ("two newlines", NEW + "\n\n", NEW + "\n"), ("lines", "a-1Kq9Zt\nb-2Wm8Xv\n", "a-1Kq9Zt\nb-2Wm8Xv"),
           ("spaces", f"  {NEW} \n", f"  {NEW} ")])
def from_standard_input(name, text, value):
    """The value is stored exactly. White space at an end is suspicious, so it may be refused with a reason."""
    spread = holders_only(env=lambda _: "")
    with project(f"stdin: {name}", spread, value) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, new=text)
        if value != value.strip() and run.code == 2:
            it.check("the reason is shown", re.search("space|newline", run.text), run)
            return nothing_happened(it, before, files, run)
        it.check("the run is complete", run.code == 0, run)
        judge(it, run, spread, before, value)


@cases_of([("empty", ""), ("a newline", "\n"), ("not UTF-8", b"\xff\xfe-9kTqZm4x"), ("with NUL", "abc\0def-9kTqZm4x"), ("the old value", PLAIN), ("a placeholder", "changeme"),
           ("a reference", "${{shared.OTHER}}"), ("an indirect value", "op://vault/item/field"), ("too large", "x" * 2_000_000)])
def refused_new_values(name, text):
    with project(f"refused: {name}", holders_only()) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, new=text, code=2)
        it.check("there is an error", "error" in run.text, run)
        nothing_happened(it, before, files, run)


@case
def no_new_value():
    with project("no new value", holders_only()) as it:
        before, files = snapshot(it), it.files()
        for arguments in (("--yes",), (), ("--generate", "hex:32"), ("--generate", "hex:32", "--stdin"), ("--dry-run", "--stdin", "--generate=uuid")):
            run = it.run("rotate", KEY, *arguments, code=2)
            nothing_happened(it, before, files, run)
        run = it.run("rotate", KEY, "--yes", code=2)
        it.check("the error names the ways", "--stdin" in run.unwrapped and "--generate" in run.unwrapped, run)


# The plan --------------------------------------------------------------------------------------------------------------------------

def printed(run):
    """Returns the printed command that applies the plan, as arguments."""
    lines = re.findall(r"^\s+doctor (rotate .*)$", run.text, re.MULTILINE)
    return shlex.split(lines[-1]) if lines else None


FLAGS = ["--all-copies", "", f"--all-copies --keep-old-as={KEY}_OLD", "--service=api", "--from=worker", "--env-file=other.env", "--on-staged=ignore --no-journal",
         "--project=harbor --environment=staging", "--all-copies --allow-tracked"]


@cases_of([(flags or "no flags", flags) for flags in FLAGS])
def dry_run_prints_the_command(name, flags):
    with project(f"dry run, {name}", small()) as it:
        shutil.copy(it.path / ".env", it.path / "other.env")
        before, files = snapshot(it), it.files()
        arguments = ["rotate", KEY, *flags.split(), "--generate", "alnum:40"]
        typed = it.run(*arguments, "--dry-run", code=1)
        nothing_happened(it, before, files, typed)
        command = printed(typed)
        it.check("a command is printed, with every flag", command and not set(flags.split()) - set(command), (command, typed))
        plans = [it.run(*words, "--dry-run", "--format", "json", code=1) for words in (arguments, command or arguments)]
        planned = [sorted(run.receipts(), key=str) for run in plans]
        it.check("its plan is the same", planned[0] == planned[1] and outcomes(plans[0]) == {"not-tried"}, planned)
        refused = it.run(*arguments, code=2)
        nothing_happened(it, before, files, refused)
        it.check("without --yes, the same command is printed", printed(refused) == command, (printed(refused), command))
        if "--environment" not in flags or "--yes" in (command or []):
            done = it.run(*(command or []), *([] if "--yes" in (command or []) else ["--yes"]), "--format", "json")
            it.check("it does exactly the plan", sorted(done.receipts(), key=str) == planned[0] and outcomes(done) == {"done"}, (planned[0], done))


@case
def dry_run_in_all_formats():
    with project("dry run", planted(), NEW) as it:
        before, files = snapshot(it), it.files()
        for form in FORMATS:
            run = it.run("rotate", KEY, "--all-copies", "--generate", "hex:32", "--dry-run", "--format", form, code=1)
            nothing_happened(it, before, files, run)
            check_no_leak(it, form, run.text)
        text = it.run("rotate", KEY, "--all-copies", "--generate", "hex:32", "--dry-run", code=1)
        for owner in ("api", "worker", "web", "billing", "reports", "gateway", "vaulted", "PAYMENTS_SHARED_KEY", ".env"):
            it.check(f"the plan names {owner}", owner in text.out, text)
        it.check("the plan does not name the decoy", "decoy" not in text.out, text)


CHOOSE = {"none": "\r", "the first": " \r", "all": " \x1b[B \x1b[B \r"}


@cases_of([(name, keys) for name, keys in CHOOSE.items()])
def interactive(name, keys):
    """The new value is typed twice and never shown. The other copies are chosen."""
    spread = small()
    others = [("api", "CALLBACK_URL"), ("web", "PAY_SECRET"), (None, "SHARED_PAY_KEY")]
    chosen = {"none": [], "the first": others[:1], "all": others}[name]
    with project(f"typed, {name} of the other copies", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        answers = [("New value", NEW + "\r"), ("Repeat", NEW + "\r"), ("other copies", keys), ("Apply this plan?", "y\r")]
        run = it.run_on_terminal("rotate", KEY, answers=answers, code=0 if name == "all" else 6)
        changed = [copy for copy in spread.copies if copy.key == KEY or (copy.owner, copy.key) in chosen]
        judge(it, run, spread, before, NEW, changed=changed, searched=name == "all")
        it.check("what is left is listed", all(key in run.out.split("Apply this plan?")[-1] for place in others if place not in chosen for key in place[1:]), run)
        check_file(it, spread, NEW)
        check_undone(it, before, files)


@cases_of([("different", [("New value", NEW + "\r"), ("Repeat", THIRD + "\r")]), ("empty", [("New value", "\r")]), ("Ctrl-C", [("New value", "\x03")]),
           ("Esc", [("New value", NEW + "\r"), ("Repeat", NEW + "\r"), ("other copies", "\x1b")]),
           ("declined", [("New value", NEW + "\r"), ("Repeat", NEW + "\r"), ("other copies", "\r"), ("Apply this plan?", "n\r")])])
def interactive_without_a_change(name, answers):
    with project(f"typed: {name}", small(), NEW, THIRD) as it:
        before, files = snapshot(it), it.files()
        # Different values are asked for again.
        run = it.run_on_terminal("rotate", KEY, answers=[*answers, ("New value", "\x03")] if name == "different" else answers, code=None)
        it.check("it does not succeed", run.code in (2, 130), run)
        nothing_happened(it, before, files, run)


# Which holders ------------------------------------------------------------------------------------------------------------------------

@case
def other_holders_are_named():
    instances = [part("api", {KEY: PLAIN}), part("worker", {KEY: PLAIN}), part("third", {KEY: OTHER}), part("follower", {KEY: "${{api.PAYMENTS_API_KEY}}"})]
    spread = Spread(PLAIN, instances, [Copy("api", KEY, "literal"), Copy("worker", KEY, "literal")], env=lambda value: f"{KEY}={value}\n")
    with project("another value", spread, NEW, OTHER) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, new=NEW, code=0)
        judge(it, run, spread, before, NEW)
        it.check("the holder of another value is named", "third" in run.text, run)
        it.check("the reference follows", it.running("follower", KEY) == NEW)
        check_undone(it, before, files)
        run = it.run("rotate", KEY, "--generate", "hex:32", "--dry-run", code=1)
        it.check("the plan names it as well, and the reference", "third" in run.unwrapped and "follower" in run.unwrapped, run)


@case
def from_a_service():
    instances = [part("api", {KEY: PLAIN}), part("worker", {KEY: OTHER}), part("web", {"COPY_OF_KEY": OTHER})]
    for file in (f"{KEY}={PLAIN}\n", ""):
        spread = Spread(OTHER, instances, [Copy("worker", KEY, "literal"), Copy("web", "COPY_OF_KEY", "literal")], env=lambda _, file=file: file)
        with project("--from", spread, NEW, PLAIN) as it:
            before, files = snapshot(it), it.files()
            run = rotate(it, "--from", "worker", "--all-copies", new=NEW, code=0)
            judge(it, run, spread, before, NEW)
            it.check("the file keeps its other value", it.files() == files)
            check_undone(it, before, files)
            if not file:
                run = rotate(it, new=NEW, code=2)
                it.check("without --from, the holders differ", "--from" in run.text and not run.mutations, run)


@cases_of([("exact", "api"), ("a part", "work")])
def restricted_to_services(name, service):
    spread = holders_only()
    with project(f"--service, {name}", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--service", service, new=NEW, code=2 if name == "a part" else None)
        if name == "a part":
            nothing_happened(it, before, files, run)
            it.check("the full name is printed", "--service=worker" in run.unwrapped, run)
            return
        judge(it, run, spread, before, NEW, changed=[spread.copies[0]], searched=False)
        it.check("what is left is reported, or out of scope", run.code == 0 and not left_of(run) or
                 run.code == 6 and {one[1] for one in left_of(run)} == {"worker", "cron"}, run)
        check_undone(it, before, files)


@case
def keep_the_old_value():
    kept = f"{KEY}_PREVIOUS"
    spread = small()
    with project("--keep-old-as", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", "--keep-old-as", kept, new=NEW, code=0)
        judge(it, run, spread, before, NEW, added={("api", kept): PLAIN, ("worker", kept): PLAIN}, searched=False)
        stored, rendered, running = snapshot(it)
        hits = {place for texts in (stored, rendered, running) for place, text in texts.items() if place[1] != kept and contains(text or "", PLAIN)}
        it.check("the old value is only there", not hits, hits)
        it.check("both values run", (it.running("api", KEY), it.running("api", kept)) == (NEW, PLAIN))
        check_undone(it, before, files)
        for name in (KEY, "not a name", "1X", ""):
            run = it.run("rotate", KEY, "--yes", "--generate", "uuid", f"--keep-old-as={name}", code=2)
            it.check(f"--keep-old-as={name} is refused", not run.mutations, run)


@case
def shared_variable_as_holder():
    key = "SHARED_PAY_KEY"
    instances = [part("api", {"TOKEN": "${{shared.SHARED_PAY_KEY}}"}), part("worker", {key: "${{ shared.SHARED_PAY_KEY }}"}), part("web", {"PORT": "80"})]
    spread = Spread(PLAIN, instances, [Copy(None, key, "literal")], env=lambda _: "")
    with project("shared", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, key=key, new=NEW, code=0)
        judge(it, run, spread, before, NEW)
        check_undone(it, before, files)


# Refusals ------------------------------------------------------------------------------------------------------------------------------

def with_database(*instances, password=PLAIN, env=""):
    spread = Spread(password, list(instances), [], env=lambda _: env)
    environment_of(spread.scenario)["instances"].append(postgres(password))
    spread.scenario["projects"][0]["services"].append({"name": "Postgres"})
    return spread


@cases_of([
    ("the password of a database", lambda: with_database(part("api", {"DATABASE_URL": "${{Postgres.DATABASE_URL}}"})), "POSTGRES_PASSWORD", ("--from", "Postgres"), 2,
     "database"),
    ("the password without --from", lambda: with_database(part("api", {"DATABASE_URL": "${{Postgres.DATABASE_URL}}"})), "POSTGRES_PASSWORD", (), 2, "database"),
    ("a reference within a database", lambda: with_database(part("api", {})), "PGPASSWORD", ("--from", "Postgres"), 2, "POSTGRES_PASSWORD"),
    ("a URL of a database", lambda: with_database(part("api", {"DATABASE_URL": "${{Postgres.DATABASE_URL}}"})), "DATABASE_URL", ("--from", "api"), 2,
     "Postgres.DATABASE_URL|reference"),
    ("a reference everywhere", lambda: Spread(PLAIN, [part("api", {KEY: "${{shared.PAY}}"}), part("worker", {KEY: "${{ shared.PAY }}"})], [], shared={"PAY": PLAIN},
                                              env=lambda value: f"{KEY}={value}\n"), KEY, (), 2, r"shared\.PAY|rotate PAY"),
    ("a reference to a service", lambda: Spread(PLAIN, [part("api", {"PAY": PLAIN}), part("worker", {KEY: "${{api.PAY}}"})], []), KEY, (), 2, r"api\.PAY|rotate PAY"),
    ("an indirect value", lambda: Spread(PLAIN, [part("api", {KEY: "op://vault/item/field"})], [], env=lambda _: f"{KEY}=op://vault/item/field\n"), KEY, (), (2, 3),
     "kept elsewhere|indirect|refers"),
    ("an empty value", lambda: Spread(PLAIN, [part("api", {KEY: ""})], [], env=lambda _: f"{KEY}=\n"), KEY, (), 3, "empty|no value"),
    ("only sealed", lambda: Spread(PLAIN, [part("api", {KEY: {"value": PLAIN, "sealed": True}})], []), KEY, (), 3, "sealed"),
    ("an unknown key", holders_only, KEY + "S", (), 2, KEY),
    ("holders that differ", lambda: Spread(PLAIN, [part("api", {KEY: PLAIN}), part("worker", {KEY: OTHER})], []), KEY, (), 2, "--from"),
])
def refusals(name, spread, key, flags, code, reason):
    with project(f"refused: {name}", spread(), NEW) as it:
        before, files = snapshot(it), it.files()
        for more in ((), ("--all-copies",)):
            for form in ("text", "json"):
                run = run_with(it, "rotate", key, "--yes", "--format", form, *flags, *more, new=NEW)
                it.check(f"exit {code}", run.code in (code if isinstance(code, tuple) else (code,)), run)
                it.check("the reason is shown", re.search(reason, run.unwrapped), run)
                nothing_happened(it, before, files, run)


@case
def copy_of_a_database_password():
    """The variable of a database does not change its password, so it is never written, also not as another copy."""
    with project("a client's copy", with_database(part("api", {"DB_PASSWORD": PLAIN}), env=f"DB_PASSWORD={PLAIN}\n"), NEW) as it:
        before = snapshot(it)
        for flags in ((), ("--all-copies",)):
            run = rotate(it, *flags, key="DB_PASSWORD", new=NEW)
            it.check("it is refused, or the database is reported as left", run.code == 2 and not run.mutations or
                     run.code == 6 and "Postgres" in {one[1] for one in left_of(run)}, run)
            after = snapshot(it)
            changed = [place for place in before[0] if place[0] == "Postgres" and before[0][place] != after[0][place]]
            it.check("the database is unchanged", not changed and "Postgres" not in sent(it, run)[1], changed)
            if run.code == 2:
                it.check("the reason names the database", "Postgres" in run.text, run)
            else:
                it.run("undo", "--yes")


@cases_of([("short", "k7Zq"), ("a word", "production"), ("a number", "8080808080")])
def short_or_common_value(name, value):
    copies = [Copy("api", KEY, "literal"), Copy("worker", KEY, "literal")]
    instances = [part("api"), part("worker"), part("web", {"URL": f"https://{value}.example/{value}?x={value}", "OTHER": value})]
    spread = Spread(value, instances, copies, env=lambda one: f"{KEY}={one}\nMODE={value}\n")
    with project(f"old value: {name}", spread, NEW) as it:
        it.values = {one for one in it.values if len(one) > 12}  # These values are ordinary text.
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", new=NEW, code=2)
        nothing_happened(it, before, files, run)
        it.check("the reason is shown", re.search("short|common|ordinary|characters|number", run.text), run)
        run = rotate(it, new=NEW, code=0)
        judge(it, run, spread, before, NEW, searched=False)
        it.check("only the key changed in the file", it.env() == f"{KEY}={NEW}\nMODE={value}\n".encode(), it.env())
        check_undone(it, before, files)


# Formats, secrecy and size ------------------------------------------------------------------------------------------------------------------

@cases_of([(form,) for form in FORMATS])
def every_format(form):
    name, old, new, _ = VALUES[1]
    spread = all_forms(old, new, sealed=[("sealed", KEY)])
    environment_of(spread.scenario)["instances"].append({"service": "sealed", "source": {"image": "x:1"}, "variables": {KEY: {"value": old, "sealed": True}}})
    spread.scenario["projects"][0]["services"].append({"name": "sealed"})
    with project(f"{form} of {name}", spread, new) as it:
        it.variables["GITHUB_STEP_SUMMARY"] = str(it.path.parent / "home" / "summary")
        it.new_files |= {"report", "debug.jsonl"}
        run = run_with(it, "rotate", KEY, "--all-copies", "--yes", "--format", form, "--output", "report", "--debug-api", "debug.jsonl", new=new, code=6)
        text = (it.path / "report").read_text(encoding="utf-8")
        if form == "github":  # Annotations are errors and warnings only; the step summary has the rest.
            text += (it.path.parent / "home" / "summary").read_text(encoding="utf-8")
        it.check("the report names the place that is left", "sealed" in text, text[:3000])
        # SARIF lists what is left.
        it.check("the report names each service", form == "sarif" or all(service in text for service in ("api", "billing", "web", "worker", "idle")), text[:3000])
        leaked = [one[:4] for one in it.values if one in text + (it.path / "debug.jsonl").read_text()]
        it.check("no value in the report or the record of requests", not leaked, leaked)
        check_no_leak(it, form, run.text)
        if form == "json":
            SCHEMAS["report"] = jsonschema.Draft202012Validator(json.loads(it.run("schema", "report").out))
            problems = [error.message[:200] for error in SCHEMAS["report"].iter_errors(json.loads(text))]
            it.check("the report matches the schema", not problems, problems)
        run = it.run("undo", "--yes", "--format", form)
        it.check("undo succeeds", run.code == 0, run)


@case
def no_value_in_process_arguments():
    with project("arguments", small(advance="polls"), NEW) as it:
        source = it.path.parent / "home" / "new-value"
        source.write_text(NEW)
        with source.open("rb") as file:
            process = it.start("rotate", KEY, "--all-copies", "--yes", "--stdin", streams=(file, subprocess.PIPE, subprocess.PIPE))
        source.unlink()
        seen = b""
        while process.poll() is None:
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{process.pid}/{name}", "rb") as file:
                        seen += file.read()
                except OSError:
                    pass
            time.sleep(0.02)
        process.communicate()
        it.check("arguments and environment were read", KEY.encode() in seen)
        it.check("neither value is in them", not [one for one in it.values if one.encode() in seen])


@case
def many_services():
    spread = many()
    with project("60 services", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", new=NEW, code=0)
        judge(it, run, spread, before, NEW)
        it.check("services share requests", run.report["summary"]["requests"] <= 61 + 60 + 45, run.report["summary"])
        check_undone(it, before, files)


@case
def without_a_journal():
    with project("no journal", small(), NEW) as it:
        run = rotate(it, "--all-copies", "--no-journal", new=NEW, code=0)
        it.check("the run reports that it can't be undone", "can't be undone" in run.unwrapped and not it.journals(), run)


@case
def undo_lists_the_rotation():
    with project("listed", small(), NEW) as it:
        rotate(it, "--all-copies", new=NEW, code=0)
        listed = it.run("undo", "--list", code=0)
        it.check("the list contains the run", it.journals()[0] in listed.out and KEY in listed.out, listed)
        again = rotate(it, "--all-copies", new=THIRD, code=0)
        it.check("the second rotation replaces the first value", it.value("api", KEY) == THIRD and outcomes(again) == {"done"}, again)
        prepare(it, THIRD)
        it.run("undo", "--yes", code=0)
        it.check("undo restores the first rotation", it.value("api", KEY) == NEW)


def cost(entry):
    """Sorts the slowest cases first."""
    order = ("lost", "many_services", "killed", "failed_deployment", "two_at_once", "every_f")
    return next((index for index, name in enumerate(order) if name in entry[0]), len(order))


if __name__ == "__main__":
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    run_all(sorted((entry for entry in cases if wanted in entry[0]), key=cost))
