//! Pictures made to bring a service down cost little: no panic, little time, little memory.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

use std::io::{Cursor, Write as _};

use image::{ImageFormat, Rgb, RgbImage};
use vision::intake;

/// The limits for one picture, in milliseconds of processor time and bytes of memory.
const MOST_MILLISECONDS: f64 = 200.0;
const MOST_BYTES: u64 = 64 * 1024 * 1024;
const LONGEST_SIDE: u32 = 2_048;

#[test]
fn hostile_pictures_cost_little() {
    survive(2_000, 1);
}

#[test]
#[ignore = "it takes minutes, and the one above runs a fifth of it"]
fn ten_thousand_hostile_pictures_cost_little() {
    survive(10_000, 2);
}

fn survive(count: usize, seed: u64) {
    let mut hostile = Hostile::new(seed);
    let base = memory("VmRSS");
    let (mut slowest, mut largest) = ((0.0, "none"), (0, "none"));
    let mut refused = 0;
    for number in 0..count {
        let (name, bytes) = hostile.picture(number);
        let most = base + bytes.len() as u64;
        let (decoded, decoding) = measure(most, || intake::decode_photo(&bytes, LONGEST_SIDE).map(drop));
        // As an upload, a picture is rebuilt and checked.
        let (accepted, checking) =
            measure(most, || intake::rebuild_picture(&bytes).and_then(|rebuilt| rebuilt.check_decoding()));
        for Cost { milliseconds, bytes } in [decoding, checking] {
            assert!(milliseconds < MOST_MILLISECONDS, "{name} (number {number}) took {milliseconds} ms: {decoded:?}");
            assert!(bytes < MOST_BYTES, "{name} (number {number}) took {bytes} bytes: {decoded:?}");
            if milliseconds > slowest.0 {
                slowest = (milliseconds, name);
            }
            if bytes > largest.0 {
                largest = (bytes, name);
            }
        }
        assert!(accepted.is_err() || decoded.is_ok(), "{name} (number {number}) is accepted and does not decode");
        refused += usize::from(decoded.is_err());
    }
    println!("{count} pictures, {refused} refused");
    println!("slowest: {} with {:.0} ms; largest: {} with {} MB", slowest.1, slowest.0, largest.1, largest.0 >> 20);
    assert!(refused * 2 > count, "most of them are no pictures");
}

/// What work took: processor time, and memory over what there was before.
struct Cost {
    milliseconds: f64,
    bytes: u64,
}

fn measure<T>(base: u64, work: impl FnOnce() -> T) -> (T, Cost) {
    reset_peak();
    let start = processor_milliseconds();
    let result = work();
    let milliseconds = processor_milliseconds() - start;
    (result, Cost { milliseconds, bytes: memory("VmHWM").saturating_sub(base) })
}

/// A memory figure of this process from the kernel, in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// Resets the peak to the current memory (proc(5), `clear_refs`).
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Processor time of this thread, independent of other programs.
fn processor_milliseconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e6
}

/// Makes hostile pictures, the same for the same seed.
struct Hostile {
    state: u64,
    /// Good pictures, from which bad ones are made.
    good: Vec<Vec<u8>>,
    /// Finished pictures that take long to make.
    made: Vec<(&'static str, Vec<u8>)>,
}

impl Hostile {
    fn new(seed: u64) -> Self {
        let mut made = vec![
            ("an animation of 100,000 frames", animation(100_000)),
            ("a JPEG of a million scans", scans(1_000_000)),
            ("a JPEG of 30 scans", scans(30)),
            ("a text bomb", with_chunk(b"zTXt", b"Comment\0\0", 64_000_000)),
            ("an international text bomb", with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0", 64_000_000)),
            ("a colour profile bomb", with_chunk(b"iCCP", b"x\0\0", 64_000_000)),
            ("a flat PNG of 16 bits below the limit", flat_png(2_800, 2_800, png::ColorType::Rgba, true)),
            ("a flat PNG of 1 bit", flat_png(7_000, 7_000, png::ColorType::Grayscale, false)),
        ];
        for side in [1_400, 2_800, 7_000] {
            let flat = RgbImage::from_pixel(side, side, Rgb([90, 140, 60]));
            made.push(("a flat WebP", encoded(&flat, ImageFormat::WebP)));
            made.push(("a flat PNG", encoded(&flat, ImageFormat::Png)));
            made.push(("a flat JPEG", encoded(&flat, ImageFormat::Jpeg)));
        }
        let good = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];
        let good = good.iter().map(|format| encoded(&scene(160, 120), *format)).collect();
        Self { state: seed, good, made }
    }

    fn number(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % below.max(1)
    }

    fn some_good(&mut self) -> Vec<u8> {
        let which = self.number(self.good.len());
        self.good[which].clone()
    }

    fn picture(&mut self, number: usize) -> (&'static str, Vec<u8>) {
        let mut bytes = self.some_good();
        let length = bytes.len();
        let name = match number % 8 {
            0 => return ("noise", self.noise()),
            1 => {
                bytes.truncate(self.number(length));
                "a picture cut off"
            }
            2 => self.spoil(&mut bytes, length),
            3 => self.spoil(&mut bytes, 60),
            4 => self.enlarge(&mut bytes),
            5 => self.repeat_part(&mut bytes),
            6 => {
                let other = self.some_good();
                let at = self.number(40);
                bytes.splice(..at, other[..at].iter().copied());
                "a picture with another's head"
            }
            _ => {
                let which = self.number(self.made.len());
                let (name, bytes) = &self.made[which];
                return (name, bytes.clone());
            }
        };
        (name, bytes)
    }

