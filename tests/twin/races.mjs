// The race suite over two processes.
process.env.SCEAU_TEST_STACK = "twin";
await import("../races/races.mjs");
