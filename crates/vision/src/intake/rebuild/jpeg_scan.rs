//! Follows the coded pixels of a JPEG's scan to their end (ITU-T T.81, annexes F and G), so that nothing behind them is
//! taken for pixels. The pixels themselves are not computed.

use super::super::PictureRefusal;
use super::super::read_be16;
use super::huffman::{CodedBits, HuffmanCodes};
use super::jpeg_tables::{CodeClass, Tables};

/// A component of the frame.
pub(super) struct Component {
    id: u8,
    across: usize,
    down: usize,
    pub(super) quantisation: u8,
    /// Blocks in a row of the component as it is in scans of several components.
    stride: usize,
    /// Blocks across and down in a scan of this component alone.
    alone: (usize, usize),
    /// Which values of each block are known to be other than zero. Only progressive pictures need it.
    nonzero: Vec<u64>,
}

/// The frame header.
pub(super) struct Frame {
    pub(super) components: Vec<Component>,
    is_progressive: bool,
    /// Units across and down in a scan of several components.
    units: (usize, usize),
}

impl Frame {
    /// Reads the header of a frame with 8 bits a sample and Huffman codes; `None` for any other.
    pub(super) fn read_header(marker: u8, data: &[u8]) -> Option<Self> {
        let is_progressive = match marker {
            0xC0 | 0xC1 => false,
            0xC2 => true,
            _ => return None,
        };
        let (height, width) = (usize::from(read_be16(data, 1)?), usize::from(read_be16(data, 3)?));
        let components = data.get(6..)?.as_chunks::<3>().0;
        let is_whole = data.len() == 6 + 3 * usize::from(data[5]) && !components.is_empty() && components.len() <= 4;
        let factors = components.iter().map(|[_, factors, _]| (usize::from(factors >> 4), usize::from(factors & 15)));
        if data[0] != 8 || !is_whole || !factors.clone().all(|(x, y)| (1..=4).contains(&x) && (1..=4).contains(&y)) {
            return None;
        }
        let (widest, highest) = factors.fold((1, 1), |(x, y), (across, down)| (x.max(across), y.max(down)));
        let units = (width.div_ceil(8 * widest), height.div_ceil(8 * highest));
        let component = |[id, factors, quantisation]: &[u8; 3]| {
            let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
            let blocks = |side: usize, factor: usize, most: usize| (side * factor).div_ceil(most).div_ceil(8);
            let stride = units.0 * across;
            let nonzero = if is_progressive { vec![0; stride * units.1 * down] } else { Vec::new() };
            let alone = (blocks(width, across, widest), blocks(height, down, highest));
            Component { id: *id, across, down, quantisation: *quantisation, stride, alone, nonzero }
        };
        Some(Self { components: components.iter().map(component).collect(), is_progressive, units })
    }
}

/// The header of a scan.
pub(super) struct Scan {
    /// Of each component: its place in the frame, and the slots of its codes.
    components: Vec<(usize, u8, u8)>,
    first: usize,
    last: usize,
    kind: ScanKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ScanKind {
    Sequential,
    FirstDc,
    RefineDc,
    FirstAc,
    RefineAc,
}

impl Scan {
    /// Reads the header of a scan; `None` if it is not well-formed.
    pub(super) fn read_header(frame: &Frame, data: &[u8]) -> Option<Self> {
        let count = usize::from(*data.first()?);
        if !(1..=4).contains(&count) || data.len() != 4 + 2 * count {
            return None;
        }
        let named = data.get(1..1 + 2 * count)?.as_chunks::<2>().0.iter();
        let find = |[id, slots]: &[u8; 2]| {
            let place = frame.components.iter().position(|component| component.id == *id)?;
            Some((place, slots >> 4, slots & 15))
        };
        let components: Vec<_> = named.map(find).collect::<Option<_>>()?;
        let &[first, last, step] = data.get(1 + 2 * count..)? else { return None };
        let is_refined = step >> 4 > 0;
        let kind = match (frame.is_progressive, first, is_refined) {
            (false, ..) => ScanKind::Sequential,
            (true, 0, false) if last == 0 => ScanKind::FirstDc,
            (true, 0, true) if last == 0 => ScanKind::RefineDc,
            (true, 0, _) => return None,
            (true, _, false) => ScanKind::FirstAc,
            (true, _, true) => ScanKind::RefineAc,
        };
        let is_ac = matches!(kind, ScanKind::FirstAc | ScanKind::RefineAc);
        let is_band = first <= last && last < 64 && count == 1;
        (!is_ac || is_band).then_some(Self { components, first: first.into(), last: last.into(), kind })
    }

