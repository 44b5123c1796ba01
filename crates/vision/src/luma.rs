//! Converts colours to the brightness that the eye perceives.

use image::{GrayImage, RgbImage};

/// The brightness of each pixel (ITU-R BT.601).
pub(crate) fn to_luma(picture: &RgbImage) -> GrayImage {
    let pixels = picture.as_raw().as_chunks::<3>().0.iter().map(|pixel| pixel_luma(*pixel)).collect();
    GrayImage::from_raw(picture.width(), picture.height(), pixels).unwrap_or_default()
}

/// The brightness of one pixel (ITU-R BT.601).
pub(crate) fn pixel_luma([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29) >> 8) as u8
}
