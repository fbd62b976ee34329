// Builds one module (and one style sheet) per pane into the Python package.
import * as esbuild from "esbuild";

await esbuild.build({
  absWorkingDir: import.meta.dirname,
  entryPoints: [
    "src/wire.ts",
    "src/controls.ts",
    "src/status.ts",
    "src/image_pane.ts",
    "src/map_grid.ts",
    "src/input_strip.ts",
    "src/slider.ts",
    "src/pane_link.ts",
    "src/cell_arithmetic.ts",
    "src/controls.css",
    "src/status.css",
    "src/image_pane.css",
    "src/map_grid.css",
    "src/input_strip.css",
    "src/slider.css",
    "src/pane_link.css",
    "src/cell_arithmetic.css",
  ],
  outdir: "../nbexplain/widgets/static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  logLevel: "info",
});
