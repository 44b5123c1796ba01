//! Cuts an ONNX file into stages at its depthwise convolutions.

use std::collections::{BTreeSet, HashMap, HashSet};

use rten::ModelOptions;
use rten_onnx::onnx::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use rten_tensor::{Layout as _, Tensor};

use super::super::depthwise::{ConvolutionShape, DepthwiseConvolution};
use super::{NetworkError, Stage, StageConvolution, StageInput, StagePart, StagedModel};

/// Loads a network in stages. What cannot be cut is one stage.
pub(super) fn cut_network(bytes: &[u8], options: &ModelOptions) -> Result<StagedModel, NetworkError> {
    let mut file = ModelProto::parse_buf(bytes)?;
    let graph = file.graph.take().ok_or("it has no graph")?;
    let network = OnnxNetwork::new(file, graph);
    // A network that computes its weights in an unusual way is left to rten as a whole.
    let convolutions = network.load_convolutions(options).unwrap_or_default();
    StageCutter::new(&network, &convolutions).cut_stages(convolutions, options)
}

/// An ONNX file by its parts.
struct OnnxNetwork {
    /// The file without its graph.
    file: ModelProto,
    graph: GraphProto,
    /// The node that makes each value.
    makers: HashMap<String, usize>,
    /// By node: whether it depends on no input.
    is_constant: Vec<bool>,
}

impl OnnxNetwork {
    fn new(file: ModelProto, graph: GraphProto) -> Self {
        let makers = graph.node.iter().enumerate();
        let makers =
            makers.flat_map(|(place, node)| node.output.iter().map(move |name| (name.clone(), place))).collect();
        let mut network = Self { file, graph, makers, is_constant: Vec::new() };
        let mut variable: HashSet<&str> = network.inputs().filter_map(|input| input.name.as_deref()).collect();
        let mut is_constant = Vec::with_capacity(network.graph.node.len());
        for node in &network.graph.node {
            let depends = node.input.iter().any(|name| variable.contains(name.as_str()));
            if depends {
                variable.extend(node.output.iter().map(String::as_str));
            }
            is_constant.push(!depends);
        }
        network.is_constant = is_constant;
        network
    }

    /// The inputs without those that have a number in the file.
    fn inputs(&self) -> impl Iterator<Item = &ValueInfoProto> {
        let stored: HashSet<&str> = self.graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
        self.graph.input.iter().filter(move |input| input.name.as_deref().is_some_and(|name| !stored.contains(name)))
    }

    fn is_constant_value(&self, name: &str) -> bool {
        match self.makers.get(name) {
            Some(maker) => self.is_constant.get(*maker).copied().unwrap_or(false),
            None => self.inputs().all(|input| input.name.as_deref() != Some(name)),
        }
    }

    /// The depthwise convolutions, by their nodes.
    fn load_convolutions(&self, options: &ModelOptions) -> Result<HashMap<usize, DepthwiseConvolution>, NetworkError> {
        let is_nested = |node: &NodeProto| node.attribute.iter().any(|attribute| attribute.g.is_some());
        if self.graph.node.iter().any(is_nested) {
            return Ok(HashMap::new());
        }
        let shapes = self.graph.node.iter().enumerate();
        let shapes = shapes.filter_map(|(place, node)| Some((place, self.read_grouped_shape(node)?)));
        let shapes: Vec<(usize, (ConvolutionShape, usize))> = shapes.collect();
        let names =
            shapes.iter().filter_map(|(place, _)| self.graph.node.get(*place)).flat_map(|node| &node.input[1..]);
        let names: BTreeSet<&str> = names.map(String::as_str).collect();
        let mut numbers = self.compute_constants(&names, options)?;
        let mut found = HashMap::new();
        for (place, (shape, groups)) in shapes {
            let Some(inputs) = self.graph.node.get(place).map(|node| &node.input) else { continue };
            let mut number = |at: usize| inputs.get(at).and_then(|name| numbers.get_mut(name)).cloned();
            let (Some(weights), bias) = (number(1), number(2)) else { continue };
            let is_depthwise = weights.size(0) == groups && bias.is_some() == (inputs.len() > 2);
            if let Some(one) = DepthwiseConvolution::new(shape, weights, bias).filter(|_| is_depthwise) {
                found.insert(place, one);
            }
        }
        Ok(found)
    }

