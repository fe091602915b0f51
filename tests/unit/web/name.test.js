import assert from "node:assert/strict";
import { test } from "node:test";
import { hue, initials } from "../../../web/shell/name.js";

const PORTRAITS = [ // the same rows are in tests/unit/test_macros.py
  ["Amara Okafor, MD, PhD", "AO", 1],
  ["Dr Layla Haddad", "LH", 9],
  ["Erik Lindqvist", "EL", 2],
  ["Zoé", "Z", 8],
  ["李 小龙", "李小", 5],
  ["", "", 0],
];

for (const [name, letters, colour] of PORTRAITS) {
  test(`${name || "no name"} looks the same here and in the macros`, () => {
    assert.equal(initials(name), letters);
    assert.equal(hue(name), colour);
  });
}
