//! Finds the machine-readable zone among a picture's lines and reads it.

mod path;
mod rows;

use image::RgbImage;

use crate::mrz::{self, ReadCell, Zone, ZoneFormat};
use crate::text::known_lines::KnownLines;
use crate::text::{PageLayout, RecognisedLine, TextLine, TextReader, TextRegion, crop};
use crate::weights::EngineError;
use path::SymbolStep;

/// The maximum number of lines that are read in search of a zone, from the bottom of the page upwards.
const MOST_ROWS: usize = 6;
/// The same for the closer look, which shows little but the zone.
const MOST_ROWS_CLOSER: usize = 4;
/// The least mean probability of a zone's characters, without fillers: below it a reading is a guess.
const LEAST_CONFIDENCE: f32 = 0.6;
/// The largest share of a zone's characters that were seen as characters not allowed there (O for 0, for example), or
/// hardly seen at all.
const MOST_MISPLACED: f32 = 0.15;
/// A character of a lower probability was only inserted to reach the line's number of characters.
const LEAST_SEEN: f32 = 0.05;
/// The closer look: its size in pixels, and its longer side as the detector gets it.
const CLOSER_WIDTH: u32 = 1216;
const CLOSER_HEIGHT: u32 = 480;
const CLOSER_SIDE: u32 = 832;
/// The maximum width of a line, in pixels at the recogniser's height: 36 for each character of the longest line. More
/// pixels only blur it.
const WIDEST_ROW: u32 = 1600;
/// The maximum number of such pixels that one search reads in both looks: twice the three lines of a card. That many
/// take 0.3 s of a fast core and 0.7 s of a slow one.
const MOST_SEARCH_PIXELS: u32 = 8000;
/// The fewest characters and fillers of a line that surely is a zone's. Print has no fillers.
const LEAST_ZONE_LINE: usize = 18;
const LEAST_FILLERS: usize = 3;
/// The largest distance between a zone's lines, in characters' widths. In print it is 2.5 (6.35 mm, with 10 characters
/// per inch: ICAO 9303-3); slant and perspective add to it.
const MOST_LINE_DISTANCE: f32 = 3.5;

/// A zone with its location.
#[derive(Clone, Debug)]
pub struct FoundZone {
    pub zone: Zone,
    /// The mean probability of its characters, without fillers: 0..1.
    pub confidence: f32,
    /// Corners of the whole zone, in the picture's pixels, clockwise from the start of its first line.
    pub corners: [(f32, f32); 4],
}

/// A line that may be one of the zone's.
struct ZoneCandidate {
    row: TextRegion,
    corners: [(f32, f32); 4],
    steps: Vec<SymbolStep>,
    /// The number of zone characters that the recogniser saw.
    length: usize,
}

impl ZoneCandidate {
    /// `None` if the line does not look like a zone's.
    fn from_line(row: TextRegion, recognised: &RecognisedLine) -> Option<Self> {
        let steps = path::to_symbol_steps(&recognised.steps);
        let plain = path::plain_text(&steps);
        let fillers = plain.bytes().filter(|character| *character == b'<').count();
        let likely =
            plain.len() >= 20 && (fillers >= 2 || recognised.steps.likeliest_text().0.len() <= plain.len() + 2);
        likely.then_some(Self { row, corners: recognised.corners, length: plain.len(), steps })
    }

    /// Whether a line is so near that it may be the next one of the same zone.
    fn is_next_to(&self, row: &TextRegion) -> bool {
        row.line_distance(&self.row) <= MOST_LINE_DISTANCE * self.row.length / self.length.max(1) as f32
    }
}

/// The state of a search for the zone.
#[derive(Default)]
struct ZoneSearch {
    best: Option<FoundZone>,
    /// The longest line with fillers in it, while no valid zone is found.
    trace: Option<TextRegion>,
    /// Whether fillers were seen that point the wrong way.
    upside_down: bool,
    /// Whether a line was seen that surely is a zone's.
    has_zone_line: bool,
}

/// The result of a search.
pub(crate) struct SearchedZone {
    pub(crate) zone: Option<FoundZone>,
    /// Whether a line was seen that surely is a zone's.
    has_zone_line: bool,
    /// The direction in which the page's text runs: the zone's own, if the first guess was upside down.
    pub(crate) direction: (f32, f32),
    /// The page's lines that were read, each with the width of its reading.
    read: Vec<(TextLine, u32)>,
}

impl SearchedZone {
    pub(crate) fn to_known_lines(&self) -> KnownLines {
        KnownLines::new(self.read.clone(), self.zone.as_ref())
    }

    /// Whether a zone was seen and not read.
    pub(crate) fn is_unread(&self) -> bool {
        self.has_zone_line && self.zone.is_none()
    }
}