    /// The shape and the number of groups of a convolution in groups whose weights are constant.
    fn read_grouped_shape(&self, node: &NodeProto) -> Option<(ConvolutionShape, usize)> {
        let attribute = |name: &str| node.attribute.iter().find(move |one| one.name.as_deref() == Some(name));
        let sizes = |name: &str| {
            attribute(name)
                .map(|one| one.ints.iter().filter_map(|size| usize::try_from(*size).ok()).collect::<Vec<_>>())
        };
        let groups = usize::try_from(attribute("group")?.i?).ok().filter(|groups| *groups > 1)?;
        let is_known = node.op_type.as_deref() == Some("Conv")
            && node.domain.as_deref().unwrap_or_default().is_empty()
            && (2..=3).contains(&node.input.len())
            && node.input.iter().skip(1).all(|name| self.is_constant_value(name))
            && !self.is_constant_value(node.input.first()?)
            && node.output.len() == 1
            && sizes("dilations").is_none_or(|dilations| dilations == [1, 1])
            && attribute("auto_pad").is_none_or(|pad| pad.s.as_deref() == Some("NOTSET"));
        let strides = sizes("strides").map_or(Some([1, 1]), |strides| strides.try_into().ok())?;
        let pads = sizes("pads").map_or(Some([0; 4]), |pads| pads.try_into().ok())?;
        is_known.then_some((ConvolutionShape { strides, pads }, groups))
    }

    /// Computes values that depend on no input.
    fn compute_constants(
        &self,
        names: &BTreeSet<&str>,
        options: &ModelOptions,
    ) -> Result<HashMap<String, Tensor<f32>>, NetworkError> {
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let outputs: Vec<&str> = names.iter().copied().collect();
        let model = options.load(self.write_part(&BTreeSet::new(), &[], &outputs)?)?;
        let ids = outputs.iter().map(|name| model.node_id(name)).collect::<Result<Vec<_>, _>>()?;
        let found = model.run(Vec::new(), &ids, None)?;
        let pairs = outputs.into_iter().zip(found);
        pairs.map(|(name, value)| Ok((name.to_owned(), Tensor::<f32>::try_from(value)?))).collect()
    }

    /// Writes an ONNX file of some nodes and of the constants that these, or the outputs, need.
    fn write_part(&self, nodes: &BTreeSet<usize>, inputs: &[&str], outputs: &[&str]) -> Result<Vec<u8>, NetworkError> {
        let mut chosen = nodes.clone();
        let mut needed: HashSet<&str> = HashSet::new();
        let node_inputs = |place: &usize| self.graph.node.get(*place).map(|node| &node.input).into_iter().flatten();
        let mut waiting: Vec<&str> =
            nodes.iter().flat_map(node_inputs).map(String::as_str).chain(outputs.iter().copied()).collect();
        while let Some(name) = waiting.pop() {
            if !needed.insert(name) {
                continue;
            }
            if let Some(maker) = self.makers.get(name).filter(|maker| self.is_constant.get(**maker) == Some(&true)) {
                chosen.insert(*maker);
                waiting.extend(node_inputs(maker).map(String::as_str));
            }
        }
        let is_needed = |name: Option<&str>| name.is_some_and(|name| needed.contains(name));
        let value = |name: &&str| {
            let stated =
                self.graph.input.iter().chain(&self.graph.output).find(|info| info.name.as_deref() == Some(name));
            stated.cloned().unwrap_or_else(|| ValueInfoProto { name: Some((*name).to_owned()), r#type: None })
        };
        let graph = GraphProto {
            node: chosen.iter().filter_map(|place| self.graph.node.get(*place)).cloned().collect(),
            initializer: self
                .graph
                .initializer
                .iter()
                .filter(|tensor| is_needed(tensor.name.as_deref()))
                .cloned()
                .collect(),
            input: inputs.iter().map(value).collect(),
            output: outputs.iter().map(value).collect(),
            value_info: Vec::new(),
        };
        let part = ModelProto {
            ir_version: self.file.ir_version,
            graph: Some(graph),
            opset_import: self.file.opset_import.clone(),
            ..ModelProto::default()
        };
        Ok(part.write_buf()?)
    }
}

/// Assigns a network's nodes to stages.
struct StageCutter<'n> {
    network: &'n OnnxNetwork,
    /// By node: its stage, unless it is constant. A convolution belongs to the stage that computes its input.
    stages: Vec<Option<usize>>,
    is_convolution: Vec<bool>,
    /// The numbers of the values that depend on the input.
    values: HashMap<&'n str, usize>,
}

impl<'n> StageCutter<'n> {
    fn new(network: &'n OnnxNetwork, convolutions: &HashMap<usize, DepthwiseConvolution>) -> Self {
        let mut first_stages: HashMap<&str, usize> = HashMap::new();
        let mut values: HashMap<&str, usize> = HashMap::new();
        for name in network.inputs().filter_map(|input| input.name.as_deref()) {
            first_stages.insert(name, 0);
            values.insert(name, values.len());
        }
        let mut stages = Vec::with_capacity(network.graph.node.len());
        for (place, node) in network.graph.node.iter().enumerate() {
            let stage = node.input.iter().filter_map(|name| first_stages.get(name.as_str())).max().copied();
            stages.push(stage);
            let Some(stage) = stage else { continue };
            for name in &node.output {
                first_stages.insert(name, if convolutions.contains_key(&place) { stage + 1 } else { stage });
                values.insert(name, values.len());
            }
        }
        let is_convolution = (0..stages.len()).map(|place| convolutions.contains_key(&place)).collect();
        Self { network, stages, is_convolution, values }
    }

