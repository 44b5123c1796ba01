// Makes a TensorFlow.js graph model of MediaPipe's face detector, as @aws-amplify/ui-react-liveness expects it: a picture of
// 1×128×128×3 numbers from -1 to 1 goes in, and `Identity` has for each of 896 anchors one score, a box and six points.
//
// AWS serves such a model from a CDN of its own, which the page's policy forbids, and no package has it in this form. It is made
// at each build from the .tflite in @mediapipe/face_detection, which the lock file pins: nothing binary is committed, and
// nothing can become older than what it was made of.

import { readModel, type TfliteModel, type ModelOperator, type ModelTensor } from './aws-assets.tflite.ts';

export interface GraphModel {
  json: string;
  weights: Uint8Array;
}

export const SHARD = 'group1-shard1of1.bin';

type NodeAttributes = Record<string, unknown>;

interface GraphNode {
  name: string;
  op: string;
  input?: string[];
  attr: NodeAttributes;
}

interface GraphWeight {
  name: string;
  shape: number[];
  dtype: 'float32' | 'int32';
  quantization?: { dtype: 'float16'; original_dtype: 'float32' };
}

const INT = { type: 'DT_INT32' };
const FLOAT = { T: { type: 'DT_FLOAT' } };
const NHWC = { data_format: encodeText('NHWC') };

export function convertToGraphModel(tflite: Uint8Array): GraphModel {
  const graph = new GraphBuilder(readModel(tflite));
  const topology = { node: graph.nodes, versions: { producer: 898 } };
  const json = {
    format: 'graph-model',
    generatedBy: '@mediapipe/face_detection, face_detection_short_range.tflite (Apache-2.0)',
    convertedBy: 'Identivia, web/scripts/aws-assets.model.ts',
    modelTopology: topology,
    weightsManifest: [{ paths: [SHARD], weights: graph.weights }],
  };
  return { json: JSON.stringify(json), weights: Buffer.concat(graph.data) };
}

