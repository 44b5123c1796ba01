//! Reads printed text: detects its lines, their direction and their characters.

pub(crate) mod crop;
pub(crate) mod known_lines;
pub(crate) mod recogniser_steps;
mod regions;

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use rten_tensor::{AsView as _, Layout as _, NdTensor, Tensor};

use crate::weights::{EngineError, InferenceThreads, LoadError, ModelWeights, ThreadShare};
use crate::zone::{self, FoundZone};
use known_lines::KnownLines;
use recogniser_steps::RecogniserSteps;
pub(crate) use regions::TextRegion;

/// The longest side of the detector's input, in pixels.
pub(crate) const DETECTOR_SIDE: u32 = 640;
/// The maximum number of lines that are read in both directions to find out which way up a page is.
const DIRECTION_LINES: usize = 3;
/// The length that is read of each, from its middle, in line heights.
const DIRECTION_LENGTH: f32 = 8.0;
/// A reading with this many characters counts in full: one or two characters are found in any noise.
const TELLING_CHARACTERS: f32 = 6.0;
/// The least difference between both directions' summed scores at which no further line is read.
const CLEAR_LEAD: f32 = 0.25;
/// The maximum length of text that is read on a page, in pixels along its lines, the largest first: a passport's page
/// has at most 15,000.
const MOST_PAGE_PIXELS: u32 = 32_000;
/// The length that is read of a page, in the same pixels, while nothing on it is legible: half of a passport's page, because
/// patterns around a document may be its largest lines.
const ILLEGIBLE_PAGE_PIXELS: u32 = 8_000;
/// A legible line allows reading this many times its own length: a document may have as much that is not legible.
const LEGIBLE_LINE_WORTH: u32 = 4;
/// Pictures with a shorter longest side are not searched for text: 30 characters of a card's zone would have 6 pixels
/// each.
const LEAST_PICTURE_LENGTH: u32 = 200;
/// The same for the shorter side: a line of text with its margins.
const LEAST_PICTURE_BREADTH: u32 = 10;

/// One printed line.
#[derive(Clone, Debug, PartialEq)]
pub struct TextLine {
    pub text: String,
    /// The mean probability of its characters, 0..1.
    pub score: f32,
    /// In the picture's pixels, clockwise from the start of the text.
    pub corners: [(f32, f32); 4],
}

/// What is printed in a picture.
#[derive(Clone, Debug)]
pub struct TextPage {
    /// Top to bottom, as the text runs.
    pub lines: Vec<TextLine>,
    /// The machine-readable zone, where there is one.
    pub zone: Option<FoundZone>,
    /// Whether lines of a zone were seen that is of no known kind, or could not be read.
    pub has_unread_zone: bool,
    /// Whether something looks like text, legible or not.
    pub has_regions: bool,
    /// Unit vector along which the text runs, in the picture's pixels: (1, 0) on an upright page.
    pub direction: (f32, f32),
}

impl TextPage {
    /// A page without text.
    pub(crate) fn without_text() -> Self {
        Self { lines: Vec::new(), zone: None, has_unread_zone: false, has_regions: false, direction: (1.0, 0.0) }
    }
}

/// One line with the recogniser's output.
#[derive(Clone, Debug)]
pub(crate) struct RecognisedLine {
    pub(crate) corners: [(f32, f32); 4],
    pub(crate) steps: RecogniserSteps,
}

impl RecognisedLine {
    fn to_text_line(&self) -> TextLine {
        let (text, score) = self.steps.likeliest_text();
        TextLine { text, score, corners: self.corners }
    }
}

/// The text regions of a picture, and the direction in which the text runs.
pub(crate) struct PageLayout {
    pub(crate) direction: (f32, f32),
    pub(crate) regions: Vec<TextRegion>,
}

/// Reads printed text with two networks: one detects lines, one recognises their characters.
pub struct TextReader {
    detector: ModelWeights,
    recogniser: ModelWeights,
}

impl TextReader {
    /// Finds both networks, an operator's own where `folder` names them. Each is loaded when it first runs.
    ///
    /// # Errors
    /// When the operator's files are not as their manifest says.
    pub fn new(folder: Option<&Path>, threads: &Arc<InferenceThreads>) -> Result<Self, LoadError> {
        let detector = ModelWeights::new("ocr-detect", folder, threads, ThreadShare::All)?;
        let recogniser = ModelWeights::new("ocr-recognize", folder, threads, ThreadShare::All)?;
        Ok(Self { detector, recogniser })
    }

    /// Both networks' weights, detector first.
    #[must_use]
    pub fn text_models(&self) -> [&ModelWeights; 2] {
        [&self.detector, &self.recogniser]
    }

