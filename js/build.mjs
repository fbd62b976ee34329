// Builds one module (and one style sheet) per pane into the Python package. `--watch` rebuilds on every change.
import * as esbuild from "esbuild";

const options = {
  absWorkingDir: import.meta.dirname,
  entryPoints: [
    "src/wire.ts",
    "src/controls.ts",
    "src/status.ts",
    "src/image_pane.ts",
    "src/map_grid.ts",
    "src/controls.css",
    "src/status.css",
    "src/image_pane.css",
    "src/map_grid.css",
  ],
  outdir: "../nbexplain/widgets/static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  logLevel: "info",
};

if (process.argv.includes("--watch")) await (await esbuild.context(options)).watch();
else await esbuild.build(options);