class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly weights: GraphWeight[] = [];
  readonly data: Uint8Array[] = [];
  // Maps a tensor to its 16-bit source. The weights stay 16 bits wide: TensorFlow.js widens them itself.
  private readonly widened = new Map<number, number>();

  constructor(private readonly model: TfliteModel) {
    for (const each of model.inputs) this.addPlaceholder(each);
    for (const each of model.operators) this.addOperator(each);
    this.addResult();
  }

  private addOperator(operator: ModelOperator): void {
    const [input = -1, second = -1, third = -1] = operator.inputs;
    const [output = -1] = operator.outputs;
    const { options } = operator;
    switch (options.kind) {
      case 'DEQUANTIZE':
        this.widened.set(output, input);
        return;
      case 'CONV_2D':
        return this.addConvolution('Conv2D', output, input, this.addConv2dFilter(second), third, options);
      case 'DEPTHWISE_CONV_2D':
        return this.addConvolution('DepthwiseConv2dNative', output, input, this.addDepthwiseFilter(second), third, options);
      case 'MAX_POOL_2D':
        return this.addNode(toNodeName(output), 'MaxPool', [this.addValue(input)], {
          ...FLOAT,
          ...NHWC,
          ksize: encodeList([1, ...options.window, 1]),
          strides: encodeList([1, ...options.strides, 1]),
          padding: encodeText(options.padding),
        });
      case 'CONCATENATION':
        return this.addConcatenation(toNodeName(output), operator.inputs.map((each) => this.addValue(each)), options.axis);
      case 'ADD':
        return this.addNode(toNodeName(output), 'AddV2', [this.addValue(input), this.addValue(second)], FLOAT);
      case 'RELU':
        return this.addNode(toNodeName(output), 'Relu', [this.addValue(input)], FLOAT);
      case 'PAD':
        return this.addNode(toNodeName(output), 'Pad', [this.addValue(input), this.addValue(second)], { ...FLOAT, Tpaddings: INT });
      case 'RESHAPE': {
        const shape = this.addIntegers(`${toNodeName(output)}/shape`, this.tensor(output).shape);
        return this.addNode(toNodeName(output), 'Reshape', [this.addValue(input), shape], { ...FLOAT, Tshape: INT });
      }
    }
  }

  private addConvolution(
    op: string,
    output: number,
    input: number,
    filter: string,
    bias: number,
    options: { padding: string; strides: [number, number] },
  ): void {
    const name = `${toNodeName(output)}/${op}`;
    this.addNode(name, op, [this.addValue(input), filter], {
      ...FLOAT,
      ...NHWC,
      strides: encodeList([1, ...options.strides, 1]),
      dilations: encodeList([1, 1, 1, 1]),
      padding: encodeText(options.padding),
    });
    this.addNode(toNodeName(output), 'BiasAdd', [name, this.addValue(bias)], { ...FLOAT, ...NHWC });
  }

  // TensorFlow Lite has output channels, height, width, input channels; TensorFlow has height, width, input, output.
  private addConv2dFilter(index: number): string {
    const source = this.source(index);
    const [outputs = 0, height = 0, width = 0, inputs = 0] = source.shape;
    const size = countBytesEach(source);
    const data = new Uint8Array(requireData(source).length);
    let to = 0;
    for (let place = 0; place < height * width; place += 1) {
      for (let input = 0; input < inputs; input += 1) {
        for (let output = 0; output < outputs; output += 1) {
          const from = ((output * height * width + place) * inputs + input) * size;
          data.set(requireData(source).subarray(from, from + size), to);
          to += size;
        }
      }
    }
    return this.addConstant(toNodeName(index), { ...source, shape: [height, width, inputs, outputs], data });
  }

  // TensorFlow Lite has one, height, width, channels; TensorFlow has height, width, channels, one: the same order of numbers.
  private addDepthwiseFilter(index: number): string {
    const source = this.source(index);
    const [one, height = 0, width = 0, channels = 0] = source.shape;
    if (one !== 1) throw new Error(`A depthwise filter has the shape ${source.shape.join('×')}.`);
    return this.addConstant(toNodeName(index), { ...source, shape: [height, width, channels, 1] });
  }

  private addResult(): void {
    const byWidth = [...this.model.outputs].sort((a, b) => this.findLastSide(a) - this.findLastSide(b));
    const widths = byWidth.map((each) => this.findLastSide(each)).join('+');
    if (widths !== '1+16') throw new Error(`The model gives ${widths} numbers for an anchor, not a score and 16 coordinates.`);
    this.addConcatenation('Identity', byWidth.map(toNodeName), 2);
  }

  private findLastSide(index: number): number {
    return this.tensor(index).shape.at(-1) ?? 0;
  }

  private addConcatenation(name: string, values: string[], axis: number): void {
    const along = this.addIntegers(`${name}/axis`, axis);
    this.addNode(name, 'ConcatV2', [...values, along], { ...FLOAT, Tidx: INT, N: { i: values.length } });
  }

  private addPlaceholder(index: number): void {
    const dim = this.tensor(index).shape.map((size) => ({ size }));
    this.addNode(toNodeName(index), 'Placeholder', undefined, { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim } } });
  }

  private addIntegers(name: string, values: number | number[]): string {
    const numbers = [values].flat();
    const data = new Uint8Array(Int32Array.from(numbers).buffer);
    return this.addConstant(name, { shape: Array.isArray(values) ? [numbers.length] : [], dtype: 'int32', data });
  }

  private addValue(index: number): string {
    const name = toNodeName(index);
    if (this.nodes.some((node) => node.name === name)) return name;
    return this.addConstant(name, this.source(index));
  }

  private addConstant(name: string, source: ModelTensor): string {
    const dtype = source.dtype === 'int32' ? 'int32' : 'float32';
    const weight: GraphWeight = { name, shape: source.shape, dtype };
    if (source.dtype === 'float16') weight.quantization = { dtype: 'float16', original_dtype: 'float32' };
    this.weights.push(weight);
    this.data.push(requireData(source));
    this.addNode(name, 'Const', undefined, { dtype: { type: dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT' } });
    return name;
  }

  private source(index: number): ModelTensor {
    return this.tensor(this.widened.get(index) ?? index);
  }

  private tensor(index: number): ModelTensor {
    const tensor = this.model.tensors[index];
    if (!tensor) throw new Error(`The model has no tensor ${index}.`);
    return tensor;
  }

  private addNode(name: string, op: string, input: string[] | undefined, attr: NodeAttributes): void {
    this.nodes.push(input ? { name, op, input, attr } : { name, op, attr });
  }
}

function toNodeName(index: number): string {
  return `t${index}`;
}

function requireData(tensor: ModelTensor): Uint8Array {
  if (!tensor.data) throw new Error(`A constant of ${tensor.shape.join('×')} numbers has no data.`);
  return tensor.data;
}

function countBytesEach(tensor: ModelTensor): number {
  return tensor.dtype === 'float16' ? 2 : 4;
}

function encodeText(value: string): { s: string } {
  return { s: Buffer.from(value).toString('base64') };
}

function encodeList(values: number[]): { list: { i: number[] } } {
  return { list: { i: values } };
}
