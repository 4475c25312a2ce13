/* Calls functions of the play pages' almost.js: a list of {call, args, bundle | table} on stdin, their results on stdout.
 *
 * `bundle` puts an unpacked bundle before the arguments, `table` = [data set, law] a table of the knee calculator.
 */
"use strict";

const { readFileSync } = require("fs");
const { join } = require("path");

const scripts = process.argv[2];
const an = require(join(scripts, "almost.js"));
const known = {};
function data(name) {
  if (!known[name]) require(join(scripts, `${name}.js`));
  return (known[name] ??= globalThis.AlmostNothingData[name]);
}
const unpacked = {};
const model = (name) => (unpacked[name] ??= an.unpack(data(name)));

const found = JSON.parse(readFileSync(0, "utf8")).map(({ call, args, bundle, table }) => {
  if (call === "accuracy") return an.curve(data("curves").datasets[table[0]].laws[table[1]], args[0], args[2])(args[1]);
  if (call === "image") return Array.from(model(bundle).image(args[0]));
  if (table) return an[call](data("curves").datasets[table[0]].laws[table[1]], ...args);
  const made = bundle ? an[call](model(bundle), ...args) : an[call](...args);
  return ArrayBuffer.isView(made) ? Array.from(made) : made;
});
process.stdout.write(JSON.stringify(found));
