//! Finds the machine-readable zone among a picture's lines.

mod path;
mod rows;

use image::RgbImage;

use crate::mrz::{self, Cell, Format, Zone};
use crate::text::{Region, Sheet, Sight, TextReader, crop};
use crate::weights::EngineError;
use path::Step;

/// How many lines are read in search of a zone, from the bottom of the page upwards.
const READ: usize = 6;
/// The same on a closer look, which shows little but the zone.
const READ_CLOSER: usize = 4;
/// The mean probability of a zone's characters, fillers apart, below which it is no reading but a guess.
const READABLE: f32 = 0.6;
/// The part of a zone's characters that may have been seen as others, which cannot stand there (O for 0, say), or hardly
/// been seen at all.
const MISPLACED: f32 = 0.15;
/// A character of a lower probability was put there by the number of characters that the line must have.
const UNSEEN: f32 = 0.05;
/// The area looked at more closely: its size in pixels, and its longer side as the detector gets it.
const WIDE: u32 = 1216;
const HIGH: u32 = 480;
const CLOSER: u32 = 832;
/// The widest that a line is read, in pixels at the recogniser's height: 36 for each of the longest line's characters. More
/// of them only blur it.
const WIDEST: u32 = 1600;
/// How many such pixels one search reads at most, both looks together: what a card's three lines take, twice. That many take
/// 0.3 s of a fast core and 0.7 s of a slow one.
const MOST: u32 = 8000;
/// How far apart a zone's lines stand at most, in characters' widths. In print it is 2.5 (6.35 mm, with 10 characters to the
/// inch: ICAO 9303-3); slant and perspective add to it.
const APART: f32 = 3.5;

/// A zone and where it was found.
#[derive(Clone, Debug)]
pub struct FoundZone {
    pub zone: Zone,
    /// The mean probability of its characters, fillers apart: 0..1.
    pub confidence: f32,
    /// Of the whole zone, in the picture's pixels, clockwise from the start of its first line.
    pub corners: [(f32, f32); 4],
}

/// A line that may be one of the zone's.
struct Candidate {
    row: Region,
    corners: [(f32, f32); 4],
    steps: Vec<Step>,
    /// How many of the zone's characters the recogniser saw.
    length: usize,
}

impl Candidate {
    /// `None` where the line is not like a zone's.
    fn of(row: Region, sight: &Sight) -> Option<Self> {
        let steps = path::steps(&sight.frames);
        let plain = path::plain(&steps);
        let fillers = plain.bytes().filter(|character| *character == b'<').count();
        let likely = plain.len() >= 20 && (fillers >= 2 || sight.frames.text().0.len() <= plain.len() + 2);
        likely.then_some(Self { row, corners: sight.corners, length: plain.len(), steps })
    }

    /// Says whether a line stands so near that it may be the next one of the same zone.
    fn is_next_to(&self, row: &Region) -> bool {
        row.apart(&self.row) <= APART * self.row.length / self.length.max(1) as f32
    }
}

/// What a search for the zone came to.
#[derive(Default)]
struct Search {
    best: Option<FoundZone>,
    /// The longest line with fillers in it, where no valid zone was found.
    trace: Option<Region>,
    /// Whether fillers were seen that point the wrong way.
    upside_down: bool,
}

impl Search {
    fn is_done(&self) -> bool {
        self.best.as_ref().is_some_and(|found| found.zone.is_valid())
    }

    /// Says whether the lines that may be a zone's are one's. A zone's lines follow one another: what comes above a gap, or
    /// above a line that is none of its, does not belong to it.
    fn has_begun(&self) -> bool {
        self.best.is_some() || self.trace.is_some()
    }

    /// Says whether what was found has as many lines as any zone.
    fn is_full(&self) -> bool {
        self.best.as_ref().is_some_and(|found| found.zone.format.rows() == Format::Td1.rows())
    }
}

/// Reads lines, as long as the search may go on.
struct Reading<'a> {
    reader: &'a TextReader,
    left: u32,
}

impl Reading<'_> {
    /// `None` where the line is more than what is left to read.
    fn sight(&mut self, picture: &RgbImage, row: &Region, way: (f32, f32)) -> Result<Option<Sight>, EngineError> {
        let corners = row.corners(way, 0.0);
        let Some(left) = self.left.checked_sub(crop::width(&corners, WIDEST)) else { return Ok(None) };
        self.left = left;
        self.reader.sight(picture, corners, WIDEST).map(Some)
    }
}

/// The zone of a sheet, with every check digit right where any reading gives that.
pub(crate) fn found(reader: &TextReader, picture: &RgbImage, sheet: &Sheet) -> Result<Option<FoundZone>, EngineError> {
    within(&mut Reading { reader, left: MOST }, picture, sheet)
}