    fn nodes(&self) -> impl Iterator<Item = (usize, &'n NodeProto, usize, bool)> {
        let known = self.network.graph.node.iter().enumerate().zip(self.stages.iter().zip(&self.is_convolution));
        known.filter_map(|((place, node), (stage, is_convolution))| Some((place, node, (*stage)?, *is_convolution)))
    }

    fn output_names(&self) -> impl Iterator<Item = &'n str> {
        self.network.graph.output.iter().filter_map(|output| output.name.as_deref())
    }

    /// The last stage that takes each value; a stage's convolutions come after its other nodes.
    fn find_last_uses(&self) -> HashMap<&'n str, (usize, bool)> {
        let mut last: HashMap<&str, (usize, bool)> = HashMap::new();
        for (_, node, stage, is_convolution) in self.nodes() {
            for name in &node.input {
                let use_of = last.entry(name).or_insert((stage, is_convolution));
                *use_of = (*use_of).max((stage, is_convolution));
            }
        }
        last.extend(self.output_names().map(|name| (name, (usize::MAX, true))));
        last
    }

    fn cut_stages(
        &self,
        mut convolutions: HashMap<usize, DepthwiseConvolution>,
        options: &ModelOptions,
    ) -> Result<StagedModel, NetworkError> {
        let last_uses = self.find_last_uses();
        let count = self.stages.iter().flatten().max().map_or(0, |last| last + 1);
        let mut stages = Vec::with_capacity(count);
        for stage in 0..count {
            let of_stage = || self.nodes().filter(move |(_, _, of, _)| *of == stage);
            let placed = of_stage().filter_map(|(place, node, ..)| {
                let convolution = convolutions.remove(&place)?;
                let number = |name: &String| self.values.get(name.as_str()).copied();
                Some(StageConvolution {
                    input: number(node.input.first()?)?,
                    output: number(node.output.first()?)?,
                    convolution,
                })
            });
            let placed = placed.collect();
            let ended = last_uses.iter().filter(|(_, (last, _))| *last == stage);
            let finished = ended.filter_map(|(name, _)| self.values.get(name).copied()).collect();
            stages.push(Stage { part: self.cut_part(stage, &last_uses, options)?, convolutions: placed, finished });
        }
        let first = self.network.inputs().next().ok_or("it takes no input")?;
        let number = |name: &str| self.values.get(name).copied().ok_or("an output does not depend on the input");
        Ok(StagedModel {
            stages,
            value_count: self.values.len(),
            input: number(first.name.as_deref().unwrap_or_default())?,
            outputs: self.output_names().map(number).collect::<Result<_, _>>()?,
            is_planar: has_planes(first),
        })
    }

    /// The nodes of a stage as a network of its own; `None` if it has only convolutions.
    fn cut_part(
        &self,
        stage: usize,
        last_uses: &HashMap<&str, (usize, bool)>,
        options: &ModelOptions,
    ) -> Result<Option<StagePart>, NetworkError> {
        let nodes: Vec<(usize, &NodeProto)> = self
            .nodes()
            .filter(|(_, _, of, is_convolution)| *of == stage && !is_convolution)
            .map(|(place, node, ..)| (place, node))
            .collect();
        if nodes.is_empty() {
            return Ok(None);
        }
        let made: HashSet<&str> = nodes.iter().flat_map(|(_, node)| &node.output).map(String::as_str).collect();
        let taken: BTreeSet<&str> = nodes.iter().flat_map(|(_, node)| &node.input).map(String::as_str).collect();
        let taken: Vec<&str> =
            taken.into_iter().filter(|name| self.values.contains_key(name) && !made.contains(name)).collect();
        let is_taken_later = |name: &&str| last_uses.get(name).is_some_and(|last| *last > (stage, false));
        let given: BTreeSet<&str> = made.into_iter().filter(is_taken_later).collect();
        let given: Vec<&str> = given.into_iter().collect();
        let places = nodes.iter().map(|(place, _)| *place).collect();
        let model = options.load(self.network.write_part(&places, &taken, &given)?)?;
        let inputs = taken.iter().map(|name| {
            let is_last_use = last_uses.get(name) == Some(&(stage, false));
            Ok(StageInput { node: model.node_id(name)?, value: self.number(name), is_last_use })
        });
        let inputs = inputs.collect::<Result<_, NetworkError>>()?;
        let outputs = given.iter().map(|name| Ok((model.node_id(name)?, self.number(name))));
        let outputs = outputs.collect::<Result<_, NetworkError>>()?;
        Ok(Some(StagePart { model, inputs, outputs }))
    }

    fn number(&self, name: &str) -> usize {
        self.values.get(name).copied().unwrap_or(usize::MAX)
    }
}

/// Whether an input has three channels before its rows.
fn has_planes(input: &ValueInfoProto) -> bool {
    let shape = input.r#type.as_ref().and_then(|one| one.tensor_type.as_ref()).and_then(|tensor| tensor.shape.as_ref());
    shape.and_then(|shape| shape.dim.get(1)).is_some_and(|dimension| dimension.dim_value == Some(3))
}
