//! Depthwise convolution (each channel with a filter of its own), with the processor's widest vectors. rten 0.27 computes
//! it value by value, which took half of the time of all networks.

use rten_simd::ops::{BitOps as _, NumOps as _};
use rten_simd::{Isa, SimdOp};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor, TensorView};

/// Room behind each row, so that whole vectors may be read and written beyond its end: the widest has 16 numbers.
const ROOM: usize = 16;
/// The number of vectors of a row that are computed together.
const TOGETHER: usize = 4;

/// The steps and the padding of a convolution, as ONNX's attributes name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConvolutionShape {
    /// Down and across.
    pub(super) strides: [usize; 2],
    /// Above, left, below, right.
    pub(super) pads: [usize; 4],
}

/// A depthwise convolution with its weights.
pub(super) struct DepthwiseConvolution {
    shape: ConvolutionShape,
    /// By channel, row and column.
    weights: NdTensor<f32, 4>,
    /// One number for each channel.
    bias: Vec<f32>,
}

impl DepthwiseConvolution {
    /// `None` if the weights are not those of one filter for each channel.
    pub(super) fn new(shape: ConvolutionShape, weights: Tensor<f32>, bias: Option<Tensor<f32>>) -> Option<Self> {
        let weights: NdTensor<f32, 4> = weights.try_into().ok()?;
        let [channels, one, height, width] = weights.shape();
        let bias = bias.map_or_else(|| vec![0.0; channels], Tensor::into_data);
        let fits = one == 1 && height > 0 && width > 0 && bias.len() == channels && !shape.strides.contains(&0);
        fits.then_some(Self { shape, weights, bias })
    }

    /// Convolves pictures; `None` if they have other channels than the weights, or are smaller than the filter.
    pub(super) fn convolve(&self, input: &TensorView<'_, f32>) -> Option<Tensor<f32>> {
        let &[pictures, channels, height, width] = input.shape() else { return None };
        let [filters, _, filter_height, filter_width] = self.weights.shape();
        let ([down, across], [above, left, below, right]) = (self.shape.strides, self.shape.pads);
        let (padded_height, padded_width) = (height + above + below, width + left + right);
        if channels != filters {
            return None;
        }
        let out_height = padded_height.checked_sub(filter_height)? / down + 1;
        let out_width = padded_width.checked_sub(filter_width)? / across + 1;
        let layout = RowLayout { out_width, across, phase: padded_width.div_ceil(across) + TOGETHER * ROOM };
        let numbers = input.to_contiguous();
        let mut padded = vec![0.0; layout.row_length() * padded_height];
        let mut out = vec![0.0; pictures * channels * out_height * out_width];
        let weights = self.weights.data()?;
        let filters = weights.chunks_exact(filter_height * filter_width).zip(&self.bias).cycle();
        let planes =
            numbers.data().chunks_exact((height * width).max(1)).zip(out.chunks_exact_mut(out_height * out_width));
        for ((plane, out), (filter, bias)) in planes.zip(filters) {
            for (row, padded) in plane.chunks_exact(width).zip(padded.chunks_exact_mut(layout.row_length()).skip(above))
            {
                layout.write_row(row, left, padded);
            }
            let filter = ChannelFilter { weights: filter, width: filter_width, bias: *bias };
            ConvolvedPlane { layout, padded: &padded, filter, down, out }.dispatch();
        }
        Some(Tensor::from_data(&[pictures, channels, out_height, out_width], out))
    }
}

/// How a padded row is laid out: every `across`th column side by side, as one phase, and the phases one behind the other.
#[derive(Clone, Copy)]
struct RowLayout {
    out_width: usize,
    across: usize,
    /// The length of a phase, with room behind it.
    phase: usize,
}

impl RowLayout {
    fn row_length(self) -> usize {
        self.phase * self.across
    }

    fn write_row(self, row: &[f32], left: usize, padded: &mut [f32]) {
        if self.across == 1 {
            if let Some(inside) = padded.get_mut(left..left + row.len()) {
                inside.copy_from_slice(row);
            }
            return;
        }
        for (phase, padded) in padded.chunks_exact_mut(self.phase).enumerate() {
            // The first column of the row that belongs to this phase.
            let first = (phase + self.across - left % self.across) % self.across;
            let places = padded.iter_mut().skip((left + first) / self.across);
            places.zip(row.iter().skip(first).step_by(self.across)).for_each(|(place, value)| *place = *value);
        }
    }
}

/// The filter of one channel.
#[derive(Clone, Copy)]
struct ChannelFilter<'a> {
    weights: &'a [f32],
    width: usize,
    bias: f32,
}

