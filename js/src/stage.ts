import { h, OWN_KEYS } from "./dom";
import { type Box, type Colours, type Grid, NAN_COLOURS, onHatch, paint } from "./raster";
import { colourTable, type Scale } from "./scale";
import { SuperpixelLayer, type Superpixels } from "./superpixel_layer";
import { fitted, inParts, ofParts, pixelsPerUnit, type Point, sceneOnStage, type Size, type View, within } from "./zoom";

export interface Layers {
  scene: Size;
  picture: { canvas: HTMLCanvasElement; holes: boolean } | null;
  map: Grid | null;
  superpixels: Superpixels | null;
  scale: Scale | null;
  opacity: number;
  fade: boolean;
  smooth: boolean;
  /** What another pane shows, in parts of the scene; null leaves the view as it is. */
  view: View | null;
}

const SHOW_PIXELS_ABOVE = 6;

/** The canvas of a pane: picture and map under one zoom, in device pixels. */
export class Stage {
  readonly canvas = h("canvas", { class: "nbx-canvas", role: "img", tabindex: "0", ...OWN_KEYS });
  scene: Size = { width: 1, height: 1 };
  view = fitted(this.scene);
  readonly #context = this.canvas.getContext("2d")!;
  readonly #backdrop = h("canvas");
  readonly #scratch = h("canvas");
  readonly #superpixels = new SuperpixelLayer();
  #image = new ImageData(1, 1);
  #backdropKey = "";
  #backdropOf: HTMLCanvasElement | null = null;

  /** Follows the size of the element on the page, in device pixels. */
  watch(resized: () => void, signal: AbortSignal): void {
    const observer = new ResizeObserver(() => {
      const width = Math.round(this.canvas.clientWidth * devicePixelRatio);
      const height = Math.round(this.canvas.clientHeight * devicePixelRatio);
      if (!width || !height || (width === this.canvas.width && height === this.canvas.height)) return;
      this.canvas.width = width;
      this.canvas.height = height;
      resized();
    });
    observer.observe(this.canvas);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  draw(layers: Layers): void {
    const { scene } = layers;
    const keep = scene.width === this.scene.width && scene.height === this.scene.height;
    this.scene = scene;
    const wanted = layers.view ? ofParts(layers.view, scene) : keep ? this.view : fitted(scene);
    this.view = within(wanted, scene, this.canvas);
    this.canvas.classList.toggle("nbx-zoomed", this.view.zoom > 1);
    const { width, height } = this.canvas;
    this.#context.clearRect(0, 0, width, height);
    const whole = sceneOnStage(scene, this.canvas, this.view);
    if (layers.picture) this.#drawPicture(layers.picture, whole);
    if (layers.map && layers.scale) this.#drawMap(layers.map, layers.scale, whole, layers);
    if (layers.superpixels) this.#superpixels.draw(this.#context, whole, layers.superpixels);
  }

  /** Where the scene lies, in device pixels. */
  place(): Box {
    return sceneOnStage(this.scene, this.canvas, this.view);
  }

  /** What is in the middle of the stage, in parts of the scene. */
  middle(): Point {
    return inParts(this.view, this.scene);
  }

  /** The enlarged picture is kept: only the zoom or another picture draws it anew. */
  #drawPicture(picture: NonNullable<Layers["picture"]>, whole: Box): void {
    const { width, height } = this.canvas;
    const key = [width, height, whole.x, whole.y, whole.width].join();
    if (key !== this.#backdropKey || picture.canvas !== this.#backdropOf) {
      this.#backdropKey = key;
      this.#backdropOf = picture.canvas;
      this.#backdrop.width = width; // also clears it
      this.#backdrop.height = height;
      const context = this.#backdrop.getContext("2d")!;
      const scale = pixelsPerUnit(this.scene, this.canvas, this.view);
      context.imageSmoothingEnabled = scale < SHOW_PIXELS_ABOVE;
      context.imageSmoothingQuality = "high";
      if (picture.holes) {
        context.fillStyle = context.createPattern(hatching(), "repeat")!;
        context.fillRect(whole.x, whole.y, whole.width, whole.height);
      }
      context.drawImage(picture.canvas, whole.x, whole.y, whole.width, whole.height);
    }
    this.#context.drawImage(this.#backdrop, 0, 0);
  }

  #drawMap(grid: Grid, scale: Scale, whole: Box, { opacity, fade, smooth }: Layers): void {
    const left = Math.max(0, Math.round(whole.x));
    const top = Math.max(0, Math.round(whole.y));
    const width = Math.min(this.canvas.width, Math.round(whole.x + whole.width)) - left;
    const height = Math.min(this.canvas.height, Math.round(whole.y + whole.height)) - top;
    if (width < 1 || height < 1) return;
    const [across, down] = [grid.width / whole.width, grid.height / whole.height];
    const part = { x: (left - whole.x) * across, y: (top - whole.y) * down, width: width * across, height: height * down };
    const colours: Colours = { table: colourTable(scale, fade), from: scale.from, to: scale.to };
    if (this.#image.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
      this.#scratch.width = width;
      this.#scratch.height = height;
    }
    paint(new Uint32Array(this.#image.data.buffer), width, height, grid, part, colours, smooth);
    this.#scratch.getContext("2d")!.putImageData(this.#image, 0, 0);
    this.#context.globalAlpha = opacity;
    this.#context.drawImage(this.#scratch, left, top);
    this.#context.globalAlpha = 1;
  }
}

function hatching(): HTMLCanvasElement {
  const tile = h("canvas", { width: "8", height: "8" });
  const image = new ImageData(8, 8);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < 64; i++) pixels[i] = NAN_COLOURS[onHatch(i & 7, i >> 3) ? 1 : 0];
  tile.getContext("2d")!.putImageData(image, 0, 0);
  return tile;
}