    /// Whether it has every value of every component, once.
    pub(super) fn has_whole_blocks_of(&self, frame: &Frame) -> bool {
        let has_all = (0..frame.components.len()).all(|place| self.components.iter().any(|(one, ..)| *one == place));
        self.kind == ScanKind::Sequential && has_all && self.components.len() == frame.components.len()
    }

    /// The codes that the scan uses, each with its class and slot.
    pub(super) fn used_codes(&self) -> Vec<(CodeClass, u8)> {
        let classes: &[CodeClass] = match self.kind {
            ScanKind::Sequential => &[CodeClass::Dc, CodeClass::Ac],
            ScanKind::FirstDc => &[CodeClass::Dc],
            ScanKind::RefineDc => &[],
            ScanKind::FirstAc | ScanKind::RefineAc => &[CodeClass::Ac],
        };
        let slot = |class: CodeClass, dc: u8, ac: u8| (class, if class == CodeClass::Dc { dc } else { ac });
        let mut used = Vec::new();
        for (_, dc, ac) in &self.components {
            used.extend(classes.iter().map(|class| slot(*class, *dc, *ac)));
        }
        used
    }

    /// Copies the coded pixels of a scan, and returns what follows them. Bytes between the end of the pixels and the next
    /// marker are left out.
    pub(super) fn copy_pixels<'a>(
        &self,
        frame: &mut Frame,
        tables: &Tables,
        restart: u16,
        bytes: &'a [u8],
        out: &mut Vec<u8>,
    ) -> Result<&'a [u8], PictureRefusal> {
        let (across, down) = match self.components[..] {
            [(place, ..)] => frame.components[place].alone,
            _ => frame.units,
        };
        let units = across * down;
        let interval = if restart == 0 { units } else { usize::from(restart) };
        let (mut at, mut unit) = (0, 0);
        while unit < units {
            let until = units.min(unit + interval);
            let mut walk = ScanWalk { bits: CodedBits::new(bytes, at), skipped_blocks: 0 };
            for unit in unit..until {
                self.pass_unit(frame, tables, (unit % across, unit / across), &mut walk)
                    .ok_or(PictureRefusal::Damaged)?;
            }
            let end = walk.bits.end();
            out.extend(&bytes[at..end]);
            at = end + find_marker(&bytes[end..]).ok_or(PictureRefusal::Damaged)?;
            unit = until;
            if unit < units {
                let marker = bytes.get(at + 1).filter(|marker| matches!(marker, 0xD0..=0xD7));
                out.extend([0xFF, *marker.ok_or(PictureRefusal::Damaged)?]);
                at += 2;
            }
        }
        Ok(&bytes[at..])
    }

    /// Passes over the blocks of one unit; `None` where the pixels end before or a code does not exist.
    fn pass_unit(
        &self,
        frame: &mut Frame,
        tables: &Tables,
        (column, row): (usize, usize),
        walk: &mut ScanWalk<'_>,
    ) -> Option<()> {
        let is_alone = self.components.len() == 1;
        for (place, dc, ac) in &self.components {
            let component = frame.components.get_mut(*place)?;
            let codes = (tables.codes(CodeClass::Dc, *dc), tables.codes(CodeClass::Ac, *ac));
            let (across, down) = if is_alone { (1, 1) } else { (component.across, component.down) };
            for y in 0..down {
                for x in 0..across {
                    let block = (row * down + y) * component.stride + column * across + x;
                    self.pass_block(component.nonzero.get_mut(block), codes, walk)?;
                }
            }
        }
        Some(())
    }

    fn pass_block(
        &self,
        nonzero: Option<&mut u64>,
        (dc, ac): (Option<&HuffmanCodes>, Option<&HuffmanCodes>),
        walk: &mut ScanWalk<'_>,
    ) -> Option<()> {
        match self.kind {
            ScanKind::Sequential => {
                walk.pass_dc(dc?)?;
                walk.pass_sequential_ac(ac?)
            }
            ScanKind::FirstDc => walk.pass_dc(dc?),
            ScanKind::RefineDc => walk.bits.take_bits(1).map(drop),
            ScanKind::FirstAc => walk.pass_first_ac(ac?, (self.first, self.last), nonzero?),
            ScanKind::RefineAc => walk.pass_refined_ac(ac?, (self.first, self.last), nonzero?),
        }
    }
}

