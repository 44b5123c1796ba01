//! The stored form of what the engines read on a document: compact, bounded, versioned, and exact to the last bit.
//!
//! It is personal data: printed text, the zone, the barcode and the template of the portrait. The landmarks of faces and the
//! templates of other faces than the first are left out, because no rule needs them. So are the tags of the pictures: the
//! caller gives them anew to [`super::judge_sides`].

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::aamva::License;
use crate::face::{Embedding, Face, FaceBox, Pose};
use crate::mrz::{ZoneFormat, rebuild_zone};
use crate::quality::{DocumentFraming, Quality};
use crate::text::TextLine;
use crate::weights::ModelWeights;
use crate::zone::FoundZone;

use super::{DocumentEngines, DocumentSide, ReadBarcode, SideFace, SidesReading};

/// The number of this form. Raise it when a field is added, removed, or changes its meaning. Everything else that changes a
/// reading is in [`DocumentEngines::describe_version`] without anybody's help.
const FORM_NUMBER: u32 = 2;
/// The maximum size of a stored reading, in bytes. A passport's has about 4 KiB, a card's about 6 KiB.
pub const MAX_KEPT_BYTES: usize = 40 * 1024;
/// The maximum size of its text before it is deflated, in bytes.
const MAX_UNPACKED_BYTES: u64 = 512 * 1024;
/// The SHA-256 of this crate's sources and of the versions of all crates, made by build.rs.
const SOURCE_HASH: &str = env!("VISION_SOURCE_HASH");

/// A 32-bit number as its bits: text would lose what is not finite, and depends on how it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bits(u32);

impl From<f32> for Bits {
    fn from(number: f32) -> Self {
        Self(number.to_bits())
    }
}

impl From<Bits> for f32 {
    fn from(bits: Bits) -> Self {
        Self::from_bits(bits.0)
    }
}

type Corners = [[Bits; 2]; 4];

#[derive(Serialize, Deserialize)]
struct KeptSides {
    form: u32,
    front: KeptSide,
    back: Option<KeptSide>,
}

#[derive(Serialize, Deserialize)]
struct KeptSide {
    lines: Vec<(String, Bits, Corners)>,
    zone: Option<KeptZone>,
    has_unread_zone: bool,
    barcode: KeptBarcode,
    faces: Vec<KeptFace>,
    quality: KeptQuality,
    resolution: u32,
    eyes: Option<[[Bits; 2]; 2]>,
}

/// A zone's fields and check digits follow from its format and its lines.
#[derive(Serialize, Deserialize)]
struct KeptZone {
    format: ZoneFormat,
    lines: Vec<String>,
    confidence: Bits,
    corners: Corners,
}

#[derive(Serialize, Deserialize)]
enum KeptBarcode {
    None,
    Other,
    License(Box<License>),
}