    /// Reads all printed lines and the machine-readable zone.
    ///
    /// # Errors
    /// When the networks cannot be run; never because of what the picture shows.
    pub fn read_page(&self, picture: &RgbImage) -> Result<TextPage, EngineError> {
        if is_too_small(picture) {
            return Ok(TextPage::without_text());
        }
        let mut layout = self.detect_layout(picture)?;
        let searched = zone::find_zone(self, picture, &layout)?;
        layout.direction = searched.direction;
        let lines = self.read_layout_lines(picture, &layout, &searched.to_known_lines())?;
        let has_unread_zone = searched.is_unread();
        let has_regions = !layout.regions.is_empty();
        Ok(TextPage { lines, zone: searched.zone, has_unread_zone, has_regions, direction: layout.direction })
    }

    /// Reads all printed lines, top to bottom as the text runs.
    ///
    /// # Errors
    /// As [`Self::read_page`].
    pub fn read_lines(&self, picture: &RgbImage) -> Result<Vec<TextLine>, EngineError> {
        self.read_layout_lines(picture, &self.detect_layout(picture)?, &KnownLines::default())
    }

    /// Reads the machine-readable zone of ICAO 9303, or `None` if there is none. Cheaper than [`Self::read_page`]: it
    /// reads few lines.
    ///
    /// # Errors
    /// As [`Self::read_page`].
    pub fn read_zone(&self, picture: &RgbImage) -> Result<Option<FoundZone>, EngineError> {
        Ok(zone::find_zone(self, picture, &self.detect_layout(picture)?)?.zone)
    }

    pub(crate) fn detect_layout(&self, picture: &RgbImage) -> Result<PageLayout, EngineError> {
        let regions = self.detect_regions(picture, DETECTOR_SIDE)?;
        let direction = self.detect_direction(picture, &regions)?;
        Ok(PageLayout { direction, regions })
    }

