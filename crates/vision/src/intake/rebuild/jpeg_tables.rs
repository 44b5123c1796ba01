//! The tables of a JPEG (ITU-T T.81, B.2.4): read one by one, and written where a scan needs them.

use super::super::PictureRefusal;
use super::huffman::HuffmanCodes;

/// The tables of each kind that a JPEG may have at a time.
const SLOTS: usize = 4;

pub(super) const DEFINE_CODES: u8 = 0xC4;
pub(super) const DEFINE_QUANTISATION: u8 = 0xDB;

/// Whether codes are those of the mean of a block or of its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeClass {
    Dc,
    Ac,
}

#[derive(Default)]
struct Table {
    /// As it was read, and not written yet.
    unwritten: Option<Vec<u8>>,
    is_known: bool,
    codes: Option<HuffmanCodes>,
}

/// The tables that were read so far.
#[derive(Default)]
pub(super) struct Tables {
    quantisation: [Table; SLOTS],
    dc: [Table; SLOTS],
    ac: [Table; SLOTS],
}

impl Tables {
    /// Reads a segment of quantisation tables.
    pub(super) fn read_quantisation(&mut self, mut data: &[u8]) -> Result<(), PictureRefusal> {
        while let Some(head) = data.first() {
            let length = match head >> 4 {
                0 => 65,
                1 => 129,
                _ => return Err(PictureRefusal::Damaged),
            };
            let (table, rest) = data.split_at_checked(length).ok_or(PictureRefusal::Damaged)?;
            let slot = self.quantisation.get_mut(usize::from(head & 15)).ok_or(PictureRefusal::Damaged)?;
            (slot.unwritten, slot.is_known) = (Some(table.to_vec()), true);
            data = rest;
        }
        Ok(())
    }

    /// Reads a segment of Huffman codes.
    pub(super) fn read_codes(&mut self, mut data: &[u8]) -> Result<(), PictureRefusal> {
        while let Some((head, rest)) = data.split_first() {
            let counts = rest.first_chunk::<16>().ok_or(PictureRefusal::Damaged)?;
            let length = counts.iter().map(|count| usize::from(*count)).sum::<usize>();
            let (table, rest) = data.split_at_checked(17 + length).ok_or(PictureRefusal::Damaged)?;
            let class = match head >> 4 {
                0 => CodeClass::Dc,
                1 => CodeClass::Ac,
                _ => return Err(PictureRefusal::Damaged),
            };
            let codes = HuffmanCodes::new(counts, table.get(17..).unwrap_or_default());
            let slots = self.slots_mut(class);
            let slot = slots.get_mut(usize::from(head & 15)).ok_or(PictureRefusal::Damaged)?;
            let codes = Some(codes.ok_or(PictureRefusal::Damaged)?);
            *slot = Table { unwritten: Some(table.to_vec()), is_known: true, codes };
            data = rest;
        }
        Ok(())
    }

    pub(super) fn has_quantisation(&self, slot: u8) -> bool {
        self.quantisation.get(usize::from(slot)).is_some_and(|table| table.is_known)
    }

    /// Writes a quantisation table, unless it is written.
    pub(super) fn write_quantisation(&mut self, slot: u8, out: &mut Vec<u8>) {
        let table = self.quantisation.get_mut(usize::from(slot));
        if let Some(table) = table.and_then(|table| table.unwritten.take()) {
            write_segment(out, DEFINE_QUANTISATION, &table);
        }
    }

    /// Writes codes, unless they are written.
    pub(super) fn write_codes(&mut self, class: CodeClass, slot: u8, out: &mut Vec<u8>) {
        let table = self.slots_mut(class).get_mut(usize::from(slot));
        if let Some(table) = table.and_then(|table| table.unwritten.take()) {
            write_segment(out, DEFINE_CODES, &table);
        }
    }

    /// The codes in that slot.
    pub(super) fn codes(&self, class: CodeClass, slot: u8) -> Option<&HuffmanCodes> {
        let slots = if class == CodeClass::Dc { &self.dc } else { &self.ac };
        slots.get(usize::from(slot))?.codes.as_ref()
    }

    fn slots_mut(&mut self, class: CodeClass) -> &mut [Table; SLOTS] {
        match class {
            CodeClass::Dc => &mut self.dc,
            CodeClass::Ac => &mut self.ac,
        }
    }
}

/// Writes a segment: its marker, its length and its data, which is shorter than 64 KiB.
pub(super) fn write_segment(out: &mut Vec<u8>, marker: u8, data: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend((data.len() as u16 + 2).to_be_bytes());
    out.extend(data);
}
