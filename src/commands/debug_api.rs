//! `--debug-api`: the file is made before anything is asked, and may be no file that the run reads or writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::Cli;
use crate::commands::input_files;
use crate::error::Error;
use crate::io::debug_log::DebugLog;
use crate::io::world::World;

/// Creates the file of `--debug-api`, if the flag is given.
pub(super) fn open(cli: &Cli, world: &World<'_>) -> Result<Option<Arc<DebugLog>>, Error> {
    let Some(path) = &cli.global.debug_api else { return Ok(None) };
    let place = |path: &Path| world.folder.join(path);
    let read =
        input_files::of(cli.verb.env_file(), &cli.global, world).into_iter().map(|path| (path, "this run reads it"));
    let report = cli.verb.output().map(|path| (place(path), "the report is written there"));
    let summary =
        world.variable("GITHUB_STEP_SUMMARY").map(|path| (place(Path::new(path)), "the summary is written there"));
    let taken: Vec<(PathBuf, &'static str)> = read.chain(report).chain(summary).collect();
    DebugLog::create(path, &taken, &world.folder).map(|log| Some(Arc::new(log)))
}

/// Says that the file is not complete, if something went wrong with it.
pub(super) fn report_failure(world: &World<'_>) {
    if let Some(why) = world.debug_log.as_ref().and_then(|log| log.failure()) {
        world.talk.print_line(&format!("doctor: the file of --debug-api is not complete: {why}"));
    }
}
