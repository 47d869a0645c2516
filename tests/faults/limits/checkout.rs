//! Costly files in a checkout.

use crate::limits::{CHECK, LimitCase, env, fill, ignore, lines};

const BLOCK: &str = "A=-----BEGIN X\n-----END X\n";

pub(super) fn patterns() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "20,000 patterns on 20,000 keys",
            prepare: |sandbox| {
                env(sandbox, &lines(20_000, |number| format!("A{number}=\n")));
                sandbox.write("doctor.toml", &ignore((0..20_000).map(|number| format!("*B{number}*"))));
            },
            codes: &[2],
            stderr_contains: "[[ignore]] has more than 1000 patterns with `*` or `?`",
            ..CHECK
        },
        LimitCase {
            name: "20,000 names on 20,000 keys",
            prepare: |sandbox| {
                env(sandbox, &lines(20_000, |number| format!("A{number}=\n")));
                sandbox.write("doctor.toml", &ignore((0..20_000).map(|number| format!("A{number}"))));
            },
            ..CHECK
        },
        LimitCase {
            name: "1,000 patterns on 30,000 keys",
            prepare: |sandbox| {
                env(sandbox, &lines(30_000, |number| format!("A{number}=\n")));
                sandbox.write("doctor.toml", &ignore((0..1000).map(|number| format!("*B{number}*"))));
            },
            timeout_ms: 2500,
            codes: &[1, 5],
            ..CHECK
        },
    ]
}

pub(super) fn blocks() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "3 MiB of key blocks",
            prepare: |sandbox| env(sandbox, &(BLOCK.repeat(60_000) + &"x\n".repeat(800_000))),
            codes: &[2],
            stderr_contains: ".env\n  cause: it has more than 200000 lines",
            ..CHECK
        },
        LimitCase {
            name: "30,000 lines of key blocks",
            prepare: |sandbox| env(sandbox, &BLOCK.repeat(15_000)),
            ..CHECK
        },
        LimitCase {
            name: "30,000 blocks that begin inside each other",
            prepare: |sandbox| env(sandbox, &"A: -----BEGIN X\n".repeat(30_000)),
            ..CHECK
        },
    ]
}

pub(super) fn files() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "15 MiB of short lines",
            prepare: |sandbox| env(sandbox, &fill(15 << 20, |number| format!("A{number}=\n"))),
            codes: &[2],
            stderr_contains: ".env\n  cause: it is larger than 4 MiB",
            ..CHECK
        },
        LimitCase {
            name: "missing keys whose findings need more than the memory limit",
            prepare: |sandbox| env(sandbox, &lines(190_000, |number| format!("A{number}=v\n"))),
            codes: &[2],
            stderr_contains: "error: doctor needs more than 256 MiB of memory",
            ..CHECK
        },
        LimitCase {
            name: "files whose total size is too large",
            args: &["check", "--env-file=.env", "--env-file=a.env", "--env-file=b.env"],
            prepare: |sandbox| {
                for name in ["a.env", "b.env"] {
                    sandbox.write(name, &lines(120_000, |number| format!("{name}_{number}=\n").replace('.', "_")));
                }
            },
            codes: &[2],
            stderr_contains: "b.env\n  cause: the env files of this run together have more than 200000 lines",
            ..CHECK
        },
    ]
}

pub(super) fn values() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "values of many references",
            prepare: |sandbox| {
                let values = ["${{a.b}}".repeat(100_000), "$A".repeat(200_000), "\\'\"".repeat(300_000)];
                env(sandbox, &lines(3, |number| format!("BIG{number}='{}'\n", values[number])));
            },
            timeout_ms: 2500,
            codes: &[1, 5],
            ..CHECK
        },
        LimitCase {
            name: "a chain of references",
            prepare: |sandbox| env(sandbox, &lines(20_000, |number| format!("A{}=${{A{number}}}y\n", number + 1))),
            timeout_ms: 2500,
            codes: &[1, 5],
            ..CHECK
        },
        LimitCase {
            name: "examples of 15 MiB",
            prepare: |sandbox| {
                for name in [".env.example", ".env.sample", ".env.template"] {
                    sandbox.write(name, &fill(15 << 20, |number| format!("A{number}=\n")));
                }
            },
            ..CHECK
        },
        LimitCase {
            name: "shell completion",
            args: &["--", "doctor", "check", "--only", ""],
            prepare: |sandbox| {
                env(sandbox, &(BLOCK.repeat(60_000) + &"x\n".repeat(800_000)));
                sandbox.set("COMPLETE", "bash");
                sandbox.set("_CLAP_COMPLETE_INDEX", "3");
            },
            codes: &[0],
            ..CHECK
        },
    ]
}
