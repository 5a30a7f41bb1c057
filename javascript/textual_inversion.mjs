/**
 * The Textual Inversion tab: what the host loads.
 *
 * Hosts load every module of this folder with `?mtime` behind its address, maybe twice. What
 * is imported from the folder below has one address and therefore runs once.
 */

import { start } from "./textual_inversion/mount.mjs";

start();