impl ZoneSearch {
    fn is_done(&self) -> bool {
        self.best.as_ref().is_some_and(|found| found.zone.is_valid())
    }

    /// Whether the search has reached the zone's lines. They follow one another: a line above a gap, or above a line
    /// that is not a zone's, does not belong to the zone.
    fn has_begun(&self) -> bool {
        self.best.is_some() || self.trace.is_some()
    }

    /// Whether the zone has the maximum number of lines.
    fn is_full(&self) -> bool {
        self.best.as_ref().is_some_and(|found| found.zone.format.row_count() == ZoneFormat::Td1.row_count())
    }
}

/// Reads lines within the search's budget of pixels.
struct BoundedReader<'a> {
    reader: &'a TextReader,
    left: u32,
    /// The lines that were read, each with the width of its reading.
    read: Vec<(TextLine, u32)>,
}

impl<'a> BoundedReader<'a> {
    fn new(reader: &'a TextReader, left: u32) -> Self {
        Self { reader, left, read: Vec::new() }
    }

    /// `None` if the line exceeds the remaining budget.
    fn recognise_row(
        &mut self,
        picture: &RgbImage,
        row: &TextRegion,
        direction: (f32, f32),
    ) -> Result<Option<RecognisedLine>, EngineError> {
        let corners = row.corners_along(direction, 0.0);
        let Some(left) = self.left.checked_sub(crop::line_width(&corners, WIDEST_ROW)) else { return Ok(None) };
        self.left = left;
        let line = self.reader.recognise_line(picture, corners, WIDEST_ROW)?;
        self.read.push(line.to_known_line(WIDEST_ROW));
        Ok(Some(line))
    }
}

/// Finds the zone of a page; every check digit is right if any reading gives that.
pub(crate) fn find_zone(
    reader: &TextReader,
    picture: &RgbImage,
    layout: &PageLayout,
) -> Result<SearchedZone, EngineError> {
    search_twice(&mut BoundedReader::new(reader, MOST_SEARCH_PIXELS), picture, layout)
}

fn search_twice(
    reading: &mut BoundedReader<'_>,
    picture: &RgbImage,
    layout: &PageLayout,
) -> Result<SearchedZone, EngineError> {
    let mut direction = layout.direction;
    let mut search = search_layout(reading, picture, layout, direction)?;
    if search.upside_down && !search.is_done() {
        direction = (-direction.0, -direction.1);
        search = search_layout(reading, picture, layout, direction)?;
    }
    let read = std::mem::take(&mut reading.read);
    let trace = search.trace.filter(|_| !search.is_done());
    let mut zone = search.best;
    if let Some(trace) = trace {
        zone = choose_better(zone, look_closer(reading, picture, &trace.corners_along(direction, 0.0))?);
    }
    Ok(SearchedZone { zone, has_zone_line: search.has_zone_line, direction, read })
}

fn search_layout(
    reading: &mut BoundedReader<'_>,
    picture: &RgbImage,
    layout: &PageLayout,
    direction: (f32, f32),
) -> Result<ZoneSearch, EngineError> {
    let mut rows = rows::find_zone_rows(&layout.regions, direction);
    rows.truncate(MOST_ROWS);
    search_rows(reading, picture, &rows, direction)
}

/// Reads possible lines of a zone from the bottom up, until a valid zone is found.
fn search_rows(
    reading: &mut BoundedReader<'_>,
    picture: &RgbImage,
    rows: &[TextRegion],
    direction: (f32, f32),
) -> Result<ZoneSearch, EngineError> {
    let mut search = ZoneSearch::default();
    let mut candidates: Vec<ZoneCandidate> = Vec::new();
    for row in rows {
        let row = match candidates.first() {
            Some(below) if below.is_next_to(row) => row.extend_to(&below.row, direction),
            Some(_) if search.has_begun() => break,
            _ => *row,
        };
        let Some(recognised) = reading.recognise_row(picture, &row, direction)? else { break };
        let text = recognised.steps.likeliest_text().0;
        if text.contains(">>>") {
            return Ok(ZoneSearch { upside_down: true, ..search });
        }
        search.has_zone_line |= is_zone_line(&text);
        if text.contains("<<") && search.trace.is_none_or(|trace| trace.length < row.length) {
            search.trace = Some(extend_to_whole_line(row, direction, &text));
        }
        let Some(candidate) = ZoneCandidate::from_line(row, &recognised) else {
            if search.has_begun() && !candidates.is_empty() {
                break;
            }
            continue;
        };
        candidates.insert(0, candidate);
        search.best = choose_better(search.best, best_format_zone(&candidates));
        if search.is_done() || search.is_full() {
            break;
        }
    }
    Ok(search)
}

