// What the Dockerfile and .dockerignore must hold to: each rule gives the reason it is broken for.
import { createRequire } from "node:module";

const { DockerfileParser } = createRequire(new URL("../interop/package.json", import.meta.url))("dockerfile-ast");

const SECRET = /passw|secret|token|credential|private|api_?key/i;
const BINARY = "/usr/local/bin/sceau";
/// What the final image takes from the builder, and nothing else.
const TAKEN = new Map([
  ["/build/target/release/sceau", BINARY],
  ["/build/data", "/var/lib/sceau"],
]);

/// Why this Dockerfile is refused: nothing when it is good. `inputs` are the files the build reads outside `src`.
export function faults(dockerfile, ignored, inputs) {
  const all = DockerfileParser.parse(dockerfile).getInstructions().map(read);
  const starts = all.flatMap((one, index) => (one.keyword === "FROM" ? [index] : []));
  if (starts.length !== 2) return [`${starts.length} stages`];
  const [builder, final] = [all.slice(starts[0], starts[1]), all.slice(starts[1])];
  return [
    ...sources(builder[0], final[0]),
    ...everywhere(all),
    ...inBuilder(builder, inputs),
    ...inFinal(final),
    ...ignoring(ignored, inputs),
  ];
}

function read(instruction) {
  const keyword = instruction.getKeyword().toUpperCase();
  const words = instruction.getArguments().map((word) => word.getValue());
  const flags = (instruction.getFlags?.() ?? []).map((flag) => flag.toString());
  return { keyword, words, flags, text: instruction.getArgumentsContent() ?? "" };
}

function sources(first, second) {
  const broken = [];
  if (first.words[1]?.toUpperCase() !== "AS" || first.words[2] !== "builder") broken.push("the first stage is not named builder");
  if (!/^gcr\.io\/distroless\/cc-debian\d+:nonroot(@sha256:[0-9a-f]{64})?$/.test(second.words[0])) broken.push("the final image is not distroless cc");
  for (const { words: [image] } of [first, second]) if (!/[:@]/.test(image) || /:latest$/.test(image)) broken.push("an image without tag");
  return broken;
}

function everywhere(all) {
  const broken = [];
  for (const { keyword, words, flags, text } of all) {
    if (keyword === "ADD") broken.push("ADD");
    if (["RUN", "CMD", "ENTRYPOINT"].includes(keyword) && !execForm(text)) broken.push("shell form");
    if (keyword === "SHELL") broken.push("SHELL");
    if (["ARG", "ENV"].includes(keyword) && words.some((word) => SECRET.test(word))) broken.push("a secret in ARG or ENV");
    if (flags.some((flag) => flag.startsWith("--mount=type=secret")) || /:\/\/[^/\s]*:[^/\s]*@/.test(text)) broken.push("a secret in the build");
    if (/\b(curl|wget)\b/.test(text)) broken.push("a download");
  }
  return broken;
}

function execForm(text) {
  try {
    const words = JSON.parse(text);
    const shell = ["sh", "bash", "/bin/sh", "/bin/bash"].includes(words[0]);
    return Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === "string") && !shell;
  } catch {
    return false;
  }
}

function inBuilder(stage, inputs) {
  const broken = [];
  const copied = stage.filter((one) => one.keyword === "COPY").flatMap((one) => one.words.slice(0, -1));
  if (copied.includes(".")) broken.push("the whole folder is copied");
  if (!copied.includes("src")) broken.push("src is not copied");
  for (const input of inputs) if (!copied.some((path) => input === path || input.startsWith(`${path}/`))) broken.push(`${input} is not copied`);
  const builds = stage.filter((one) => one.keyword === "RUN" && one.text.includes('"cargo"'));
  if (!builds.every((one) => one.text.includes('"--locked"')) || builds.length === 0) broken.push("the build is not locked");
  return broken;
}

function inFinal(stage) {
  const broken = [];
  const of = (keyword) => stage.filter((one) => one.keyword === keyword);
  const user = of("USER").at(-1)?.words[0] ?? "";
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user)) broken.push("USER is not a number other than 0");
  if (of("RUN").length > 0) broken.push("RUN in the final image");
  const copies = of("COPY");
  for (const { words, flags } of copies) {
    if (!flags.includes("--from=builder")) broken.push("COPY from elsewhere");
    if (words.length !== 2 || TAKEN.get(words[0]) !== words[1]) broken.push("COPY of more than the binary and the data folder");
    if (words[1] === BINARY && !(flags.includes("--chown=0:0") && flags.includes("--chmod=0555"))) broken.push("the user could change the binary");
  }
  if (!copies.some((one) => one.words[1] === BINARY)) broken.push("no binary");
  if (of("EXPOSE").map((one) => one.words.join(" ")).join() !== "8443") broken.push("EXPOSE is not the service alone");
  if (of("ENTRYPOINT").at(-1)?.text !== `["${BINARY}"]`) broken.push("ENTRYPOINT is not the binary");
  const labels = of("LABEL").map((one) => one.text).join(" ");
  for (const name of ["title", "description", "version", "licenses"]) if (!labels.includes(`org.opencontainers.image.${name}=`)) broken.push(`no label ${name}`);
  return broken;
}

/// Everything is left out but what is named, and what could be secret is left out again.
function ignoring(text, inputs) {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const broken = [];
  if (lines[0] !== "*") broken.push(".dockerignore lets through what it does not name");
  const wanted = ["Cargo.toml", "Cargo.lock", "src", ...inputs.map((input) => input.split("/")[0])];
  for (const path of wanted) if (!lines.includes(`!${path}`)) broken.push(`.dockerignore leaves out ${path}`);
  for (const line of lines) if (line.startsWith("!") && !wanted.includes(line.slice(1))) broken.push(`.dockerignore lets ${line.slice(1)} in`);
  for (const end of ["sqlite*", "kek", "pem", "key"]) if (!lines.includes(`**/*.${end}`)) broken.push(`.dockerignore lets *.${end} in`);
  return broken;
}
