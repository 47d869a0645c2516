//! What is small: starting, a commit, memory, the binary.

use std::fs;
use std::process::Command;

use crate::Effort;
use crate::measure::{median, walls};
use crate::place::{Cache, DOCTOR, Place, project};
use crate::table::{head, held, megabytes, milliseconds, row};

fn line(what: &str, figure: String, goal: &str, is_held: Option<bool>) {
    row(&[what.to_owned(), held(figure, is_held), goal.to_owned()]);
}

/// All of them, in one table.
pub(crate) fn figures(effort: Effort) {
    head("What is small", &["what", "measured", "goal"]);
    starting(effort);
    commit(effort);
    let (estate, file) = project(50, 20);
    let place = Place::new(estate, &file);
    let memory =
        [Cache::Cold, Cache::Warm].map(|cache| place.check(cache, &[]).taken.memory).into_iter().fold(0.0, f64::max);
    line("the most memory of a check of 50 services", megabytes(memory), "25 MB", Some(memory < 25e6));
    let size = fs::metadata(DOCTOR).unwrap().len();
    let size = f64::from(u32::try_from(size).unwrap());
    line("the binary", megabytes(size), "6 MB", Some(size < 6e6));
}

fn starting(effort: Effort) {
    let (estate, file) = project(1, 1);
    let place = Place::new(estate, &file);
    for (what, program, goal) in [
        ("`doctor --version`", place.program(DOCTOR, &["--version"]), Some(5.0)),
        ("`/bin/true`, for comparison", place.program("/bin/true", &[]), None),
    ] {
        let time = median(walls(&program.measure(effort.times(51))));
        let is_held = goal.map(|goal| time.as_secs_f64() * 1000.0 < goal);
        line(what, milliseconds(time), &goal.map(|goal| format!("{goal} ms")).unwrap_or_default(), is_held);
    }
}

/// A hook in a repository with some files, of which one is staged; a moment ago everything agreed.
fn commit(effort: Effort) {
    let (estate, file) = project(2, 20);
    let place = Place::new(estate, &file);
    fs::write(place.work().join(".gitignore"), ".env\n").unwrap();
    for number in 0..200 {
        fs::write(place.work().join(format!("file-{number}.py")), format!("print({number})\n").repeat(200)).unwrap();
    }
    let git = |words: &str| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
        let mut command = Command::new("git");
        command.args(identity).args(words.split(' ')).current_dir(place.work()).env("HOME", place.home());
        assert!(command.status().unwrap().success(), "git {words}");
    };
    for words in ["init -q", "add .", "commit -q -m first"] {
        git(words);
    }
    fs::write(place.work().join("file-7.py"), "print('changed')\n").unwrap();
    git("add .");
    let hook = place.doctor(&["hook", "run"]);
    assert_eq!((hook.once().code, place.server.heard().len()), (0, 2), "the first one asks Railway");
    let taken = hook.measure(effort.times(51));
    assert!(taken.iter().all(|one| one.code == 0));
    assert_eq!(place.server.heard().len(), 0, "the others remember");
    let time = median(walls(&taken));
    line("`doctor hook run`, a moment after a green one", milliseconds(time), "30 ms", Some(time.as_millis() < 30));
}