/// Whether a line has the fillers and the length of a zone's, of any kind.
fn is_zone_line(text: &str) -> bool {
    let is_symbol = |letter: &char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || *letter == '<';
    let symbols = text.chars().filter(is_symbol).count();
    let fillers = text.chars().filter(|letter| *letter == '<').count();
    symbols >= LEAST_ZONE_LINE && fillers >= LEAST_FILLERS && symbols * 10 >= text.chars().count() * 9
}

/// Extends a line that ends in fillers to the length of the longest format, if it has no format's length: fillers are
/// faint, and the last ones are often not found.
fn extend_to_whole_line(line: TextRegion, direction: (f32, f32), text: &str) -> TextRegion {
    let count = text.chars().count();
    let cut_short =
        text.ends_with('<') && ZoneFormat::ALL.iter().all(|format| format.column_count().abs_diff(count) > 1);
    let longest = ZoneFormat::Td3.column_count();
    if !cut_short || !(longest / 3..longest).contains(&count) {
        return line;
    }
    let (axis, length, _) = line.text_axis(direction);
    let more = length * (longest as f32 / count as f32 - 1.0);
    let centre = (line.centre.0 + axis.0 * more / 2.0, line.centre.1 + axis.1 * more / 2.0);
    TextRegion { centre, length: length + more, ..line }
}

/// Looks again around a zone's line, straightened and enlarged: lines may have been missed or joined.
fn look_closer(
    reading: &mut BoundedReader<'_>,
    picture: &RgbImage,
    line: &[(f32, f32); 4],
) -> Result<Option<FoundZone>, EngineError> {
    let area = surrounding_area(line);
    let patch = crop::straighten_area(picture, &area, CLOSER_WIDTH, CLOSER_HEIGHT);
    let mut rows = rows::find_block_rows(&reading.reader.detect_regions(&patch, CLOSER_SIDE)?, CLOSER_WIDTH as f32);
    rows.truncate(MOST_ROWS_CLOSER);
    let best = search_rows(reading, &patch, &rows, (1.0, 0.0))?.best;
    let back = |(x, y): (f32, f32)| crop::point_inside(&area, (x / CLOSER_WIDTH as f32, y / CLOSER_HEIGHT as f32));
    Ok(best.map(|found| FoundZone { corners: found.corners.map(back), ..found }))
}

/// The area around a zone's line that contains the zone's other lines; it is slightly longer than the line.
fn surrounding_area(line: &[(f32, f32); 4]) -> [(f32, f32); 4] {
    let [start, end, _, below_start] = *line;
    let along = (end.0 - start.0, end.1 - start.1);
    let length = along.0.hypot(along.1).max(1.0);
    let down = (-along.1 / length, along.0 / length);
    let middle = ((end.0 + below_start.0) / 2.0, (end.1 + below_start.1) / 2.0);
    let (half, high) = (0.55 * length, 0.55 * length * CLOSER_HEIGHT as f32 / CLOSER_WIDTH as f32);
    [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(u, v)| {
        let (u, v) = (u * half / length, v * high);
        (middle.0 + along.0 * u + down.0 * v, middle.1 + along.1 * u + down.1 * v)
    })
}

/// The valid zone, or else the one that was read more clearly.
fn choose_better(one: Option<FoundZone>, other: Option<FoundZone>) -> Option<FoundZone> {
    let worth = |found: &FoundZone| (found.zone.is_valid(), found.confidence);
    match (one, other) {
        (Some(one), Some(other)) if worth(&other) > worth(&one) => Some(other),
        (one, other) => one.or(other),
    }
}

/// The zone that begins with the first candidate.
fn best_format_zone(candidates: &[ZoneCandidate]) -> Option<FoundZone> {
    let mut best: Option<(FoundZone, f32)> = None;
    for format in ZoneFormat::ALL {
        let Some(lines) = candidates.get(..format.row_count()) else { continue };
        let near = |line: &ZoneCandidate| line.length.abs_diff(format.column_count()) <= format.column_count() / 4;
        if !lines.iter().all(near) {
            continue;
        }
        let Some((found, likelihood)) = zone_in_format(format, lines) else { continue };
        let likelihood = likelihood / format.row_count() as f32;
        if best.as_ref().is_none_or(|(_, most)| likelihood > *most) {
            best = Some((found, likelihood));
        }
    }
    best.map(|(found, _)| found)
}

