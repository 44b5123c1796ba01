//! `identivia backup`, `identivia restore` and `identivia verify`: copies of databases and files that belong together.

mod command;
mod file_hold;
mod file_saving;
mod layout;
mod make_backup;
mod named_files;
mod postgres_tools;
mod restore_backup;
mod source;
mod verify_command;
mod verify_files;

pub use command::{BackupArguments, RestoreArguments, run_backup, run_restore};
pub use verify_command::{VerifyArguments, run_verify};