fn within(reading: &mut Reading<'_>, picture: &RgbImage, sheet: &Sheet) -> Result<Option<FoundZone>, EngineError> {
    let mut way = sheet.way;
    let mut search = on_sheet(reading, picture, sheet, way)?;
    if search.upside_down && !search.is_done() {
        way = (-way.0, -way.1);
        search = on_sheet(reading, picture, sheet, way)?;
    }
    let Some(trace) = search.trace.filter(|_| !search.is_done()) else { return Ok(search.best) };
    let closer = closer(reading, picture, &trace.corners(way, 0.0))?;
    Ok(better(search.best, closer))
}

fn on_sheet(
    reading: &mut Reading<'_>,
    picture: &RgbImage,
    sheet: &Sheet,
    way: (f32, f32),
) -> Result<Search, EngineError> {
    let mut rows = rows::rows(&sheet.regions, way);
    rows.truncate(READ);
    searched(reading, picture, &rows, way)
}

/// Reads the lines that may be a zone's from the bottom up, until a valid zone is found.
fn searched(
    reading: &mut Reading<'_>,
    picture: &RgbImage,
    rows: &[Region],
    way: (f32, f32),
) -> Result<Search, EngineError> {
    let mut search = Search::default();
    let mut candidates: Vec<Candidate> = Vec::new();
    for row in rows {
        let row = match candidates.first() {
            Some(below) if below.is_next_to(row) => row.as_long_as(&below.row, way),
            Some(_) if search.has_begun() => break,
            _ => *row,
        };
        let Some(sight) = reading.sight(picture, &row, way)? else { break };
        let text = sight.frames.text().0;
        if text.contains(">>>") {
            return Ok(Search { upside_down: true, ..search });
        }
        if text.contains("<<") && search.trace.is_none_or(|trace| trace.length < row.length) {
            search.trace = Some(whole_line(row, way, &text));
        }
        let Some(candidate) = Candidate::of(row, &sight) else {
            if search.has_begun() && !candidates.is_empty() {
                break;
            }
            continue;
        };
        candidates.insert(0, candidate);
        search.best = better(search.best, zone_at(&candidates));
        if search.is_done() || search.is_full() {
            break;
        }
    }
    Ok(search)
}

/// The region of a line that ends in fillers, as long as the longest format's line would be where it has no format's length:
/// fillers are faint, and the last ones are often not found.
fn whole_line(line: Region, way: (f32, f32), text: &str) -> Region {
    let count = text.chars().count();
    let cut_short = text.ends_with('<') && Format::ALL.iter().all(|format| format.columns().abs_diff(count) > 1);
    let longest = Format::Td3.columns();
    if !cut_short || !(longest / 3..longest).contains(&count) {
        return line;
    }
    let (axis, length, _) = line.text_axis(way);
    let more = length * (longest as f32 / count as f32 - 1.0);
    let centre = (line.centre.0 + axis.0 * more / 2.0, line.centre.1 + axis.1 * more / 2.0);
    Region { centre, length: length + more, ..line }
}

/// Looks again around a line that is like a zone's, straightened and larger: lines may have been missed or run together.
fn closer(
    reading: &mut Reading<'_>,
    picture: &RgbImage,
    line: &[(f32, f32); 4],
) -> Result<Option<FoundZone>, EngineError> {
    let area = around(line);
    let patch = crop::straightened(picture, &area, WIDE, HIGH);
    let mut rows = rows::block(&reading.reader.regions(&patch, CLOSER)?, WIDE as f32);
    rows.truncate(READ_CLOSER);
    let best = searched(reading, &patch, &rows, (1.0, 0.0))?.best;
    let back = |(x, y): (f32, f32)| crop::inside(&area, (x / WIDE as f32, y / HIGH as f32));
    Ok(best.map(|found| FoundZone { corners: found.corners.map(back), ..found }))
}

/// The area in which the other lines of a zone are that has this line, somewhat longer than it.
fn around(line: &[(f32, f32); 4]) -> [(f32, f32); 4] {
    let [start, end, _, below_start] = *line;
    let along = (end.0 - start.0, end.1 - start.1);
    let length = along.0.hypot(along.1).max(1.0);
    let down = (-along.1 / length, along.0 / length);
    let middle = ((end.0 + below_start.0) / 2.0, (end.1 + below_start.1) / 2.0);
    let (half, high) = (0.55 * length, 0.55 * length * HIGH as f32 / WIDE as f32);
    [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(u, v)| {
        let (u, v) = (u * half / length, v * high);
        (middle.0 + along.0 * u + down.0 * v, middle.1 + along.1 * u + down.1 * v)
    })
}

/// The valid one, or else the one that was read more clearly.
fn better(one: Option<FoundZone>, other: Option<FoundZone>) -> Option<FoundZone> {
    let worth = |found: &FoundZone| (found.zone.is_valid(), found.confidence);
    match (one, other) {
        (Some(one), Some(other)) if worth(&other) > worth(&one) => Some(other),
        (one, other) => one.or(other),
    }
}

