//! Reads a document and prints its fields and findings: `read_document FRONT [BACK]`.

#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::time::Instant;

use vision::InferenceThreads;
use vision::document::{Date, DocumentEngines, read_document};
use vision::face::FaceEngine;
use vision::intake::decode_photo;
use vision::text::TextReader;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = InferenceThreads::new(2);
    let (text, faces) = (TextReader::new(None, &threads)?, FaceEngine::new(None, &threads)?);
    let engines = DocumentEngines { text: &text, faces: &faces };
    let mut photos = Vec::new();
    for path in std::env::args().skip(1) {
        photos.push(decode_photo(&std::fs::read(path)?, 2_600)?);
    }
    let front = photos.first().ok_or("name a picture of a document's front, and maybe one of its back")?;
    let today = Date::new(2026, 11, 25).ok_or("no such day")?;
    let started = Instant::now();
    let document = read_document(&engines, front, photos.get(1), today)?;
    println!("{:?} {:?} in {:?}", document.source, document.authenticity, started.elapsed());
    println!("{:#?}", document.fields);
    for finding in &document.findings {
        println!("{}", serde_json::to_string(finding)?);
    }
    Ok(())
}