/// The position of the next marker that is not a stuffed zero or a fill byte.
fn find_marker(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))
}

/// The way through the bits of a scan.
struct ScanWalk<'a> {
    bits: CodedBits<'a>,
    /// The number of blocks to come that have no values of their own in this scan.
    skipped_blocks: u32,
}

impl ScanWalk<'_> {
    fn pass_dc(&mut self, codes: &HuffmanCodes) -> Option<()> {
        self.bits.take_value(codes).map(drop)
    }

    fn pass_sequential_ac(&mut self, codes: &HuffmanCodes) -> Option<()> {
        let mut place = 1;
        while place < 64 {
            let symbol = self.bits.take_value(codes)?;
            match (usize::from(symbol >> 4), symbol & 15) {
                (run, 0) if run < 15 => return Some(()),
                (run, _) => place += run + 1,
            }
        }
        Some(())
    }

    fn pass_first_ac(&mut self, codes: &HuffmanCodes, (first, last): (usize, usize), nonzero: &mut u64) -> Option<()> {
        if self.skipped_blocks > 0 {
            self.skipped_blocks -= 1;
            return Some(());
        }
        let mut place = first;
        while place <= last {
            let symbol = self.bits.take_value(codes)?;
            match (usize::from(symbol >> 4), symbol & 15) {
                (15, 0) => place += 16,
                (run, 0) => {
                    self.skipped_blocks = self.take_skipped_blocks(run)? - 1;
                    return Some(());
                }
                (run, _) => {
                    place += run;
                    *nonzero |= 1_u64.checked_shl(u32::try_from(place).ok()?)?;
                    place += 1;
                }
            }
        }
        Some(())
    }

    /// Passes over a block whose known values get one more bit each.
    fn pass_refined_ac(
        &mut self,
        codes: &HuffmanCodes,
        (first, last): (usize, usize),
        nonzero: &mut u64,
    ) -> Option<()> {
        let mut place = first;
        while self.skipped_blocks == 0 && place <= last {
            let symbol = self.bits.take_symbol(codes)?;
            let (run, size) = (usize::from(symbol >> 4), symbol & 15);
            match (run, size) {
                (15, 0) => {}
                (run, 0) => {
                    self.skipped_blocks = self.take_skipped_blocks(run)?;
                    break;
                }
                _ => self.bits.take_bits(1).map(drop)?,
            }
            place = self.pass_known_values((place, last), run, *nonzero)?;
            if size > 0 {
                *nonzero |= 1_u64.checked_shl(u32::try_from(place).ok()?)?;
            }
            place += 1;
        }
        if self.skipped_blocks > 0 {
            self.pass_known_values((place, last), 64, *nonzero)?;
            self.skipped_blocks -= 1;
        }
        Some(())
    }

    /// Passes over the bits of known values and over that many zeros. Returns the place of the zero behind them, or the one
    /// behind the last.
    fn pass_known_values(&mut self, (place, last): (usize, usize), zeros: usize, nonzero: u64) -> Option<usize> {
        let mut zeros = zeros;
        for place in place..=last {
            if nonzero >> place & 1 == 1 {
                self.bits.take_bits(1)?;
            } else if zeros == 0 {
                return Some(place);
            } else {
                zeros -= 1;
            }
        }
        Some(last + 1)
    }

    fn take_skipped_blocks(&mut self, run: usize) -> Option<u32> {
        let size = u32::try_from(run).ok()?;
        Some((1 << size) + self.bits.take_bits(size)?)
    }
}