    fn read_layout_lines(
        &self,
        picture: &RgbImage,
        layout: &PageLayout,
        known: &KnownLines,
    ) -> Result<Vec<TextLine>, EngineError> {
        let direction = layout.direction;
        let down = |region: &TextRegion| region.centre.1 * direction.0 - region.centre.0 * direction.1;
        let mut allowed = ILLEGIBLE_PAGE_PIXELS;
        let mut lines: Vec<(f32, TextLine)> = Vec::new();
        for region in take_within_budget(&layout.regions, direction, MOST_PAGE_PIXELS) {
            let corners = region.corners_along(direction, 0.0);
            let width = crop::line_width(&corners, crop::WIDEST);
            let line = match known.find_line(corners) {
                Some(line) => line,
                None => {
                    let Some(rest) = allowed.checked_sub(width) else { break };
                    allowed = rest;
                    self.recognise_line(picture, corners, crop::WIDEST)?.to_text_line()
                }
            };
            if !line.text.is_empty() && line.score >= self.recogniser.entry.threshold {
                allowed = allowed.saturating_add(width * LEGIBLE_LINE_WORTH);
                lines.push((down(&region), line));
            }
        }
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    /// Reads a line again, a quarter wider.
    pub(crate) fn read_wider_line(&self, picture: &RgbImage, line: &TextLine) -> Result<TextLine, EngineError> {
        let width = crop::line_width(&line.corners, crop::WIDEST * 4 / 5) * 5 / 4 / 8 * 8;
        let steps = self.recognise_pixels(&crop::to_recogniser_input(picture, &line.corners, width))?;
        let (text, score) = steps.likeliest_text();
        Ok(TextLine { text, score, corners: line.corners })
    }

    /// Detects text regions, with the picture's longest side scaled to `longest` pixels for the detector.
    pub(crate) fn detect_regions(&self, picture: &RgbImage, longest: u32) -> Result<Vec<TextRegion>, EngineError> {
        let (input, scale) = crop::to_detector_input(picture, longest);
        let width = input.shape()[3];
        let outputs = self.detector.run(input.view())?;
        let map = outputs.into_iter().next().map(Tensor::into_data).unwrap_or_default();
        let found = regions::find_regions(&map, width, self.detector.entry.threshold);
        Ok(found.into_iter().map(|region| region.to_picture(scale, (0.0, 0.0))).collect())
    }

    /// Detects the direction of the text: some lines are read in both directions, and the better direction applies to
    /// all.
    pub(crate) fn detect_direction(
        &self,
        picture: &RgbImage,
        regions: &[TextRegion],
    ) -> Result<(f32, f32), EngineError> {
        let direction = regions::page_axis(regions);
        let back = (-direction.0, -direction.1);
        let mut asked: Vec<&TextRegion> = regions.iter().filter(|region| region.aspect_ratio() > 2.0).collect();
        asked.sort_by(|a, b| (a.aspect_ratio() - 7.0).abs().total_cmp(&(b.aspect_ratio() - 7.0).abs()));
        let worth = |region: &TextRegion, direction| -> Result<f32, EngineError> {
            let (text, score) = self
                .recognise_line(picture, region.corners_along(direction, 0.0), crop::WIDEST)?
                .steps
                .likeliest_text();
            Ok(score * (text.chars().count() as f32 / TELLING_CHARACTERS).min(1.0))
        };
        let mut lead = 0.0;
        for region in asked.into_iter().take(DIRECTION_LINES) {
            let part = TextRegion { length: region.length.min(DIRECTION_LENGTH * region.breadth), ..*region };
            lead += worth(&part, direction)? - worth(&part, back)?;
            if lead.abs() > CLEAR_LEAD {
                break;
            }
        }
        Ok(if lead < 0.0 { back } else { direction })
    }

    /// Recognises the text inside these corners as one line, squeezed to `widest` pixels if it would be wider.
    pub(crate) fn recognise_line(
        &self,
        picture: &RgbImage,
        corners: [(f32, f32); 4],
        widest: u32,
    ) -> Result<RecognisedLine, EngineError> {
        let input = crop::to_recogniser_input(picture, &corners, crop::line_width(&corners, widest));
        Ok(RecognisedLine { corners, steps: self.recognise_pixels(&input)? })
    }

    fn recognise_pixels(&self, input: &NdTensor<f32, 4>) -> Result<RecogniserSteps, EngineError> {
        let outputs = self.recogniser.run(input.view())?;
        let answer = outputs.into_iter().next();
        let fits = answer
            .as_ref()
            .is_some_and(|answer| answer.shape().last() == Some(&recogniser_steps::recogniser_alphabet().len()));
        if !fits {
            let reason = "its answer has not a probability for each known character".to_owned();
            return Err(EngineError { model: self.recogniser.entry.name.clone(), reason });
        }
        let probabilities = answer.map(Tensor::into_data).unwrap_or_default();
        Ok(RecogniserSteps { probabilities })
    }
}

/// Whether a picture is too small to show a document's text.
fn is_too_small(picture: &RgbImage) -> bool {
    let (width, height) = picture.dimensions();
    width.max(height) < LEAST_PICTURE_LENGTH || width.min(height) < LEAST_PICTURE_BREADTH
}

/// The first of these regions whose lengths together stay within `most` pixels.
fn take_within_budget(regions: &[TextRegion], direction: (f32, f32), most: u32) -> Vec<TextRegion> {
    let mut left = most;
    let fits = |region: &&TextRegion| {
        let rest = left.checked_sub(crop::line_width(&region.corners_along(direction, 0.0), crop::WIDEST));
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    regions.iter().take_while(fits).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::InferenceThreads;

    #[test]
    fn full_page_is_read_up_to_the_budget() {
        let line = |length| TextRegion { centre: (500.0, 500.0), along: (1.0, 0.0), length, breadth: 48.0 };
        let page = [line(800.0), line(400.0), line(400.0), line(80.0)];
        let kept = |most| take_within_budget(&page, (1.0, 0.0), most).len();
        assert_eq!((kept(1_680), kept(1_679), kept(1_200), kept(799)), (4, 3, 2, 0));
        let noise = [line(f32::INFINITY), line(f32::NAN)];
        assert_eq!(
            take_within_budget(&noise.repeat(200), (1.0, 0.0), MOST_PAGE_PIXELS).len(),
            24,
            "2,560 and 32 pixels, in turn"
        );
    }
    #[test]
    fn reader_keeps_to_the_budget() {
        let reader = TextReader::new(None, &InferenceThreads::new(1)).unwrap();
        let picture =
            image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures/zone-td3.png")).unwrap().to_rgb8();
        let layout = reader.detect_layout(&picture).unwrap();
        let line = layout.regions[0];
        let wide = crop::line_width(&line.corners_along(layout.direction, 0.0), crop::WIDEST);
        let layout = PageLayout { regions: vec![line; (MOST_PAGE_PIXELS / wide) as usize + 3], ..layout };
        assert_eq!(
            reader.read_layout_lines(&picture, &layout, &KnownLines::default()).unwrap().len() as u32,
            MOST_PAGE_PIXELS / wide
        );
    }
}