    fn noise(&mut self) -> Vec<u8> {
        let starts: [&[u8]; 5] = [
            b"\xFF\xD8\xFF\xDB",
            b"\xFF\xD8\xFF\xC2\0\x11\x08\x10\0\x10\0\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xFF\xDA\0\x0C\x03\x01\0\x02\x11",
            b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x1F\0\0\0\x10\0",
            b"RIFF\xFF\xFF\xFF\xFFWEBPVP8L\xFF\xFF\0\0\x2F",
            b"",
        ];
        let mut bytes = starts[self.number(starts.len())].to_vec();
        let length = self.number(4_000);
        bytes.extend((0..length).map(|_| self.number(256) as u8));
        bytes
    }

    fn spoil(&mut self, bytes: &mut [u8], within: usize) -> &'static str {
        for _ in 0..=self.number(8) {
            let at = self.number(within.min(bytes.len()));
            bytes[at] = self.number(256) as u8;
        }
        "a spoilt picture"
    }

    /// Declares another size, up to the maximum, and other ways of coding.
    fn enlarge(&mut self, bytes: &mut [u8]) -> &'static str {
        let (width, height) = (1 + self.number(9_000) as u16, 1 + self.number(9_000) as u16);
        if bytes.starts_with(b"\x89PNG") {
            bytes[18..20].copy_from_slice(&width.to_be_bytes());
            bytes[22..24].copy_from_slice(&height.to_be_bytes());
            bytes[28] = self.number(2) as u8;
            let check = crc(&bytes[12..29]).to_be_bytes();
            bytes[29..33].copy_from_slice(&check);
        } else if let Some(at) = bytes.windows(2).position(|pair| pair == b"\xFF\xC0") {
            bytes[at + 1] = [0xC0, 0xC1, 0xC2][self.number(3)];
            bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
            bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
            bytes[at + 11] = [0x11, 0x22, 0x44, 0x41, 0x14][self.number(5)];
        } else {
            bytes[21..25].copy_from_slice(&(u32::from(width) | (u32::from(height) << 14)).to_le_bytes());
        }
        "a picture that says it is larger"
    }

    fn repeat_part(&mut self, bytes: &mut Vec<u8>) -> &'static str {
        let (from, length) = (self.number(bytes.len()), self.number(300));
        let part = bytes[from..(from + length).min(bytes.len())].to_vec();
        let at = self.number(bytes.len());
        let times = 1 + self.number(2_000);
        bytes.splice(at..at, part.iter().copied().cycle().take(part.len() * times));
        "a picture of which a part repeats"
    }
}

fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, ((x * y) % 251) as u8]))
}

fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&name[..], data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
}

/// That many zeros, packed by DEFLATE as a PNG's only row, and taken out of it.
fn packed_zeros(count: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, count, 1);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; count as usize]).unwrap();
    writer.finish().unwrap();
    let at = bytes.windows(4).position(|window| window == b"IDAT").unwrap();
    let length = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    bytes[at + 4..at + 4 + length].to_vec()
}

fn with_chunk(name: &[u8; 4], start: &[u8], zeros: u32) -> Vec<u8> {
    let plain = encoded(&scene(64, 64), ImageFormat::Png);
    let data = [start, &packed_zeros(zeros)].concat();
    [&plain[..33], &chunk(name, &data), &plain[33..]].concat()
}

fn flat_png(width: u32, height: u32, colour: png::ColorType, is_deep: bool) -> Vec<u8> {
    let depth = if is_deep { png::BitDepth::Sixteen } else { png::BitDepth::One };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    let row = (width as usize * colour.samples() * depth as usize).div_ceil(8);
    let mut stream = writer.stream_writer().unwrap();
    for _ in 0..height {
        stream.write_all(&vec![0xAA; row]).unwrap();
    }
    stream.finish().unwrap();
    writer.finish().unwrap();
    bytes
}

fn animation(frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    encoder.set_animated(frames, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for _ in 0..frames {
        writer.write_image_data(&[7]).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// A progressive JPEG of 2,000 × 2,000 pixels in that many scans, each of which says that all blocks are empty.
fn scans(count: usize) -> Vec<u8> {
    let mut bytes = b"\xFF\xD8\xFF\xDB\0\x43\0".to_vec();
    bytes.extend([1; 64]);
    bytes.extend(b"\xFF\xC2\0\x0B\x08\x07\xD0\x07\xD0\x01\x01\x11\0");
    // One code of one bit each: no difference for DC, and a run of 2^14 empty blocks for AC.
    let table = |class: u8, symbol: u8| {
        let mut table = vec![0xFF, 0xC4, 0, 20, class, 1];
        table.extend([0; 15]);
        table.push(symbol);
        table
    };
    bytes.extend(table(0x00, 0x00));
    bytes.extend(table(0x10, 0xE0));
    bytes.extend(b"\xFF\xDA\0\x08\x01\x01\0\0\0\0");
    bytes.extend([0; 250 * 250 / 8 + 1]);
    for _ in 1..count {
        bytes.extend(b"\xFF\xDA\0\x08\x01\x01\0\x01\x3F\0\0\0\0\0\0\0\0\0");
    }
    bytes.extend(b"\xFF\xD9");
    bytes
}
