//! The depthwise convolution that this project adds to rten (vendor/rten.patch), against a plain loop. Its results are sums
//! of the same products in another order, so they differ by rounding only.
#![expect(clippy::unwrap_used, reason = "a test")]

use rten::BufferPool;
use rten::ops::{Padding, conv};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

/// Channels: as many kernels side by side, one of each row's planes alone.
const CHANNELS: usize = 3;

/// One size of kernel with where and how it is laid on.
#[derive(Clone, Copy, Debug)]
struct Laid {
    kernel: (usize, usize),
    /// Top, left, bottom, right.
    padding: [usize; 4],
    strides: (usize, usize),
    dilations: (usize, usize),
}

impl Laid {
    /// How many outputs there are along one axis, where the kernel fits in at all.
    fn outputs(size: usize, padding: usize, kernel: usize, stride: usize, dilation: usize) -> Option<usize> {
        let room = (size + padding).checked_sub((kernel - 1) * dilation + 1)?;
        Some(room / stride + 1)
    }

    /// The convolution by its definition.
    fn plainly(&self, image: &NdTensor<f32, 4>, kernel: &NdTensor<f32, 4>, bias: &[f32]) -> Option<Vec<f32>> {
        let [_, _, high, wide] = image.shape();
        let [top, left, bottom, right] = self.padding;
        let rows = Self::outputs(high, top + bottom, self.kernel.0, self.strides.0, self.dilations.0)?;
        let columns = Self::outputs(wide, left + right, self.kernel.1, self.strides.1, self.dilations.1)?;
        let mut all = Vec::with_capacity(CHANNELS * rows * columns);
        for (channel, row, column) in (0..CHANNELS * rows * columns).map(|at| {
            let (channel, rest) = (at / (rows * columns), at % (rows * columns));
            (channel, rest / columns, rest % columns)
        }) {
            let mut sum = bias[channel];
            for (down, along) in (0..self.kernel.0 * self.kernel.1).map(|at| (at / self.kernel.1, at % self.kernel.1)) {
                let y = (row * self.strides.0 + down * self.dilations.0).checked_sub(top);
                let x = (column * self.strides.1 + along * self.dilations.1).checked_sub(left);
                let (Some(y), Some(x)) = (y.filter(|y| *y < high), x.filter(|x| *x < wide)) else { continue };
                sum += image[[0, channel, y, x]] * kernel[[channel, 0, down, along]];
            }
            all.push(sum);
        }
        Some(all)
    }

    fn check(&self, high: usize, wide: usize) {
        let (image, kernel) =
            (numbers([1, CHANNELS, high, wide], 7), numbers([CHANNELS, 1, self.kernel.0, self.kernel.1], 3));
        let bias = [0.5, -0.25, 0.0];
        let Some(expected) = self.plainly(&image, &kernel, &bias) else { return };
        let found: Tensor<f32> = conv(
            &BufferPool::new(),
            image.as_dyn(),
            kernel.as_dyn(),
            Some(NdTensor::from(bias.to_vec()).view()),
            Padding::Fixed(self.padding.into()),
            CHANNELS,
            &[self.strides.0, self.strides.1],
            &[self.dilations.0, self.dilations.1],
        )
        .unwrap();
        let found = found.to_vec();
        assert_eq!(found.len(), expected.len(), "{self:?} on {wide} × {high}");
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(
                (found - expected).abs() < 1e-5,
                "{self:?} on {wide} × {high}, number {at}: {found}, not {expected}"
            );
        }
    }
}

/// Numbers in −1..1 that do not repeat from row to row.
fn numbers(shape: [usize; 4], seed: usize) -> NdTensor<f32, 4> {
    let number = |at: usize| ((at * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0;
    NdTensor::from_data(shape, (0..shape.iter().product()).map(number).collect::<Vec<_>>())
}

#[test]
fn every_width_gives_what_a_plain_loop_gives() {
    for kernel in [(3, 3), (5, 5), (1, 3), (3, 1)] {
        for padding in [[0; 4], [1; 4], [2; 4], [1, 0, 0, 2], [0, 3, 1, 0]] {
            for (strides, dilations) in
                [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 2), (1, 1)), ((1, 1), (2, 2)), ((1, 1), (1, 3))]
            {
                for wide in 1..=70 {
                    Laid { kernel, padding, strides, dilations }.check(4, wide);
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_number_stays_where_it_is() {
    let mut image = numbers([1, CHANNELS, 5, 40], 1);
    image[[0, 1, 2, 20]] = f32::NAN;
    let kernel = numbers([CHANNELS, 1, 3, 3], 2);
    let found: Tensor<f32> = conv(
        &BufferPool::new(),
        image.as_dyn(),
        kernel.as_dyn(),
        None,
        Padding::Fixed([1; 4].into()),
        CHANNELS,
        &[1, 1],
        &[1, 1],
    )
    .unwrap();
    let places: Vec<usize> = found.iter().enumerate().filter(|(_, number)| number.is_nan()).map(|(at, _)| at).collect();
    let around = |row: usize| (19..=21).map(move |column| (5 + row) * 40 + column);
    assert_eq!(places, (1..=3).flat_map(around).collect::<Vec<_>>());
}
