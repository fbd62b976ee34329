/**
 * Perceptually uniform, colour-blind safe maps as knots between which RGB is interpolated: hexadecimal position, red,
 * green, blue. These are the fewest knots that stay within 2/255 of matplotlib's tables. In the diverging maps blue or
 * purple is negative, red or orange is positive.
 */
const KNOTS = {
  viridis: "0044015408470d602346307e423a548c841f948c9922a884aa35b779c569cd5be9c5e021f4e2e418fffde725",
  magma: "000000040502020b16110c2f292a115c37420f754f681c8175a5317e97db476aadf3655cc0fc8961dafeb97ffffcfdbf",
  cividis: "0000224e0a002a5f160031711a0c347025233c6e4447516c7573747596928c78c5c1b26ae9e8d24ffbfde334fffee838",
  gray: "00000000ffffffff",
  RdBu: "00053061181f63a8324291c24a8ac0db63cae1ee7ff6f7f797fdddcbaef6af8ec9da6853e5b3192cff67001f",
  PuOr: "002d004b19532687307b6aa847a79fca62d2d3e77ff6f6f796fde3beb0fdbc6bcce08214e1bb5f08ff7f3b08",
  berlin: "009eb0ff029ab0fd1b5da5dd2b3c8eb93f296988671126307b140f1088220c02a74b1602b76a2510ca924632ffffadad",
} as const;

export type Colormap = keyof typeof KNOTS;

export const COLORMAPS = Object.keys(KNOTS) as Colormap[];

export function isDiverging(name: Colormap): boolean {
  return name === "RdBu" || name === "PuOr" || name === "berlin";
}

/** The map for a trait's value: "auto" is diverging for signed values and sequential otherwise. */
export function chooseColormap(name: string, signed: boolean): Colormap {
  if (name in KNOTS) return name as Colormap;
  return signed ? "RdBu" : "viridis";
}

const palettes = new Map<Colormap, Uint8Array>();

/** 256 RGB triples. */
export function palette(name: Colormap): Uint8Array {
  let rgb = palettes.get(name);
  if (!rgb) palettes.set(name, (rgb = interpolate(KNOTS[name])));
  return rgb;
}

function interpolate(knots: string): Uint8Array {
  const byte = (at: number): number => Number.parseInt(knots.slice(at, at + 2), 16);
  const rgb = new Uint8Array(768);
  for (let knot = 0; knot + 8 < knots.length; knot += 8) {
    const [start, end] = [byte(knot), byte(knot + 8)];
    for (let i = start; i <= end; i++) {
      const t = (i - start) / (end - start);
      for (let c = 0; c < 3; c++) {
        const from = byte(knot + 2 + 2 * c);
        rgb[3 * i + c] = Math.round(from + t * (byte(knot + 10 + 2 * c) - from));
      }
    }
  }
  return rgb;
}