#[derive(Serialize, Deserialize)]
struct KeptFace {
    region: [Bits; 4],
    score: Bits,
    pose: [Bits; 3],
    eye_distance: Bits,
    landmark_score: Bits,
    /// Of the first face.
    template: Option<Vec<u32>>,
    is_other_person: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptQuality {
    /// Sharpness, glare, brightness, contrast, screen.
    figures: [Bits; 5],
    resolution: u32,
    framing: DocumentFraming,
}

impl DocumentEngines<'_> {
    /// Names everything on which a reading depends beside its pictures: this program's sources, the versions of the crates
    /// that it is built of, and the weights with their thresholds. 32 hexadecimal digits.
    #[must_use]
    pub fn describe_version(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{FORM_NUMBER} {SOURCE_HASH}"));
        let models = self.text.text_models().into_iter().chain(self.faces.face_models());
        for ModelWeights { entry, .. } in models {
            hash.update(format!(" {} {} {}", entry.name, entry.sha256, entry.threshold.to_bits()));
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl SidesReading {
    /// The reading in its stored form, with at most [`MAX_KEPT_BYTES`]; `None` for one that is larger: such a picture is read
    /// again.
    #[must_use]
    pub fn to_kept_bytes(&self) -> Option<Vec<u8>> {
        let (front, back) = (KeptSide::from(&self.front), self.back.as_ref().map(KeptSide::from));
        let text = serde_json::to_vec(&KeptSides { form: FORM_NUMBER, front, back }).ok()?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&text).ok()?;
        let bytes = encoder.finish().ok()?;
        let is_small = bytes.len() <= MAX_KEPT_BYTES && text.len() as u64 <= MAX_UNPACKED_BYTES;
        is_small.then_some(bytes)
    }

    /// A reading from its stored form; `None` if the bytes are not one of this version.
    #[must_use]
    pub fn from_kept_bytes(bytes: &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        let mut unpacked = DeflateDecoder::new(bytes).take(MAX_UNPACKED_BYTES + 1);
        unpacked.read_to_end(&mut text).ok()?;
        let kept: KeptSides = serde_json::from_slice(&text).ok()?;
        if kept.form != FORM_NUMBER {
            return None;
        }
        let back = kept.back.map(KeptSide::into_side);
        let back = if let Some(side) = back { Some(side?) } else { None };
        Some(Self { front: kept.front.into_side()?, back })
    }
}

impl From<&DocumentSide> for KeptSide {
    fn from(side: &DocumentSide) -> Self {
        let line = |line: &TextLine| (line.text.clone(), line.score.into(), to_corners(line.corners));
        Self {
            lines: side.lines.iter().map(line).collect(),
            zone: side.zone.as_ref().map(|found| KeptZone {
                format: found.zone.format,
                lines: found.zone.lines.clone(),
                confidence: found.confidence.into(),
                corners: to_corners(found.corners),
            }),
            has_unread_zone: side.has_unread_zone,
            barcode: match &side.barcode {
                ReadBarcode::None => KeptBarcode::None,
                ReadBarcode::Other => KeptBarcode::Other,
                ReadBarcode::License(license) => KeptBarcode::License(license.clone()),
            },
            faces: side.faces.iter().enumerate().map(|(index, face)| KeptFace::from_face(face, index == 0)).collect(),
            quality: KeptQuality::from(&side.quality),
            resolution: side.resolution,
            eyes: side.eyes.map(|eyes| eyes.map(|eye| eye.map(Bits::from))),
        }
    }
}

impl KeptSide {
    fn into_side(self) -> Option<DocumentSide> {
        let line = |(text, score, corners): (String, Bits, Corners)| TextLine {
            text,
            score: score.into(),
            corners: from_corners(corners),
        };
        let zone = match self.zone {
            Some(zone) => Some(FoundZone {
                zone: rebuild_zone(zone.format, &zone.lines)?,
                confidence: zone.confidence.into(),
                corners: from_corners(zone.corners),
            }),
            None => None,
        };
        let mut faces = Vec::with_capacity(self.faces.len());
        for face in self.faces {
            faces.push(face.into_face()?);
        }
        Some(DocumentSide {
            lines: self.lines.into_iter().map(line).collect(),
            zone,
            has_unread_zone: self.has_unread_zone,
            barcode: match self.barcode {
                KeptBarcode::None => ReadBarcode::None,
                KeptBarcode::Other => ReadBarcode::Other,
                KeptBarcode::License(license) => ReadBarcode::License(license),
            },
            faces,
            quality: self.quality.into(),
            resolution: self.resolution,
            eyes: self.eyes.map(|eyes| eyes.map(|eye| eye.map(f32::from))),
        })
    }
}

impl KeptFace {
    fn from_face(seen: &SideFace, is_first: bool) -> Self {
        let Face { region, score, pose, eye_distance, landmark_score, .. } = &seen.face;
        Self {
            region: [region.left, region.top, region.width, region.height].map(Bits::from),
            score: (*score).into(),
            pose: [pose.yaw, pose.pitch, pose.roll].map(Bits::from),
            eye_distance: (*eye_distance).into(),
            landmark_score: (*landmark_score).into(),
            template: seen.embedding.as_ref().filter(|_| is_first).map(Embedding::to_words),
            is_other_person: seen.is_other_person,
        }
    }

    fn into_face(self) -> Option<SideFace> {
        let [left, top, width, height] = self.region.map(f32::from);
        let [yaw, pitch, roll] = self.pose.map(f32::from);
        let embedding = match self.template {
            Some(bits) => Some(Embedding::from_words(&bits)?),
            None => None,
        };
        let face = Face {
            region: FaceBox { left, top, width, height },
            score: self.score.into(),
            pose: Pose { yaw, pitch, roll },
            eye_distance: self.eye_distance.into(),
            landmarks: Vec::new(),
            landmark_score: self.landmark_score.into(),
        };
        Some(SideFace { face, embedding, is_other_person: self.is_other_person })
    }
}

impl From<&Quality> for KeptQuality {
    fn from(quality: &Quality) -> Self {
        let Quality { sharpness, glare, brightness, contrast, screen, resolution, framing, editor: _ } = quality;
        let figures = [*sharpness, *glare, *brightness, *contrast, *screen].map(Bits::from);
        Self { figures, resolution: *resolution, framing: *framing }
    }
}

impl From<KeptQuality> for Quality {
    fn from(kept: KeptQuality) -> Self {
        let [sharpness, glare, brightness, contrast, screen] = kept.figures.map(f32::from);
        let KeptQuality { resolution, framing, .. } = kept;
        Self { sharpness, glare, brightness, contrast, resolution, framing, screen, editor: None }
    }
}

fn to_corners(corners: [(f32, f32); 4]) -> Corners {
    corners.map(|(x, y)| [x.into(), y.into()])
}

fn from_corners(corners: Corners) -> [(f32, f32); 4] {
    corners.map(|[x, y]| (x.into(), y.into()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{day, good_quality, line, passport_sides, today};
    use super::super::{SideEditors, judge_sides};
    use super::*;

    fn with_lines(count: usize, length: usize) -> SidesReading {
        let mut sides = passport_sides();
        // Letters that do not repeat: deflate finds nothing in them.
        let mut seed = 7_u32;
        let mut letter = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_u32(0x4E00 + (seed >> 16) % 0x5000).unwrap()
        };
        sides.front.lines.extend((0..count).map(|at| {
            let text: String = (0..length).map(|_| letter()).collect();
            line(&text, at as f32 * 1.37, at as f32 * 0.73, 10.1)
        }));
        sides
    }

    #[test]
    fn reading_is_judged_as_before_it_was_stored() {
        let sides = passport_sides();
        let bytes = sides.to_kept_bytes().unwrap();
        let restored = SidesReading::from_kept_bytes(&bytes).unwrap();
        assert_eq!(restored.to_kept_bytes().unwrap(), bytes);
        for today in [today(), day(2030, 1, 1)] {
            let judge = |sides: &SidesReading| judge_sides(sides.clone(), SideEditors::default(), today);
            let (before, after) = (judge(&sides), judge(&restored));
            assert_eq!((&before.fields, &before.findings), (&after.fields, &after.findings));
            assert_eq!(before.portrait.map(|found| found.embedding), after.portrait.map(|found| found.embedding));
        }
    }

    #[test]
    fn editor_is_that_of_the_picture_as_sent_and_not_of_the_one_that_was_read() {
        let mut sides = passport_sides();
        sides.front.quality = Quality { editor: Some("GIMP"), ..good_quality() };
        let bytes = sides.to_kept_bytes().unwrap();
        let edited = |front| {
            let restored = SidesReading::from_kept_bytes(&bytes).unwrap();
            let document = judge_sides(restored, SideEditors { front, back: None }, today());
            document.findings.iter().find(|finding| finding.code == "edited").unwrap().outcome
        };
        assert_eq!(edited(None), crate::finding::Outcome::Pass);
        assert_eq!(edited(Some("Adobe Photoshop 25.0")), crate::finding::Outcome::Warn);
    }

    #[test]
    fn stored_form_is_small_and_bounded() {
        let bytes = passport_sides().to_kept_bytes().unwrap();
        assert!(bytes.len() < 2_048, "{} bytes", bytes.len());
        assert!(with_lines(60, 30).to_kept_bytes().is_some_and(|bytes| bytes.len() <= MAX_KEPT_BYTES));
        assert!(with_lines(900, 30).to_kept_bytes().is_none());
    }

    #[test]
    fn damaged_or_older_bytes_are_no_reading() {
        let bytes = passport_sides().to_kept_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(SidesReading::from_kept_bytes(&bytes[..end]).is_none(), "cut to {end} bytes");
        }
        let deflate = |text: &[u8]| {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let mut text = String::new();
        DeflateDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        assert!(SidesReading::from_kept_bytes(&deflate(text.as_bytes())).is_some());
        for (from, to) in [
            ("\"form\":2", "\"form\":1"),
            ("\"format\":\"Td3\"", "\"format\":\"Td1\""),
            ("\"format\":\"Td3\"", "\"format\":\"Td9\""),
            ("P<SWE", "P<S"),
            ("\"lines\":[[", "\"lines\":[[1,"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(SidesReading::from_kept_bytes(&deflate(text.replace(from, to).as_bytes())).is_none(), "{to}");
        }
        // A bomb ends at the limit.
        assert!(SidesReading::from_kept_bytes(&deflate(&vec![b' '; 8 * 1024 * 1024])).is_none());
        assert!(SidesReading::from_kept_bytes(b"no reading").is_none());
    }
}
