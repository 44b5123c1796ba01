//! Writes the manual pages and the shell completions of the command line, as `make dist` packs them.
//!
//! usage: cargo run --example command_line_files -- FOLDER

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::Shell;

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("usage: command_line_files FOLDER"));
    };
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(identivia::cli::Cli::command(), &pages)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut identivia::cli::Cli::command(), "identivia", &completions)?;
    }
    Ok(())
}