/// The zone whose first line is the first candidate.
fn zone_at(candidates: &[Candidate]) -> Option<FoundZone> {
    let mut best: Option<(FoundZone, f32)> = None;
    for format in Format::ALL {
        let Some(lines) = candidates.get(..format.rows()) else { continue };
        let near = |line: &Candidate| line.length.abs_diff(format.columns()) <= format.columns() / 4;
        if !lines.iter().all(near) {
            continue;
        }
        let Some((found, likelihood)) = zone_of(format, lines) else { continue };
        let likelihood = likelihood / format.rows() as f32;
        if best.as_ref().is_none_or(|(_, most)| likelihood > *most) {
            best = Some((found, likelihood));
        }
    }
    best.map(|(found, _)| found)
}

/// The zone that the lines make as one of this format, with the logarithm of how likely that reading is.
fn zone_of(format: Format, lines: &[Candidate]) -> Option<(FoundZone, f32)> {
    let mut cells: Vec<Vec<Cell>> = Vec::new();
    let mut likelihood = 0.0;
    for (row, line) in lines.iter().enumerate() {
        let alphabets: Vec<_> = (0..format.columns()).map(|column| format.alphabet(row, column)).collect();
        let (row, likely) = path::cells(&line.steps, &alphabets)?;
        cells.push(row);
        likelihood += likely;
    }
    let zone = mrz::settled(format, &cells)?;
    let confidence = confidence(format, &cells)?;
    let ([start, end, ..], [_, _, below_end, below_start]) = (lines.first()?.corners, lines.last()?.corners);
    let has_fillers = zone.lines.iter().any(|line| line.contains("<<"));
    has_fillers.then_some((FoundZone { zone, confidence, corners: [start, end, below_end, below_start] }, likelihood))
}

/// The mean probability of the characters that are no fillers; `None` where they are no reading of a zone of that format:
/// another letter at its start, too many characters that cannot stand where they were seen, none of them clear, or one of
/// those that tell a person was not seen at all (check digits alone would take one of ten for it). A visa's digits prove
/// less, so its letter must have been seen too: a passport without its first one would be a visa.
fn confidence(format: Format, cells: &[Vec<Cell>]) -> Option<f32> {
    let unfit = |cell: &Cell| cell.unfit > cell.probability.max(0.3);
    let start = cells.first()?.first()?;
    let is_visa = matches!(format, Format::MrvA | Format::MrvB);
    let cell = |(row, column): (usize, usize)| cells.get(row)?.get(column);
    let unseen = |place| cell(place).is_none_or(|cell| cell.read != b'<' && cell.probability < UNSEEN);
    if unfit(start) || is_visa && start.probability < READABLE || format.telling().any(unseen) {
        return None;
    }
    let printed: Vec<&Cell> = cells.iter().flatten().filter(|cell| cell.read != b'<').collect();
    let count = printed.len().max(1) as f32;
    let confidence = printed.iter().map(|cell| cell.probability).sum::<f32>() / count;
    let misplaced = printed.iter().filter(|cell| unfit(cell) || cell.probability < UNSEEN).count() as f32 / count;
    (confidence >= READABLE && misplaced <= MISPLACED).then_some(confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> TextReader {
        TextReader::new(None, &crate::create_thread_pool(1)).unwrap()
    }

    fn specimen(name: &str) -> RgbImage {
        image::open(format!("{}/tests/pictures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap().to_rgb8()
    }

    #[test]
    fn a_search_reads_no_more_than_it_may() {
        let reader = reader();
        let mut reading = Reading { reader: &reader, left: MOST };
        let row = Region { centre: (400.0, 50.0), along: (1.0, 0.0), length: 800.0, breadth: 10.0 };
        let mut lines = 0;
        while reading.sight(&RgbImage::new(800, 100), &row, (1.0, 0.0)).unwrap().is_some() {
            lines += 1;
        }
        assert_eq!((lines, reading.left), (MOST / WIDEST, MOST % WIDEST));
    }

    #[test]
    fn a_zone_that_is_easily_read_takes_half_of_that_and_less_than_it_takes_finds_none() {
        let reader = reader();
        for (name, rows) in [("zone-td1.png", 3), ("zone-td3.png", 2)] {
            let picture = specimen(name);
            let sheet = reader.sheet(&picture).unwrap();
            let mut reading = Reading { reader: &reader, left: MOST };
            let found = within(&mut reading, &picture, &sheet).unwrap().unwrap();
            assert!(found.zone.is_valid() && found.zone.format.rows() == rows, "{found:?}");
            let taken = MOST - reading.left;
            assert!(taken <= MOST / 2, "{name}: {taken}");
            assert!(within(&mut Reading { reader: &reader, left: taken - 1 }, &picture, &sheet).unwrap().is_none());
        }
    }
}