/// One channel's plane to be convolved.
struct ConvolvedPlane<'a> {
    layout: RowLayout,
    padded: &'a [f32],
    filter: ChannelFilter<'a>,
    down: usize,
    out: &'a mut [f32],
}

impl SimdOp for ConvolvedPlane<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        match (self.filter.width, self.layout.across) {
            (3, 1) => self.convolve_rows::<I, 3, 1>(isa),
            (3, 2) => self.convolve_rows::<I, 3, 2>(isa),
            (5, 1) => self.convolve_rows::<I, 5, 1>(isa),
            (5, 2) => self.convolve_rows::<I, 5, 2>(isa),
            _ => self.convolve_any(),
        }
    }
}

impl ConvolvedPlane<'_> {
    /// Convolves two rows at once: most of the values that they take are the same.
    #[inline(always)]
    fn convolve_rows<I: Isa, const WIDTH: usize, const ACROSS: usize>(self, isa: I) {
        let Self { layout, padded, filter, down, out } = self;
        let weights = filter.weights.as_chunks::<WIDTH>().0;
        let step = layout.row_length();
        let rows = |number: usize| RowBlock {
            weights,
            input: padded.get(number * down * step..).unwrap_or_default(),
            step,
            phase: layout.phase,
            down,
            bias: filter.bias,
        };
        let mut pairs = out.chunks_exact_mut(2 * layout.out_width);
        let mut number = 0;
        for pair in pairs.by_ref() {
            let (upper, lower) = pair.split_at_mut(layout.out_width);
            rows(number).convolve_along::<I, ACROSS, 2>(isa, [upper, lower]);
            number += 2;
        }
        let last = pairs.into_remainder();
        if !last.is_empty() {
            rows(number).convolve_along::<I, ACROSS, 1>(isa, [last]);
        }
    }

    /// Convolves with a filter or a step that none of these networks has more than once.
    fn convolve_any(self) {
        let Self { layout, padded, filter, down, out } = self;
        let step = layout.row_length();
        for (number, out) in out.chunks_exact_mut(layout.out_width).enumerate() {
            let input = padded.get(number * down * step..).unwrap_or_default();
            out.fill(filter.bias);
            for (weights, row) in filter.weights.chunks_exact(filter.width).zip(input.chunks_exact(step)) {
                for (column, weight) in weights.iter().enumerate() {
                    let from = column % layout.across * layout.phase + column / layout.across;
                    let values = row.get(from..).unwrap_or_default();
                    out.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * weight);
                }
            }
        }
    }
}

/// Rows to be convolved together.
#[derive(Clone, Copy)]
struct RowBlock<'a, const WIDTH: usize> {
    weights: &'a [[f32; WIDTH]],
    /// From the first row that the first row of the result takes.
    input: &'a [f32],
    step: usize,
    phase: usize,
    down: usize,
    bias: f32,
}

