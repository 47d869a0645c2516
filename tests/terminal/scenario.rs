//! What runs on the pseudo-terminal: prompts and progress, as `doctor` shows them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use railway_doctor::error::{Error, Exit};
use railway_doctor::io::process;
use railway_doctor::io::terminal::progress_row::{ProgressRow, RowState};
use railway_doctor::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use railway_doctor::io::world::World;

/// Runs a scenario. This is not a test: the tests start it.
#[test]
#[ignore = "the other tests start it on a pseudo-terminal"]
#[expect(clippy::exit, reason = "the process stands in for doctor")]
fn scenario() {
    let code = AtomicU8::new(0);
    process::run(|_, world| {
        let ended = run_scenario(world);
        if ended == Err(Error::Interrupted) {
            world.interrupt.announce(&|line| world.status.print_line(line));
        }
        let exit = ended.map_or_else(|error| error.exit(), |()| Exit::Clean);
        code.store(exit.code(), Ordering::Relaxed);
        exit
    });
    std::process::exit(code.into_inner().into());
}

fn run_scenario(world: &World<'_>) -> Result<(), Error> {
    assert!(can_ask(&world.terminal, &world.variables));
    let items = ["push .env → Railway", "pull Railway → .env, ééééééééééééééééééééééééééééééééééééééééé", "skip"];
    let items = items.map(str::to_owned);
    let prompt = &world.prompt;
    let line = |line: &String| format!("line {line}");
    match world.variable("SCENARIO").unwrap() {
        "choose" => show(world, &prompt.choose("A choice:", &items, 0)?, |index| format!("item {index}")),
        "choose-as" => {
            world.status.print_line(&format!("process {}", std::process::id()));
            show(world, &prompt.choose("A choice:", &items, 0)?, |index| format!("item {index}"));
        }
        "choose-many" => {
            show(world, &prompt.choose_many("Choices:", &items, &[2])?, |indices| format!("items {indices:?}"));
        }
        "choose-then-confirm" => {
            let answer = prompt.choose("What would you like to do?", &items, 0)?;
            show(world, &answer, |index| format!("item {index}"));
            if answer != PromptAnswer::Back {
                return confirm(world, "Continue?");
            }
        }
        "confirm" => return confirm(world, &"Is this right for each service of shop? ".repeat(3)),
        "late-confirm" => {
            world.status.print_line("querying Railway");
            world.interrupt.pause(world.clock, Duration::from_millis(500));
            return confirm(world, "Continue?");
        }
        "line-then-confirm" => {
            show(world, &prompt.line("The reason:")?, line);
            return confirm(world, "Continue?");
        }
        "line-from" => show(world, &prompt.line_from("The reason:", "old text")?, line),
        "line" => show(world, &prompt.line("The reason:")?, line),
        "secret" => {
            show(world, &prompt.secret("The token:")?, |token| format!("{} characters", token.expose().len()));
        }
        "links" => world.status.print_line(&format!("links {}", world.terminal.links)),
        "spinner" => {
            world.status.waiting("querying Railway");
            world.interrupt.pause(world.clock, Duration::from_secs(30));
        }
        "write" => follow(world, &|| world.interrupt.is_requested()),
        "stubborn" => follow(world, &|| false),
        scenario => panic!("{scenario}"),
    }
    Ok(())
}

/// Prints the answer.
fn show<T>(world: &World<'_>, answer: &PromptAnswer<T>, text: impl Fn(&T) -> String) {
    let line = match answer {
        PromptAnswer::Given(given) => text(given),
        PromptAnswer::Back => "back".to_owned(),
    };
    world.status.print_line(&line);
}

fn confirm(world: &World<'_>, question: &str) -> Result<(), Error> {
    show(world, &world.prompt.confirm(question, YesNo::No)?, |reply| format!("{reply:?}"));
    Ok(())
}

/// Shows the progress of two deployments until Ctrl-C, for up to 30 seconds.
fn follow(world: &World<'_>, stop: &dyn Fn() -> bool) {
    world.status.waiting("storing");
    world.interrupt.begin_writing();
    for second in 0..300 {
        let state = |seconds| match second {
            _ if second < seconds => ("BUILDING", RowState::Running),
            _ => ("SUCCESS", RowState::Good),
        };
        let row = |name: &str, (state, done): (&str, RowState)| ProgressRow {
            name: name.to_owned(),
            state: state.to_owned(),
            elapsed: Duration::from_secs(second),
            done,
        };
        world.status.progress(&[
            row("agentverse-api-staging", state(4)),
            row("agentverse-worker-staging-with-a-long-name", state(1000)),
        ]);
        if second == 5 {
            world.status.print_line("api is ready");
        }
        if stop() {
            break;
        }
        world.clock.sleep(Duration::from_millis(100));
    }
    world.status.done();
    world.interrupt.end_writing();
    world.status.print_line("the receipt");
}
