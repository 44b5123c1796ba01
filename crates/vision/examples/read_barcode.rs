//! Reads the barcodes of pictures and prints the licences in them: `read_barcode PICTURE…`.
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::time::Instant;

use vision::barcode::SearchEffort;
use vision::{aamva, barcode, intake};

fn main() {
    for file in std::env::args().skip(1) {
        let photo = match std::fs::read(&file).map(|bytes| intake::decode_photo(&bytes, 2_600)) {
            Ok(Ok(photo)) => photo,
            Ok(Err(refused)) => {
                println!("{file}: {refused}");
                continue;
            }
            Err(error) => {
                println!("{file}: {error}");
                continue;
            }
        };
        let start = Instant::now();
        let found = barcode::read_pdf417(&photo.image, SearchEffort::Thorough);
        let time = start.elapsed().as_millis();
        match found {
            None => println!("{file}: no barcode ({time} ms)"),
            Some(found) => match aamva::parse_license(&found.text) {
                Some(license) => println!("{file}: {license:?} ({time} ms)"),
                None => println!("{file}: {:?} ({time} ms)", found.text),
            },
        }
    }
}