/// The zone in one format, with the log likelihood of that reading.
fn zone_in_format(format: ZoneFormat, lines: &[ZoneCandidate]) -> Option<(FoundZone, f32)> {
    let mut cells: Vec<Vec<ReadCell>> = Vec::new();
    let mut likelihood = 0.0;
    for (row, line) in lines.iter().enumerate() {
        let alphabets: Vec<_> = (0..format.column_count()).map(|column| format.alphabet_at(row, column)).collect();
        let aligned = path::align_cells(&line.steps, &alphabets).filter(|aligned| aligned.is_complete)?;
        cells.push(aligned.cells);
        likelihood += aligned.likelihood;
    }
    let zone = mrz::settle_zone(format, &cells)?;
    let confidence = reading_confidence(format, &cells)?;
    let ([start, end, ..], [_, _, below_end, below_start]) = (lines.first()?.corners, lines.last()?.corners);
    // The line of a French licence has no fillers if the surname fills its field: then its digits must be right.
    let has_fillers =
        zone.lines.iter().any(|line| line.contains("<<")) || format == ZoneFormat::FrenchLicence && zone.is_valid();
    has_fillers.then_some((FoundZone { zone, confidence, corners: [start, end, below_end, below_start] }, likelihood))
}

/// The mean probability of the characters without fillers. `None` if they are not a reading of that format: the first
/// letter is wrong, too many characters are not allowed in their cells, the reading is unclear, or an identifying
/// character was not seen at all (check digits alone would accept one in ten). A first letter that is not the format's
/// customary one must have been seen clearly: without its first letter a line is shifted by one cell. So must a visa's,
/// whose digits prove less.
fn reading_confidence(format: ZoneFormat, cells: &[Vec<ReadCell>]) -> Option<f32> {
    let unfit = |cell: &ReadCell| cell.unfit > cell.probability.max(0.3);
    let start = cells.first()?.first()?;
    let is_customary = match format {
        ZoneFormat::Td3 => start.read == b'P',
        ZoneFormat::Td1 | ZoneFormat::Td2 => b"ACI".contains(&start.read),
        ZoneFormat::MrvA | ZoneFormat::MrvB => false,
        ZoneFormat::FrenchCard | ZoneFormat::FrenchLicence => true,
    };
    let cell = |(row, column): (usize, usize)| cells.get(row)?.get(column);
    let unseen = |place| cell(place).is_none_or(|cell| cell.read != b'<' && cell.probability < LEAST_SEEN);
    if unfit(start) || !is_customary && start.probability < LEAST_CONFIDENCE || format.identifying_cells().any(unseen) {
        return None;
    }
    let printed: Vec<&ReadCell> = cells.iter().flatten().filter(|cell| cell.read != b'<').collect();
    let count = printed.len().max(1) as f32;
    let confidence = printed.iter().map(|cell| cell.probability).sum::<f32>() / count;
    let misplaced = printed.iter().filter(|cell| unfit(cell) || cell.probability < LEAST_SEEN).count() as f32 / count;
    (confidence >= LEAST_CONFIDENCE && misplaced <= MOST_MISPLACED).then_some(confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> TextReader {
        TextReader::new(None, &crate::InferenceThreads::new(1)).unwrap()
    }

    fn specimen(name: &str) -> RgbImage {
        image::open(format!("{}/tests/pictures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap().to_rgb8()
    }

    #[test]
    fn zone_search_stays_within_its_budget() {
        let reader = reader();
        let mut reading = BoundedReader::new(&reader, MOST_SEARCH_PIXELS);
        let row = TextRegion { centre: (400.0, 50.0), along: (1.0, 0.0), length: 800.0, breadth: 10.0 };
        let mut lines = 0;
        while reading.recognise_row(&RgbImage::new(800, 100), &row, (1.0, 0.0)).unwrap().is_some() {
            lines += 1;
        }
        assert_eq!((lines, reading.left), (MOST_SEARCH_PIXELS / WIDEST_ROW, MOST_SEARCH_PIXELS % WIDEST_ROW));
    }

    #[test]
    fn clear_zone_takes_half_the_budget_and_smaller_budget_finds_none() {
        let reader = reader();
        for (name, rows) in [("zone-td1.png", 3), ("zone-td3.png", 2)] {
            let picture = specimen(name);
            let layout = reader.detect_layout(&picture).unwrap();
            let mut reading = BoundedReader::new(&reader, MOST_SEARCH_PIXELS);
            let found = search_twice(&mut reading, &picture, &layout).unwrap().zone.unwrap();
            assert!(found.zone.is_valid() && found.zone.format.row_count() == rows, "{found:?}");
            let taken = MOST_SEARCH_PIXELS - reading.left;
            assert!(taken <= MOST_SEARCH_PIXELS / 2, "{name}: {taken}");
            assert!(
                search_twice(&mut BoundedReader::new(&reader, taken - 1), &picture, &layout).unwrap().zone.is_none()
            );
        }
    }
}
