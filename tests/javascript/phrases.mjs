/**
 * The phrases that the page's scripts have, read from their calls.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "../browser/node_modules/typescript/lib/typescript.js";