impl<const WIDTH: usize> RowBlock<'_, WIDTH> {
    #[inline(always)]
    fn convolve_along<I: Isa, const ACROSS: usize, const ROWS: usize>(self, isa: I, mut out: [&mut [f32]; ROWS]) {
        let lanes = isa.f32().len();
        let width = out[0].len();
        let mut at = 0;
        while at < width {
            let mut block = [[0.0; TOGETHER * ROOM]; ROWS];
            let is_wide = width - at > 2 * lanes;
            let count = (width - at).min(if is_wide { TOGETHER * lanes } else { lanes });
            let is_whole = count % lanes == 0;
            let parts = out.each_mut().map(|row| &mut row[at..]);
            let parts = if is_whole { parts } else { block.each_mut().map(<[f32; TOGETHER * ROOM]>::as_mut_slice) };
            if is_wide {
                self.convolve_part::<I, ACROSS, ROWS, TOGETHER>(isa, at, parts);
            } else {
                self.convolve_part::<I, ACROSS, ROWS, 1>(isa, at, parts);
            }
            if !is_whole {
                for (out, block) in out.iter_mut().zip(&block) {
                    out[at..at + count].copy_from_slice(&block[..count]);
                }
            }
            at += count;
        }
    }

    /// Convolves some vectors of each row. What is beyond the row's end stays in `out`, or is dropped with it.
    #[inline(always)]
    fn convolve_part<I: Isa, const ACROSS: usize, const ROWS: usize, const COUNT: usize>(
        self,
        isa: I,
        at: usize,
        out: [&mut [f32]; ROWS],
    ) {
        let ops = isa.f32();
        let lanes = ops.len();
        let span = COUNT * lanes + (WIDTH - 1) / ACROSS;
        let mut sums = [[ops.splat(self.bias); COUNT]; ROWS];
        let height = self.weights.len() + (ROWS - 1) * self.down;
        for (number, row) in self.input.chunks_exact(self.step).take(height).enumerate() {
            let weights: [Option<&[f32; WIDTH]>; ROWS] =
                std::array::from_fn(|out| self.weights.get(number.wrapping_sub(out * self.down)));
            for phase in 0..ACROSS {
                let from = phase * self.phase + at;
                let Some(values) = row.get(from..from + span) else { return };
                for place in 0..WIDTH.saturating_sub(phase).div_ceil(ACROSS) {
                    let values = ops.load_many::<COUNT>(&values[place..place + COUNT * lanes]);
                    for (sums, weights) in sums.iter_mut().zip(weights) {
                        let Some(weights) = weights else { continue };
                        let weight = ops.splat(weights[place * ACROSS + phase]);
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum = ops.mul_add(value, weight, *sum);
                        }
                    }
                }
            }
        }
        for (sums, out) in sums.into_iter().zip(out) {
            for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(lanes)) {
                ops.store(sum, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of a convolution, number by number.
    fn convolve_slowly(one: &DepthwiseConvolution, input: &NdTensor<f32, 4>) -> Vec<f32> {
        let [pictures, channels, height, width] = input.shape();
        let [_, _, filter_height, filter_width] = one.weights.shape();
        let ([down, across], [above, left, below, right]) = (one.shape.strides, one.shape.pads);
        let mut out = Vec::new();
        for (picture, channel) in (0..pictures).flat_map(|picture| (0..channels).map(move |channel| (picture, channel)))
        {
            for y in 0..(height + above + below - filter_height) / down + 1 {
                for x in 0..(width + left + right - filter_width) / across + 1 {
                    let mut sum = one.bias[channel];
                    for (row, column) in
                        (0..filter_height).flat_map(|row| (0..filter_width).map(move |column| (row, column)))
                    {
                        let (y, x) = ((y * down + row).wrapping_sub(above), (x * across + column).wrapping_sub(left));
                        if y < height && x < width {
                            sum += input[[picture, channel, y, x]] * one.weights[[channel, 0, row, column]];
                        }
                    }
                    out.push(sum);
                }
            }
        }
        out
    }

    /// Small whole numbers: sums of their products are exact in every sequence.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 31 + seed * 7 + at / 5) % 17) as f32 - 8.0).collect()
    }

    proptest! {
        #[test]
        fn every_shape_is_convolved_as_defined(
            (channels, height, width) in (1_usize..4, 1_usize..12, 1_usize..70),
            (filter_height, filter_width) in (1_usize..8, 1_usize..8),
            strides in proptest::array::uniform2(1_usize..4),
            pads in proptest::array::uniform4(0_usize..4),
            seed in 0_usize..100,
        ) {
            let filter = Tensor::from_data(&[channels, 1, filter_height, filter_width], numbers(channels * filter_height * filter_width, seed));
            let bias = Tensor::from_data(&[channels], numbers(channels, seed + 1));
            let convolution = DepthwiseConvolution::new(ConvolutionShape { strides, pads }, filter, Some(bias)).unwrap();
            let input = NdTensor::from_data([2, channels, height, width], numbers(2 * channels * height * width, seed + 2));
            let found = convolution.convolve(&input.as_dyn());
            if height + pads[0] + pads[2] < filter_height || width + pads[1] + pads[3] < filter_width {
                prop_assert!(found.is_none());
            } else {
                prop_assert_eq!(found.unwrap().into_data(), convolve_slowly(&convolution, &input));
            }
        }
    }

    #[test]
    fn weights_of_another_kind_are_refused() {
        let shape = ConvolutionShape { strides: [1, 1], pads: [0; 4] };
        let weights = |dims: &[usize]| Tensor::from_data(dims, vec![1.0; dims.iter().product()]);
        assert!(DepthwiseConvolution::new(shape, weights(&[2, 1, 3, 3]), None).is_some());
        assert!(DepthwiseConvolution::new(shape, weights(&[2, 2, 3, 3]), None).is_none());
        assert!(DepthwiseConvolution::new(shape, weights(&[2, 1, 3]), None).is_none());
        assert!(DepthwiseConvolution::new(shape, weights(&[2, 1, 3, 3]), Some(weights(&[3]))).is_none());
        let two = DepthwiseConvolution::new(shape, weights(&[2, 1, 3, 3]), None).unwrap();
        assert!(
            two.convolve(&weights(&[1, 3, 9, 9]).view()).is_none()
                && two.convolve(&weights(&[2, 9, 9]).view()).is_none()
        );
    }
}
