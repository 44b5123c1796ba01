//! `identivia eval`: its arguments and its manual page.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::documents::eval_documents;
use super::faces::eval_faces;
use super::liveness::eval_liveness;
use super::zones::eval_zones;
use super::{EvalContext, ReportLines};
use crate::cli::print_line;
use crate::cli::progress::Progress;
use crate::clock::Clock;
use crate::config::Config;
use crate::providers::local_engines::LocalEngines;
use crate::work::cpu_ledger::CpuLedger;

/// Arguments of `identivia eval`.
#[derive(Args)]
pub struct EvalArguments {
    #[command(subcommand)]
    evaluation: Evaluation,
}

#[derive(Subcommand)]
enum Evaluation {
    /// How well the face engine tells people apart: FAR, FRR and TAR at thresholds
    Face {
        /// A CSV file with the header first,second,same: two pictures, by paths from the file's own folder, and 1 or 0. Or the
        /// pairs.txt of Labeled Faces in the Wild (LFW): its pictures are NAME/NAME_0001.jpg, and the face nearest to a picture's
        /// middle is compared, not the largest one
        #[arg(long, value_name = "FILE")]
        pairs: PathBuf,
        /// The folder of the pictures, if it is not the file's own
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// How many machine-readable zones the reader reads with every check digit right
    Mrz {
        /// A folder of pictures. A text file beside a picture (passport.jpg, passport.txt) holds the expected lines; an
        /// empty text file means that the picture has no zone
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
    },
    /// How many fields of documents the reader reads correctly, wrongly and not at all
    Document {
        /// A folder with a JSON file for each document: {"front": "1.jpg", "back": "2.jpg", "fields": {"name": "…",
        /// "document_number": "…", "date_of_birth": "1990-01-15"}}. Paths begin at the file's own folder, the back may be
        /// left out, and an empty text means that the document does not have the field
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
    },
    /// How often liveness accepts attacks (APCER) and how often it rejects people (BPCER), by ISO/IEC 30107-3
    Liveness {
        /// A folder with bona_fide/SESSION/ and attacks/SPECIES/SESSION/, each session with its frames and a session.json:
        /// {"steps": ["look_straight", …], "frames": [{"file": "1.jpg", "step": "look_straight", "time": 0}, …]}
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
    },
}

/// Measures one of the engines and prints the result.
///
/// # Errors
/// When the engines cannot be loaded, or the pictures cannot be read.
pub fn run_eval(config: &Config, arguments: &EvalArguments) -> anyhow::Result<()> {
    let settings = &config.engines;
    let engines = LocalEngines::load(
        settings.models.as_deref(),
        settings.threads,
        CpuLedger::new(Clock::default(), settings.threads),
    )
    .context("MODELS_DIR")?;
    let context = EvalContext { engines, progress: Progress::new() };
    let lines: ReportLines = match &arguments.evaluation {
        Evaluation::Face { pairs, dir } => eval_faces(&context, pairs, dir.as_deref()),
        Evaluation::Mrz { dir } => eval_zones(&context, dir),
        Evaluation::Document { dir } => eval_documents(&context, dir),
        Evaluation::Liveness { dir } => eval_liveness(&context, dir, config.liveness_rule.threshold),
    }?;
    lines.iter().try_for_each(|line| print_line(line))
}
