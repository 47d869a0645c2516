//! `--debug-api`: creates the log before the first request, and refuses a path that the run reads or writes itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::Cli;
use crate::commands::input_files;
use crate::error::Error;
use crate::io::debug_log::DebugLog;
use crate::io::world::World;

/// Creates the file of `--debug-api`, if the flag is set.
pub(super) fn open(cli: &Cli, world: &World<'_>) -> Result<Option<Arc<DebugLog>>, Error> {
    let Some(path) = &cli.global.debug_api else { return Ok(None) };
    let place = |path: &Path| world.directory.join(path);
    let read =
        input_files::of(cli.command.env_file(), &cli.global, world).into_iter().map(|path| (path, "this run reads it"));
    let baseline = cli.command.baseline().map(|path| (place(path), "this run reads it"));
    let report = cli.command.output().map(|path| (place(path), "the report is written there"));
    let summary =
        world.variable("GITHUB_STEP_SUMMARY").map(|path| (place(Path::new(path)), "the summary is written there"));
    let taken: Vec<(PathBuf, &'static str)> = read.chain(baseline).chain(report).chain(summary).collect();
    DebugLog::create(path, &taken, &world.directory).map(|log| Some(Arc::new(log)))
}

/// Warns that the file is incomplete, if writing it failed.
pub(super) fn report_failure(world: &World<'_>) {
    if let Some(why) = world.debug_log.as_ref().and_then(|log| log.failure()) {
        world.status.print_line(&format!("warning: the --debug-api file is incomplete: {why}"));
    }
}
