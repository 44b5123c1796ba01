// Makes a TensorFlow.js graph model of MediaPipe's face detector, as @aws-amplify/ui-react-liveness expects it: a picture of
// 1×128×128×3 numbers from -1 to 1 goes in, and `Identity` has for each of 896 anchors one score, a box and six points.
//
// AWS serves such a model from a CDN of its own, which the page's policy forbids, and no package has it in this form. It is made
// at each build from the .tflite in @mediapipe/face_detection, which the lock file pins: nothing binary is committed, and
// nothing can become older than what it was made of.

import { readModel, type Model, type Operator, type Tensor } from './aws-assets.tflite.ts';

export interface GraphModel {
  json: string;
  weights: Uint8Array;
}

export const SHARD = 'group1-shard1of1.bin';

type Attributes = Record<string, unknown>;

interface Node {
  name: string;
  op: string;
  input?: string[];
  attr: Attributes;
}

interface Weight {
  name: string;
  shape: number[];
  dtype: 'float32' | 'int32';
  quantization?: { dtype: 'float16'; original_dtype: 'float32' };
}

const INT = { type: 'DT_INT32' };
const FLOAT = { T: { type: 'DT_FLOAT' } };
const NHWC = { data_format: text('NHWC') };

export function graphModel(tflite: Uint8Array): GraphModel {
  const graph = new Graph(readModel(tflite));
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

class Graph {
  readonly nodes: Node[] = [];
  readonly weights: Weight[] = [];
  readonly data: Uint8Array[] = [];
  // What was 16 bits wide in the file stays so in ours: TensorFlow.js widens it itself.
  private readonly widened = new Map<number, number>();

  constructor(private readonly model: Model) {
    for (const each of model.inputs) this.placeholder(each);
    for (const each of model.operators) this.operator(each);
    this.result();
  }

  private operator(operator: Operator): void {
    const [input = -1, second = -1, third = -1] = operator.inputs;
    const [output = -1] = operator.outputs;
    const { options } = operator;
    switch (options.kind) {
      case 'DEQUANTIZE':
        this.widened.set(output, input);
        return;
      case 'CONV_2D':
        return this.convolution('Conv2D', output, input, this.conv2dFilter(second), third, options);
      case 'DEPTHWISE_CONV_2D':
        return this.convolution('DepthwiseConv2dNative', output, input, this.depthwiseFilter(second), third, options);
      case 'MAX_POOL_2D':
        return this.add(nameOf(output), 'MaxPool', [this.value(input)], {
          ...FLOAT,
          ...NHWC,
          ksize: list([1, ...options.window, 1]),
          strides: list([1, ...options.strides, 1]),
          padding: text(options.padding),
        });
      case 'CONCATENATION':
        return this.concatenation(nameOf(output), operator.inputs.map((each) => this.value(each)), options.axis);
      case 'ADD':
        return this.add(nameOf(output), 'AddV2', [this.value(input), this.value(second)], FLOAT);
      case 'RELU':
        return this.add(nameOf(output), 'Relu', [this.value(input)], FLOAT);
      case 'PAD':
        return this.add(nameOf(output), 'Pad', [this.value(input), this.value(second)], { ...FLOAT, Tpaddings: INT });
      case 'RESHAPE': {
        const shape = this.integers(`${nameOf(output)}/shape`, this.tensor(output).shape);
        return this.add(nameOf(output), 'Reshape', [this.value(input), shape], { ...FLOAT, Tshape: INT });
      }
    }
  }

  private convolution(
    op: string,
    output: number,
    input: number,
    filter: string,
    bias: number,
    options: { padding: string; strides: [number, number] },
  ): void {
    const name = `${nameOf(output)}/${op}`;
    this.add(name, op, [this.value(input), filter], {
      ...FLOAT,
      ...NHWC,
      strides: list([1, ...options.strides, 1]),
      dilations: list([1, 1, 1, 1]),
      padding: text(options.padding),
    });
    this.add(nameOf(output), 'BiasAdd', [name, this.value(bias)], { ...FLOAT, ...NHWC });
  }

  // TensorFlow Lite has output channels, height, width, input channels; TensorFlow has height, width, input, output.
  private conv2dFilter(index: number): string {
    const source = this.source(index);
    const [outputs = 0, height = 0, width = 0, inputs = 0] = source.shape;
    const size = bytesEach(source);
    const data = new Uint8Array(dataOf(source).length);
    let to = 0;
    for (let place = 0; place < height * width; place += 1) {
      for (let input = 0; input < inputs; input += 1) {
        for (let output = 0; output < outputs; output += 1) {
          const from = ((output * height * width + place) * inputs + input) * size;
          data.set(dataOf(source).subarray(from, from + size), to);
          to += size;
        }
      }
    }
    return this.constant(nameOf(index), { ...source, shape: [height, width, inputs, outputs], data });
  }

  // TensorFlow Lite has one, height, width, channels; TensorFlow has height, width, channels, one: the same order of numbers.
  private depthwiseFilter(index: number): string {
    const source = this.source(index);
    const [one, height = 0, width = 0, channels = 0] = source.shape;
    if (one !== 1) throw new Error(`A depthwise filter has the shape ${source.shape.join('×')}.`);
    return this.constant(nameOf(index), { ...source, shape: [height, width, channels, 1] });
  }

  private result(): void {
    const byWidth = [...this.model.outputs].sort((a, b) => this.lastSide(a) - this.lastSide(b));
    const widths = byWidth.map((each) => this.lastSide(each)).join('+');
    if (widths !== '1+16') throw new Error(`The model gives ${widths} numbers for an anchor, not a score and 16 coordinates.`);
    this.concatenation('Identity', byWidth.map(nameOf), 2);
  }

  private lastSide(index: number): number {
    return this.tensor(index).shape.at(-1) ?? 0;
  }

  private concatenation(name: string, values: string[], axis: number): void {
    const along = this.integers(`${name}/axis`, axis);
    this.add(name, 'ConcatV2', [...values, along], { ...FLOAT, Tidx: INT, N: { i: values.length } });
  }

  private placeholder(index: number): void {
    const dim = this.tensor(index).shape.map((size) => ({ size }));
    this.add(nameOf(index), 'Placeholder', undefined, { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim } } });
  }

  private integers(name: string, values: number | number[]): string {
    const numbers = [values].flat();
    const data = new Uint8Array(Int32Array.from(numbers).buffer);
    return this.constant(name, { shape: Array.isArray(values) ? [numbers.length] : [], dtype: 'int32', data });
  }

  private value(index: number): string {
    const name = nameOf(index);
    if (this.nodes.some((node) => node.name === name)) return name;
    return this.constant(name, this.source(index));
  }

  private constant(name: string, source: Tensor): string {
    const dtype = source.dtype === 'int32' ? 'int32' : 'float32';
    const weight: Weight = { name, shape: source.shape, dtype };
    if (source.dtype === 'float16') weight.quantization = { dtype: 'float16', original_dtype: 'float32' };
    this.weights.push(weight);
    this.data.push(dataOf(source));
    this.add(name, 'Const', undefined, { dtype: { type: dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT' } });
    return name;
  }

  private source(index: number): Tensor {
    return this.tensor(this.widened.get(index) ?? index);
  }

  private tensor(index: number): Tensor {
    const tensor = this.model.tensors[index];
    if (!tensor) throw new Error(`The model has no tensor ${index}.`);
    return tensor;
  }

  private add(name: string, op: string, input: string[] | undefined, attr: Attributes): void {
    this.nodes.push(input ? { name, op, input, attr } : { name, op, attr });
  }
}

function nameOf(index: number): string {
  return `t${index}`;
}

function dataOf(tensor: Tensor): Uint8Array {
  if (!tensor.data) throw new Error(`A constant of ${tensor.shape.join('×')} numbers has no data.`);
  return tensor.data;
}

function bytesEach(tensor: Tensor): number {
  return tensor.dtype === 'float16' ? 2 : 4;
}

function text(value: string): { s: string } {
  return { s: Buffer.from(value).toString('base64') };
}

function list(values: number[]): { list: { i: number[] } } {
  return { list: { i: values } };
}
