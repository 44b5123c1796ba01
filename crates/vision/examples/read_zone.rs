//! Prints the machine-readable zone of each picture, with the CPU seconds it took, including decoding; with `--lines`
//! as the first argument, all printed lines too. For measurements, on Linux.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use std::time::Instant;

/// The longest side of decoded pictures, as in the service.
const SIDE: u32 = 2600;

fn cpu_seconds() -> f64 {
    let usage = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = usage.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = vision::InferenceThreads::new(2);
    let reader = vision::text::TextReader::new(None, &threads)?;
    let all = std::env::args().any(|argument| argument == "--lines");
    for path in std::env::args().skip(if all { 2 } else { 1 }) {
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        let picture = vision::intake::decode_photo(&std::fs::read(&path)?, SIDE)?.image;
        let (zone, lines) = if all {
            let page = reader.read_page(&picture)?;
            (page.zone, page.lines)
        } else {
            (reader.read_zone(&picture)?, Vec::new())
        };
        let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
        let verdict = match &zone {
            Some(found) if found.zone.is_valid() => "valid",
            Some(_) => "wrong digits",
            None => "none",
        };
        println!("{path}: {verdict}, {cpu:.2} s CPU, {wall:.2} s");
        lines.iter().for_each(|line| println!("   {:.2} {}", line.score, line.text));
        let Some(found) = zone else { continue };
        let failed = found.zone.checks.iter().filter(|check| !check.passed).map(|check| check.field);
        println!("   {:.2} {:?} {:?}", found.confidence, found.zone.format, failed.collect::<Vec<_>>());
        found.zone.lines.iter().for_each(|line| println!("   {line}"));
    }
    Ok(())
}
