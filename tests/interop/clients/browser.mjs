#!/usr/bin/env node
// Stands for the person's browser: allows what the address asks for, and follows the answer to the client's callback.

import { allow } from "./person.mjs";

const address = process.argv.at(-1);
const back = await allow(address);
const reply = await fetch(back);
if (!reply.ok) throw new Error(`the callback answered ${reply.status}: ${await reply.text()}`);
