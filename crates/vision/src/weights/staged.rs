//! Runs a network in stages: rten computes all of it but the depthwise convolutions, which are computed here. Each stage is
//! a network of its own, cut out of the ONNX file when that is loaded.

mod cut;

use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::{NdTensorView, Tensor, TensorView};

use super::depthwise::DepthwiseConvolution;

/// Why a network cannot be loaded or run.
pub(super) type NetworkError = Box<dyn std::error::Error + Send + Sync>;

/// A network in stages, run one after the other. Its values have numbers.
pub(super) struct StagedModel {
    stages: Vec<Stage>,
    value_count: usize,
    input: usize,
    outputs: Vec<usize>,
    /// Whether it takes a picture as planes.
    is_planar: bool,
}

/// A part of the network, and the convolutions of values that are known once it has run.
struct Stage {
    /// `None` where one convolution directly follows another.
    part: Option<StagePart>,
    convolutions: Vec<StageConvolution>,
    /// The values that no later stage takes.
    finished: Vec<usize>,
}

struct StagePart {
    model: Model,
    inputs: Vec<StageInput>,
    outputs: Vec<(NodeId, usize)>,
}

struct StageInput {
    node: NodeId,
    value: usize,
    /// Whether nothing else takes the value: then it may be overwritten.
    is_last_use: bool,
}

struct StageConvolution {
    input: usize,
    output: usize,
    convolution: DepthwiseConvolution,
}

impl StagedModel {
    /// Loads a network from an ONNX file.
    pub(super) fn load(bytes: &[u8], options: &ModelOptions) -> Result<Self, NetworkError> {
        cut::cut_network(bytes, options)
    }

    /// Whether the network takes a picture as planes (channels before rows) rather than pixel by pixel.
    pub(super) fn is_planar(&self) -> bool {
        self.is_planar
    }

    /// Runs the network on one input, and returns its outputs in the file's order. All stages run where the first one does: going to
    /// another thread for each would take longer than the smallest stages.
    pub(super) fn run(
        &self,
        input: NdTensorView<'_, f32, 4>,
        threads: &Arc<ThreadPool>,
    ) -> Result<Vec<Tensor<f32>>, NetworkError> {
        let options = RunOptions::default().with_thread_pool(Some(threads.clone()));
        threads.run(|| self.run_stages(input, &options))
    }

    fn run_stages(
        &self,
        input: NdTensorView<'_, f32, 4>,
        options: &RunOptions,
    ) -> Result<Vec<Tensor<f32>>, NetworkError> {
        let mut values: Vec<Option<ValueOrView<'_>>> = Vec::new();
        values.resize_with(self.value_count, || None);
        if let Some(place) = values.get_mut(self.input) {
            *place = Some(ValueOrView::from(input));
        }
        for stage in &self.stages {
            stage.run(&mut values, options)?;
        }
        let output = |value: &usize| {
            let found = values.get_mut(*value).and_then(Option::take).ok_or("an output was not computed")?;
            Ok(Tensor::<f32>::try_from(found.to_owned())?)
        };
        self.outputs.iter().map(output).collect()
    }
}

impl Stage {
    fn run(&self, values: &mut [Option<ValueOrView<'_>>], options: &RunOptions) -> Result<(), NetworkError> {
        if let Some(part) = &self.part {
            let found = part.run(values, options)?;
            for ((_, value), found) in part.outputs.iter().zip(found) {
                if let Some(place) = values.get_mut(*value) {
                    *place = Some(found.into());
                }
            }
        }
        for one in &self.convolutions {
            let input =
                values.get(one.input).and_then(Option::as_ref).ok_or("a convolution's input was not computed")?;
            let input = TensorView::<f32>::try_from(input.as_view())?;
            let found = one.convolution.convolve(&input).ok_or("a convolution does not fit its input")?;
            if let Some(place) = values.get_mut(one.output) {
                *place = Some(Value::FloatTensor(found).into());
            }
        }
        for value in &self.finished {
            if let Some(place) = values.get_mut(*value) {
                *place = None;
            }
        }
        Ok(())
    }
}

impl StagePart {
    fn run(&self, values: &mut [Option<ValueOrView<'_>>], options: &RunOptions) -> Result<Vec<Value>, NetworkError> {
        let mut taken: Vec<(NodeId, ValueOrView<'_>)> = Vec::with_capacity(self.inputs.len());
        for input in self.inputs.iter().filter(|input| input.is_last_use) {
            let value = values.get_mut(input.value).and_then(Option::take);
            taken.push((input.node, value.ok_or("a stage's input was not computed")?));
        }
        for input in self.inputs.iter().filter(|input| !input.is_last_use) {
            let value = values.get(input.value).and_then(Option::as_ref);
            taken.push((input.node, ValueOrView::View(value.ok_or("a stage's input was not computed")?.as_view())));
        }
        let outputs: Vec<NodeId> = self.outputs.iter().map(|(node, _)| *node).collect();
        Ok(self.model.run(taken, &outputs, Some(options.clone()))?)
    }
}
